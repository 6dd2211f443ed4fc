import type { Browser } from '../browser.js';
import type { Check } from '../check.js';
import { findCodes, type Twist } from '../form.js';
import { findSecret } from '../html.js';
import type { FormPart } from '../manifest.js';
import type { Person } from '../person.js';
import type { Stage } from '../stage.js';
import { arrange, ensure, skip } from '../verdict.js';
import { findGuardedPages } from './guarded-pages.js';

/** Somebody who has given the password, and nothing else. */
export const halfWay: Check[] = [
  {
    id: 'password-only',
    kind: 'attack',
    rule: 'R1',
    title: 'Nobody is signed in after the password',
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = stage.browser();
      const answer = await stage.signIn(person, browser);
      arrange(
        answer.status < 400,
        `login: the right password was answered with ${answer.status}. Correct \`login\`.`,
      );
      await browser.follow(answer);
      const { path } = stage.manifest.signedIn;
      ensure(!(await stage.isSignedIn(browser, person)), `the password alone opens ${path}`);
      return `${path} stays shut`;
    },
  },
  {
    id: 'pending-pages',
    kind: 'attack',
    rule: 'R2',
    title:
      'A half-way session opens no page: not the account, not the set-up, not turning off, not the backup codes',
    async run(stage) {
      const { person } = await stage.enrolled();
      const pages = await findGuardedPages(stage, person);
      const browser = await stage.pending(person);
      const { setup, backupCodes } = stage.manifest;
      for (const page of pages) {
        const seen = await browser.get(page);
        if (seen.status >= 300) continue;
        ensure(
          findSecret(seen.text, setup?.secret) === undefined,
          `${page} shows a key after the password alone`,
        );
        const codes = backupCodes ? findCodes(seen.text, backupCodes.pattern) : [];
        ensure(codes.length === 0, `${page} shows backup codes after the password alone`);
        // What a stranger may see as well is not behind the login.
        const { status } = await stage.browser().get(page);
        ensure(status < 300, `${page} opens after the password alone`);
      }
      return `${pages.length} pages stay shut, and open for who is signed in`;
    },
  },
  {
    id: 'pending-changes',
    kind: 'attack',
    rule: 'R2',
    title: 'A half-way session changes nothing, not even with a right code',
    controls: ['disable', 'setup', 'password', 'api'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const { challenge } = stage.manifest;
      const browser = await stage.pending(person);
      const code = await stage.nextCode(person);
      const borrowed = await browser.hidden(challenge.page, challenge.path);
      // Once with the token that the form's own page gives, and once with the challenge's.
      const twists: Twist[] = [{}, { fields: (fields) => ({ ...fields, ...borrowed }) }];
      const parts: FormPart[] = [
        ...(['disable', 'setup', 'backupCodes.renew', 'backupCodes.saved', 'password'] as const),
        ...(['signOutElsewhere', 'api.disable'] as const),
      ];
      for (const twist of twists) {
        for (const part of parts) {
          if (stage.has(part)) await stage.attempt(browser, person, part, code, twist);
        }
      }
      ensure(!(await stage.isSignedIn(browser, person)), 'a form of another page has signed in');
      ensure(!(await stage.isLetInByPassword(person)), 'the second factor was turned off');
      await stage.complete(
        person,
        stage.browser(),
        'password or key were changed: the old ones no longer sign in',
      );
      return 'password and key are the old ones';
    },
  },
  {
    id: 'no-password',
    kind: 'attack',
    rule: 'R1',
    title: 'A code without the right password signs nobody in',
    async run(stage) {
      const { person } = await stage.enrolled();
      const code = await stage.nextCode(person);
      const stranger = stage.browser();
      await stranger.open(stage.manifest.login.page);
      await stage.answer(stranger, person, code);
      ensure(!(await stage.isSignedIn(stranger, person)), 'a code alone signs in');
      const guesser = stage.browser();
      await stage.signIn(person, guesser, `${person.password}x`);
      await stage.answer(guesser, person, code);
      ensure(!(await stage.isSignedIn(guesser, person)), 'a wrong password and a right code sign in');
      return 'refused with no password and with a wrong one';
    },
  },
  {
    id: 'proof-of-another-login',
    kind: 'attack',
    rule: 'R1',
    title: "One person's second step does not count for the next person in the same browser",
    needs: ['logout'],
    controls: ['logout'],
    async run(stage) {
      const { signedIn } = stage.manifest;
      if (signedIn.contains === undefined) skip('needs signedIn.contains, to tell who is signed in');
      const [first, next] = [await stage.enrolled(), await stage.enrolled()];
      await stage.signIn(next.person, first.browser);
      ensure(
        !(await stage.isSignedIn(first.browser, next.person)),
        'a login over a complete session needs no code',
      );
      const browser = await stage.complete(first.person);
      await stage.act(browser, first.person, 'logout');
      await stage.signIn(next.person, browser);
      ensure(
        !(await stage.isSignedIn(browser, next.person)),
        'after signing out, the next login needs no code',
      );
      return 'held, with and without signing out in between';
    },
  },
  {
    id: 'foreign-code',
    kind: 'attack',
    rule: 'R2',
    title: "A code of one person does not complete another person's login",
    async run(stage) {
      const [victim, attacker] = [await stage.enrolled(), await stage.enrolled()];
      const code = await stage.nextCode(attacker.person);
      const browser = await stage.pending(victim.person);
      await stage.answer(browser, victim.person, code);
      ensure(!(await stage.isSignedIn(browser, victim.person)), "the attacker's own code was accepted");
      const twice = await stage.pending(attacker.person);
      await stage.signIn(victim.person, twice);
      await stage.answer(twice, victim.person, code);
      const isIn =
        stage.manifest.signedIn.contains !== undefined && (await stage.isSignedIn(twice, victim.person));
      ensure(!isIn, 'it was accepted where the attacker had begun a login of their own first');
      return 'refused';
    },
  },
  {
    id: 'cancelled-login',
    kind: 'attack',
    rule: 'R5',
    title: 'A login that was cancelled cannot be answered any more',
    needs: ['cancel'],
    run: (stage) => answerAfter(stage, 'cancel', 'cancelled'),
  },
  {
    id: 'logged-out-login',
    kind: 'attack',
    rule: 'R5',
    title: 'A half-way login that was signed out cannot be answered any more',
    needs: ['logout'],
    controls: ['logout'],
    run: (stage) => answerAfter(stage, 'logout', 'signed out'),
  },
];

