import type { Answer } from '../browser.js';
import type { Check } from '../check.js';
import { addQuery } from '../form.js';
import type { Stage } from '../stage.js';
import { arrange, ensure } from '../verdict.js';
import { findFollowed, returnTo } from './return-target.js';

const offSite = [
  'https://attacker.example/',
  '//attacker.example/',
  '/\\attacker.example/',
  '/\t/attacker.example/',
];

/** What pages say and what their addresses do. */
export const pages: Check[] = [
  {
    id: 'off-site-return',
    kind: 'attack',
    rule: 'R11',
    title: 'A return target that leads to another site is not followed after the code',
    needs: ['returnTo'],
    async run(stage) {
      await findFollowed(stage);
      const ends = await Promise.all(offSite.map((target) => returnTo(stage, target)));
      const gone = ends.flatMap(({ location }) =>
        location && !stage.browser().isOwn(location) ? [location.origin] : [],
      );
      ensure(gone.length === 0, `the login went on to ${gone.join(', ')}`);
      return `${offSite.length} targets, none followed; one on this site was`;
    },
  },
  {
    id: 'get-changes-nothing',
    kind: 'attack',
    rule: 'R12',
    title: 'A link to any of the addresses changes nothing at the account',
    controls: ['setup', 'disable'],
    async run(stage) {
      const { setup, disable, backupCodes, cancel, challenge } = stage.manifest;
      const { person, browser } = await stage.enrolled();
      const code = await stage.nextCode(person);
      const forms = [setup, setup?.begin, disable, backupCodes?.renew, backupCodes?.saved, cancel, challenge];
      const paths = [...new Set(forms.filter((form) => form !== undefined).map(({ path }) => path))];
      for (const path of paths) {
        await browser.get(path);
        await browser.get(addQuery(path, challenge.field, code));
      }
      ensure(await stage.isSignedIn(browser, person), 'a GET has ended the session');
      ensure(!(await stage.isLetInByPassword(person)), 'a GET has turned the second factor off');
      const pending = await stage.pending(person);
      await stage.answer(pending, person, code);
      ensure(await stage.isSignedIn(pending, person), 'a GET has used up a code, or changed the key');
      return `${paths.length} addresses opened, nothing changed`;
    },
  },
  {
    id: 'no-store',
    kind: 'attack',
    rule: 'R8',
    title: 'Pages with keys, codes and the challenge are kept in no cache (Cache-Control: no-store)',
    async run(stage) {
      const kept = (await sensitivePages(stage)).filter(
        ({ headers }) => !/\bno-store\b/i.test(headers['cache-control'] ?? ''),
      );
      ensure(kept.length === 0, `not set on ${kept.map(({ url }) => url.pathname).join(', ')}`);
      return 'set';
    },
  },
  {
    id: 'framing',
    kind: 'attack',
    rule: 'R11',
    title: 'Another site cannot show the challenge and the set-up inside of its own page',
    async run(stage) {
      const framed = (await sensitivePages(stage)).filter(({ headers }) => {
        const policy = String(headers['content-security-policy'] ?? '');
        const isClosed = /frame-ancestors\s+('none'|'self')/i.test(policy);
        return !isClosed && !/^(deny|sameorigin)$/i.test(String(headers['x-frame-options'] ?? ''));
      });
      ensure(
        framed.length === 0,
        `neither frame-ancestors nor X-Frame-Options on ${framed.map(({ url }) => url.pathname).join(', ')}`,
      );
      return 'refused by header';
    },
  },
];

/** The challenge before and after a wrong code, and where the manifest has them, the set-up and the backup codes. */
async function sensitivePages(stage: Stage): Promise<Answer[]> {
  const { setup, challenge } = stage.manifest;
  const answers: Answer[] = [];
  const { person } = await stage.enrolled();
  const pending = await stage.pending(person);
  const asked = await pending.get(challenge.page);
  arrange(
    asked.status < 300,
    `challenge.page: ${challenge.page} was answered with ${asked.status} after the password. Correct it.`,
  );
  answers.push(asked, await stage.answer(pending, person, stage.wrongCodes(person, 1)[0] ?? ''));
  if (setup) {
    const newcomer = await stage.newcomer();
    const { page, backupCodes } = await stage.enrol(newcomer.browser, newcomer.person);
    answers.push(page, ...backupCodes);
  }
  return answers;
}
