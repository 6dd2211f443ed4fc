import type { Check } from '../check.js';
import type { Visitor } from '../factor-owner.js';
import type { Stage } from '../stage.js';
import { arrange, ensure, skip } from '../verdict.js';

type Change = 'disable' | 'password' | 'renewal';

/** What the manifest must have for it, and what must be seen to work before. */
const changes = {
  disable: { needs: ['disable'], controls: ['disable'] },
  password: { needs: ['password'], controls: ['password'] },
  renewal: { needs: ['backupCodes.renew'], controls: ['backupCodes'] },
} satisfies Record<Change, Pick<Check, 'needs' | 'controls'>>;

/** Session ids change, and old ones die. */
export const sessions: Check[] = [
  {
    id: 'id-at-password',
    kind: 'attack',
    rule: 'R5',
    title: 'The session id changes at the password step: who planted the old one cannot answer the challenge',
    async run(stage) {
      const { person } = await stage.enrolled();
      const attacker = stage.browser();
      await attacker.open(stage.manifest.login.page);
      if (attacker.cookies().size === 0) skip('there is no cookie before the login');
      const victim = attacker.copy();
      await stage.signIn(person, victim);
      await stage.answer(attacker, person, await stage.nextCode(person));
      ensure(
        !(await stage.isSignedIn(attacker, person)),
        'the cookie from before the password is that of the half-way login',
      );
      await stage.answer(victim, person, await stage.nextCode(person));
      arrange(await stage.isSignedIn(victim, person), 'the victim, too, could not answer the challenge');
      return 'the old cookie is worth nothing';
    },
  },
  {
    id: 'id-at-completion',
    kind: 'attack',
    rule: 'R5',
    title: 'The session id changes at completion: cookies from before and from half-way are not signed in',
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = stage.browser();
      await browser.open(stage.manifest.login.page);
      const before = browser.copy();
      await stage.signIn(person, browser);
      const between = browser.copy();
      await stage.answer(browser, person, await stage.nextCode(person));
      arrange(await stage.isSignedIn(browser, person), 'challenge: the right code did not sign in');
      ensure(!(await stage.isSignedIn(between, person)), 'the cookie of the half-way login is signed in');
      ensure(!(await stage.isSignedIn(before, person)), 'the cookie from before the login is signed in');
      return 'the old cookies are worth nothing';
    },
  },
  {
    id: 'planted-session',
    kind: 'attack',
    rule: 'R5',
    title: 'A session cookie of the attacker is not signed in by the victim, with or without a second factor',
    async run(stage) {
      const [enrolled, plain] = [await stage.enrolled(), await stage.newcomer()];
      for (const { person, browser: own } of [enrolled, plain]) {
        const victim = stage.browser();
        // A session of the server's making, and names as this application uses them with a value of ours.
        await victim.open(stage.manifest.login.page);
        for (const name of own.cookies().keys()) {
          if (!victim.cookies().has(name)) victim.setCookie(name, 'planted-by-an-attacker');
        }
        const planted = victim.copy();
        await stage.signIn(person, victim);
        if (person.secret !== undefined) await stage.answer(victim, person, await stage.nextCode(person));
        arrange(
          await stage.isSignedIn(victim, person),
          'the victim could not sign in with the planted cookie',
        );
        ensure(
          !(await stage.isSignedIn(planted, person)),
          `the planted cookie is signed in${person.secret === undefined ? ' (user without a second factor)' : ''}`,
        );
      }
      return 'worth nothing afterwards';
    },
  },
  {
    id: 'logout-ends',
    kind: 'attack',
    rule: 'R5',
    title: 'A copied cookie is worth nothing after its owner has signed out',
    needs: ['logout'],
    controls: ['logout'],
    async run(stage) {
      const { person, browser } = await stage.enrolled();
      const thief = browser.copy();
      arrange(await stage.isSignedIn(thief, person), 'the copied cookie is not signed in from the start');
      await stage.act(browser, person, 'logout');
      ensure(!(await stage.isSignedIn(thief, person)), 'the copied cookie is still signed in');
      return 'signed out as well';
    },
  },
  {
    id: 'cookie-flags',
    kind: 'attack',
    rule: 'R5',
    title: 'The session cookie is HttpOnly and SameSite, and Secure with https',
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.complete(person);
      const isHttps = stage.manifest.baseUrl.startsWith('https:');
      const faults: string[] = [];
      let found = 0;
      for (const [name, line] of browser.cookieLines) {
        const without = browser.copy();
        without.setCookie(name, undefined);
        // A cookie without which one is still signed in is not the session's.
        if (await stage.isSignedIn(without, person)) continue;
        found += 1;
        if (!/;\s*httponly\b/i.test(line)) faults.push(`${name} is not HttpOnly`);
        if (!/;\s*samesite=(lax|strict)\b/i.test(line)) faults.push(`${name} has no SameSite`);
        if (isHttps && !/;\s*secure\b/i.test(line)) faults.push(`${name} is not Secure`);
      }
      arrange(found > 0, 'no cookie was found without which one is not signed in');
      ensure(faults.length === 0, faults.join(', '));
      return 'set';
    },
  },
  {
    id: 'sessions-end-at-enrolment',
    kind: 'attack',
    rule: 'R7',
    title: 'Other sessions end when a second factor is set up',
    needs: ['setup'],
    async run(stage) {
      const { person, browser } = await stage.newcomer();
      const other = await stage.pending(person);
      arrange(await stage.isSignedIn(other, person), 'login: a second session could not be opened');
      await stage.enrol(browser, person);
      ensure(!(await stage.isSignedIn(other, person)), 'a session that never gave a code is still signed in');
      return 'ended';
    },
  },
  endsAt('disable', 'the second factor is turned off'),
  endsAt('password', 'the password is changed'),
  endsAt('renewal', 'new backup codes take the place of the old ones'),
  {
    id: 'signed-out-elsewhere',
    kind: 'attack',
    rule: 'R7',
    title: 'Other sessions end when their owner signs out everywhere else, and the own one does not',
    needs: ['signOutElsewhere'],
    async run(stage) {
      const { person } = await stage.enrolled();
      // The one that signs out has given a code last: it may be asked for a fresh proof.
      const [other, browser] = [await stage.complete(person), await stage.complete(person)];
      arrange(await stage.isSignedIn(other, person), 'login: a second session ends the first one');
      await stage.act(browser, person, 'signOutElsewhere');
      ensure(!(await stage.isSignedIn(other, person)), 'the other session is still signed in');
      ensure(await stage.isSignedIn(browser, person), 'the own session has ended as well');
      return 'ended, the own one not';
    },
  },
  parkedAt('disable', 'the second factor was turned off'),
  parkedAt('password', 'the password was changed'),
  parkedAt('renewal', 'new backup codes took the place of the old ones'),
];