async function answerAfter(stage: Stage, part: 'cancel' | 'logout', done: string): Promise<string> {
  const { person } = await stage.enrolled();
  const browser = await stage.pending(person);
  const code = await stage.nextCode(person);
  const thief = browser.copy();
  // The page was open before, with its tokens.
  const sends = [browser, thief].map(async (each) =>
    stage.loadCode(each, stage.manifest.challenge, person, code),
  );
  const [sendOwn, sendStolen] = await Promise.all(sends);
  await leave(stage, browser, person, part);
  await sendOwn?.();
  ensure(
    !(await stage.isSignedIn(browser, person)),
    `the login was ${done}, and a code completed it all the same`,
  );
  await sendStolen?.();
  ensure(
    !(await stage.isSignedIn(thief, person)),
    `the login was ${done}, and its old cookie could still be answered`,
  );
  return 'refused';
}

/** Gives up a half-way login. */
async function leave(
  stage: Stage,
  browser: Browser,
  person: Person,
  part: 'cancel' | 'logout',
): Promise<void> {
  const { answer, story } = await stage.attempt(browser, person, part);
  const isSentBack = answer.location?.pathname === stage.manifest.challenge.page.split('?', 1)[0];
  const isDone = answer.status < 400 && !isSentBack;
  const seen = isSentBack ? `${story}, back to the challenge` : story;
  // It works in a whole session, as the control has shown.
  if (part === 'logout' && !isDone) skip(`a half-way login cannot be signed out here: ${seen}`);
  arrange(isDone, `${seen}. Correct \`cancel\` (path, fields, or page where the form has a token).`);
}
