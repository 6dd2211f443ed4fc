import type { Check } from '../check.js';
import { findSecret } from '../html.js';
import type { Manifest } from '../manifest.js';
import { findCodes, type Stage, type Twist } from '../stage.js';
import { ensure, skip } from '../verdict.js';

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
      const [browser, stranger] = [await stage.pending(person), stage.browser()];
      const { setup, backupCodes } = stage.manifest;
      const pages = pagesOf(stage.manifest);
      for (const page of pages) {
        const seen = await browser.get(page);
        const isOpen = seen.status < 300;
        ensure(
          !isOpen || findSecret(seen.text, setup?.secret) === undefined,
          `${page} shows a key after the password alone`,
        );
        const codes = backupCodes && isOpen ? findCodes(seen.text, backupCodes.pattern) : [];
        ensure(codes.length === 0, `${page} shows backup codes after the password alone`);
        // What a stranger may see is not behind the login.
        ensure(!isOpen || (await stranger.get(page)).status < 300, `${page} opens after the password alone`);
      }
      return `${pages.length} pages stay shut`;
    },
  },
  {
    id: 'pending-changes',
    kind: 'attack',
    rule: 'R2',
    title: 'A half-way session changes nothing, not even with a right code',
    async run(stage) {
      const { person } = await stage.enrolled();
      const { disable, setup, backupCodes, password, challenge } = stage.manifest;
      const browser = await stage.pending(person);
      const code = await stage.nextCode(person);
      const borrowed = await browser.hidden(challenge.page, challenge.path);
      // Once with the token that the form's own page gives, and once with the challenge's.
      const twists: Twist[] = [{}, { fields: (fields) => ({ ...fields, ...borrowed }) }];
      for (const twist of twists) {
        for (const form of [disable, setup]) {
          if (form) await stage.submitCode(browser, form, person, code, twist);
        }
        for (const form of [backupCodes?.renew, backupCodes?.saved, password]) {
          if (form) await stage.submit(browser, form, person.values(), twist);
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
    async run(stage) {
      const { logout, signedIn } = stage.manifest;
      if (signedIn.contains === undefined) skip('needs signedIn.contains, to tell who is signed in');
      const [first, next] = [await stage.enrolled(), await stage.enrolled()];
      await stage.signIn(next.person, first.browser);
      ensure(
        !(await stage.isSignedIn(first.browser, next.person)),
        'a login over a complete session needs no code',
      );
      const browser = await stage.complete(first.person);
      if (logout) await stage.submit(browser, logout, first.person.values());
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
    run: (stage) => answerAfter(stage, stage.manifest.cancel, 'cancelled'),
  },
  {
    id: 'logged-out-login',
    kind: 'attack',
    rule: 'R5',
    title: 'A half-way login that was signed out cannot be answered any more',
    needs: ['logout'],
    run: (stage) => answerAfter(stage, stage.manifest.logout, 'signed out'),
  },
];

async function answerAfter(stage: Stage, form: Manifest['logout'], done: string): Promise<string> {
  const { person } = await stage.enrolled();
  const browser = await stage.pending(person);
  const code = await stage.nextCode(person);
  const thief = browser.copy();
  // The page was open before, with its tokens.
  const sends = [browser, thief].map(async (each) =>
    stage.loadCode(each, stage.manifest.challenge, person, code),
  );
  const [sendOwn, sendStolen] = await Promise.all(sends);
  if (form) await stage.submit(browser, form, person.values());
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

function pagesOf({
  signedIn,
  protected: more,
  setup,
  disable,
  backupCodes,
  password,
  challenge,
}: Manifest): string[] {
  const pages = [
    signedIn.path,
    ...more,
    setup?.page,
    disable?.page,
    backupCodes?.page,
    backupCodes?.renew?.page,
    password?.page,
  ];
  return [...new Set(pages)].filter((page) => page !== undefined && page !== challenge.page) as string[];
}
