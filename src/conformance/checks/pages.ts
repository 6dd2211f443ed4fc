import type { Answer } from '../browser.js';
import type { Check } from '../check.js';
import type { Stage } from '../stage.js';
import { ensure, skip } from '../verdict.js';

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
      const ends = await Promise.all(offSite.map((target) => returnTo(stage, target)));
      const gone = ends.filter((end) => end !== undefined);
      ensure(gone.length === 0, `the login went on to ${gone.join(', ')}`);
      return `${offSite.length} targets, none followed`;
    },
  },
  {
    id: 'get-changes-nothing',
    kind: 'attack',
    rule: 'R12',
    title: 'A link to any of the addresses changes nothing at the account',
    async run(stage) {
      const { setup, disable, backupCodes, cancel, challenge } = stage.manifest;
      const { person, browser } = await stage.enrolled();
      const code = await stage.nextCode(person);
      const forms = [setup, setup?.begin, disable, backupCodes?.renew, backupCodes?.saved, cancel, challenge];
      const paths = [...new Set(forms.filter((form) => form !== undefined).map(({ path }) => path))];
      for (const path of paths) {
        await browser.get(path);
        await browser.get(`${path}${path.includes('?') ? '&' : '?'}${challenge.field}=${code}`);
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

/** The challenge, and the set-up page where the manifest has one. */
async function sensitivePages(stage: Stage): Promise<Answer[]> {
  const { setup, challenge } = stage.manifest;
  const answers: Answer[] = [];
  const { person } = await stage.enrolled();
  const pending = await stage.pending(person);
  answers.push(await pending.get(challenge.page));
  if (setup) {
    const newcomer = await stage.newcomer();
    answers.push((await stage.openSetup(newcomer.browser, newcomer.person)).page);
  }
  return answers;
}

/** @returns the other site's address, where the login went there. */
async function returnTo(stage: Stage, target: string): Promise<string | undefined> {
  const { returnTo, login, challenge } = stage.manifest;
  if (!returnTo) skip('the manifest has no `returnTo`');
  const { page: place, parameter } = returnTo;
  const { person } = await stage.enrolled();
  const query = (path: string): string =>
    `${path}${path.includes('?') ? '&' : '?'}${parameter}=${encodeURIComponent(target)}`;
  const twist = { fields: (fields: object) => ({ ...fields, [parameter]: target }) };
  const browser = stage.browser();
  const isAtLogin = place === 'login';
  if (isAtLogin) await stage.submit(browser, { ...login, page: query(login.page) }, person.values(), twist);
  else await stage.signIn(person, browser);
  const form = isAtLogin ? challenge : { ...challenge, page: query(challenge.page) };
  const answer = await stage.submitCode(
    browser,
    form,
    person,
    await stage.nextCode(person),
    isAtLogin ? {} : twist,
  );
  const end = await browser.follow(answer);
  ensure(await stage.isSignedIn(browser, person), `with the target ${target} the right code did not sign in`);
  return end.location && !browser.isOwn(end.location) ? end.location.origin : undefined;
}