function endsAt(change: Change, when: string): Check {
  return {
    id: `sessions-end-at-${change}`,
    kind: 'attack',
    rule: 'R7',
    title: `Other sessions end when ${when}`,
    ...changes[change],
    async run(stage) {
      const visitor = await stage.enrolled();
      const other = await stage.complete(visitor.person);
      if (change === 'renewal') visitor.browser = await stage.complete(visitor.person);
      arrange(await stage.isSignedIn(other, visitor.person), 'login: a second session ends the first one');
      await makeChange(stage, visitor, change);
      ensure(!(await stage.isSignedIn(other, visitor.person)), 'the other session is still signed in');
      return 'ended';
    },
  };
}

function parkedAt(change: Change, when: string): Check {
  return {
    id: `parked-login-at-${change}`,
    kind: 'attack',
    rule: 'R7',
    title: `A half-way login from before cannot be completed after ${when}`,
    ...changes[change],
    async run(stage) {
      const visitor = await stage.enrolled();
      const { person } = visitor;
      if (change === 'renewal') visitor.browser = await stage.complete(person);
      const parked = await stage.pending(person);
      const code = change === 'disable' ? await stage.nextCode(person) : undefined;
      await makeChange(stage, visitor, change, code);
      await stage.answer(parked, person, await stage.nextCode(person));
      ensure(!(await stage.isSignedIn(parked, person)), 'the parked login was completed');
      return 'refused';
    },
  };
}

async function makeChange(stage: Stage, visitor: Visitor, change: Change, code?: string): Promise<void> {
  if (change === 'disable') await stage.turnOff(visitor, code);
  else if (change === 'password') await stage.changePassword(visitor);
  else await stage.renewBackupCodes(visitor);
}
