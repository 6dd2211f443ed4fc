import type { Inspection } from '../storage/storage.js';
import type { Look } from './look.js';
import type { Finding } from '../findings.js';

/** From so many wrong answers on, and so many in a hundred: less is people who mistype. */
const notable = { wrong: 10, percent: 50 };

/** The logins whose rows are still there, which are those of the last ten to twenty minutes. */
export function describeAnswers({ seen }: Look<Inspection>): Finding {
  const logins = seen?.records?.logins;
  if (!logins)
    return {
      rows: [{ name: 'rejected', value: { word: 'not-looked-at' }, state: 'unknown' }],
      problems: [],
    };
  const { begun, completed, wrongAnswers: wrong } = logins;
  const given = wrong + completed;
  const percent = given === 0 ? 0 : Math.round((100 * wrong) / given);
  const isNotable = wrong >= notable.wrong && percent >= notable.percent;
  return {
    rows: [
      { name: 'logins-begun', value: begun, state: 'ok' },
      { name: 'logins-completed', value: completed, state: 'ok' },
      { name: 'wrong-answers', value: wrong, state: 'ok' },
      {
        name: 'rejected',
        value: given === 0 ? { word: 'none' } : `${percent} %`,
        state: isNotable ? 'notice' : 'ok',
      },
    ],
    problems: isNotable ? [{ code: 'answers-often-wrong', details: { wrong, percent } }] : [],
  };
}
