import type { Check } from '../check.js';
import { withCode } from '../form.js';
import type { CodeForm } from '../manifest.js';
import type { Stage } from '../stage.js';
import { arrange, ensure, skip } from '../verdict.js';
import { refuseHostile, hostileJson } from './hostile-codes.js';

const ATTACKER = 'https://attacker.example';

/** The second step by JSON: another door to the same rules. */
export const api: Check[] = [
  {
    id: 'api-login',
    kind: 'story',
    rule: 'R1',
    title: 'A login with the password and a code that is sent as JSON signs in',
    needs: ['api'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.pending(person);
      const { story } = await stage.attempt(browser, person, 'api.challenge', await stage.nextCode(person));
      ensure(await stage.isSignedIn(browser, person), `the right code did not sign in: ${story}`);
      return 'signed in';
    },
  },
  {
    id: 'api-code-twice',
    kind: 'attack',
    rule: 'R3',
    title: 'A code that was used on the page is not accepted as JSON, nor the other way round',
    needs: ['api'],
    controls: ['api'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const challenges = [stage.manifest.challenge, apiOf(stage)];
      for (const [first, second] of [challenges, challenges.toReversed()]) {
        if (!first || !second) continue;
        const code = await stage.nextCode(person);
        const owner = await stage.pending(person);
        await stage.submitCode(owner, first, person, code);
        arrange(await stage.isSignedIn(owner, person), `api: ${first.path} did not take the right code`);
        const thief = await stage.pending(person);
        await stage.submitCode(thief, second, person, code);
        ensure(!(await stage.isSignedIn(thief, person)), `accepted a second time by ${second.path}`);
      }
      return 'refused the second time, both ways';
    },
  },
  {
    id: 'api-guesses',
    kind: 'attack',
    rule: 'R4',
    title: 'Wrong codes that are sent as JSON count with those of the pages',
    needs: ['api'],
    controls: ['api'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const { perUser } = stage.manifest.limits;
      for (const code of stage.wrongCodes(person, perUser)) {
        const browser = stage.browser();
        await stage.signIn(person, browser);
        await stage.submitCode(browser, apiOf(stage), person, code);
      }
      const browser = stage.browser();
      await stage.signIn(person, browser);
      const { status } = await stage.answer(browser, person, await stage.nextCode(person));
      ensure(
        !(await stage.isSignedIn(browser, person)),
        `after ${perUser} wrong codes as JSON, the page took the right one at once`,
      );
      return `after ${perUser} wrong ones the page answered the right one with ${status}`;
    },
  },
  {
    id: 'api-forged',
    kind: 'attack',
    rule: 'R11',
    title: 'Another site cannot make a browser answer by JSON, whatever it calls the body',
    needs: ['api'],
    controls: ['api'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.pending(person);
      const { fields, path } = withCode(apiOf(stage), await stage.nextCode(person));
      const old = { 'Sec-Fetch-Site': '', 'Sec-Fetch-Mode': '', 'Sec-Fetch-Dest': '' };
      const statuses: number[] = [];
      // What a form or a plain fetch() of another site can send without asking first.
      for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
        for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, old]) {
          const body =
            type === 'text/plain' ? JSON.stringify(fields) : new URLSearchParams(fields).toString();
          const all = { 'Content-Type': type, Origin: ATTACKER, Referer: `${ATTACKER}/`, ...headers };
          statuses.push((await browser.send(path, { method: 'POST', body, headers: all })).status);
        }
      }
      ensure(!(await stage.isSignedIn(browser, person)), 'a body from another site did its work');
      return `refused with ${statuses.join(', ')}`;
    },
  },
  {
    id: 'api-hostile-codes',
    kind: 'attack',
    rule: 'R11',
    title:
      'Lists, objects, numbers and over-long text in place of a code in JSON: refused, and no server error',
    needs: ['api'],
    controls: ['api'],
    run: (stage) => refuseHostile(stage, apiOf(stage), hostileJson),
  },
];

function apiOf({ manifest: { api } }: Stage): CodeForm {
  if (!api) skip('the manifest has no `api`');
  return api.challenge;
}
