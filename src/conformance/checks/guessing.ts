import { setTimeout as wait } from 'node:timers/promises';
import { SECOND } from '../../clock.js';
import type { Answer, Browser } from '../browser.js';
import type { Check } from '../check.js';
import type { Person } from '../person.js';
import type { Stage } from '../stage.js';
import { ensure, skip } from '../verdict.js';

/** The longest delay that a run waits for. */
const PATIENCE = 45;

/** Somebody who has the password and tries codes. */
export const guessing: Check[] = [
  {
    id: 'guesses-one-login',
    kind: 'attack',
    rule: 'R4',
    title: 'Wrong codes in the same instant are all counted: afterwards that login takes no right one',
    async run(stage) {
      const { perLogin } = stage.manifest.limits;
      // Exactly the limit, where each lost count is one guess more; and many, where a session store loses most of them.
      const statuses: number[] = [];
      for (const amount of [perLogin, perLogin + 15]) {
        const { person } = await stage.enrolled();
        const browser = await stage.pending(person);
        const send = await stage.loadCode(
          browser,
          stage.manifest.challenge,
          person,
          await stage.nextCode(person),
        );
        const thieves = Array.from({ length: amount }, () => browser.copy());
        await stage.answerAtOnce(thieves, person, stage.wrongCodes(person, amount));
        statuses.push((await send()).status);
        const isIn = await stage.isSignedIn(browser, person);
        ensure(!isIn, `after ${amount} wrong codes at once in one login, the right one was accepted there`);
      }
      return `afterwards the right one got ${statuses.join(' and ')}`;
    },
  },
  {
    id: 'guesses-many-logins',
    kind: 'attack',
    rule: 'R4',
    title:
      'Wrong codes over parallel logins are counted for the account: a new login takes no right one for a while',
    async run(stage) {
      const { person } = await stage.enrolled();
      const { amount } = await guessAtOnce(stage, person);
      await ensureRefused(stage, person, `${amount} wrong codes over parallel logins`);
      return `after ${amount} wrong codes the right one was refused`;
    },
  },
  {
    id: 'guesses-new-sessions',
    kind: 'attack',
    rule: 'R4',
    title: 'A new session for each wrong code buys no further ones',
    async run(stage) {
      const { person } = await stage.enrolled();
      const { perUser } = stage.manifest.limits;
      for (const code of stage.wrongCodes(person, perUser))
        await stage.answer(await enter(stage, person), person, code);
      await ensureRefused(stage, person, `${perUser} wrong codes, each in a session of its own`);
      return `after ${perUser} wrong codes the right one was refused`;
    },
  },
  {
    id: 'guesses-backup-codes',
    kind: 'attack',
    rule: 'R4',
    title: 'Wrong backup codes are counted as well',
    needs: ['backupCodes'],
    controls: ['backupCodes'],
    async run(stage) {
      const [{ person }, attacker] = [await stage.enrolled(), await stage.enrolled()];
      const { perUser } = stage.manifest.limits;
      // Codes of somebody else: right in form, so that no check character gives them away.
      const wrong = Array.from({ length: perUser }, (_, index) =>
        attacker.person.backupCode(index % Math.max(1, attacker.person.backupCodes.length)),
      );
      for (const code of wrong) await stage.answerBackupCode(await enter(stage, person), person, code);
      const browser = await enter(stage, person);
      await stage.answerBackupCode(browser, person, person.backupCode());
      ensure(
        !(await stage.isSignedIn(browser, person)),
        `after ${perUser} wrong backup codes a right one was accepted`,
      );
      return `after ${perUser} wrong ones a right one was refused`;
    },
  },
  {
    id: 'guesses-at-disable',
    kind: 'attack',
    rule: 'R4',
    title: 'Wrong codes at turning off are counted as well',
    needs: ['disable'],
    controls: ['disable'],
    async run(stage) {
      const { disable, limits } = stage.manifest;
      if (!disable) skip('the manifest has no `disable`');
      const { person, browser } = await stage.enrolled();
      const amount = limits.perUser + 10;
      const send = await stage.loadCode(browser, disable, person, await stage.nextCode(person));
      const thieves = Array.from({ length: amount }, () => browser.copy());
      await stage.answerAtOnce(thieves, person, stage.wrongCodes(person, amount), disable);
      const { status } = await send();
      ensure(
        !(await stage.isLetInByPassword(person)),
        `after ${amount} wrong codes the right one turned it off`,
      );
      return `after ${amount} wrong codes at once the right one got ${status}`;
    },
  },
  {
    id: 'wait-is-said',
    kind: 'attack',
    rule: 'R4',
    title: 'Who is refused for wrong codes is told how long to wait (429, Retry-After)',
    needs: ['limits.delaySeconds'],
    async run(stage) {
      const { person } = await stage.enrolled();
      await guessAtOnce(stage, person);
      const { status, headers } = await ensureRefused(stage, person, 'the wrong codes');
      const seconds = Number(headers['retry-after']);
      ensure(
        status === 429 && seconds > 0,
        `answered with ${status} and Retry-After "${headers['retry-after'] ?? 'none'}"`,
      );
      return `429, Retry-After: ${seconds}`;
    },
  },
  {
    id: 'delay-ends',
    kind: 'story',
    rule: 'R4',
    title: 'After the delay the owner is let in again',
    needs: ['limits.delaySeconds'],
    async run(stage) {
      const { delaySeconds = 0 } = stage.manifest.limits;
      if (delaySeconds > PATIENCE)
        skip(`would take ${delaySeconds} s; the suite waits ${PATIENCE} s at most`);
      const { person } = await stage.enrolled();
      await guessAtOnce(stage, person);
      await wait((delaySeconds + 1) * SECOND);
      await stage.complete(person, stage.browser(), 'the right code was still refused after the delay');
      return `signed in after ${delaySeconds} s`;
    },
  },
  {
    id: 'guesses-of-others',
    kind: 'attack',
    rule: 'R4',
    title: "Wrong codes at one account and wrong passwords keep nobody's second step shut",
    async run(stage) {
      const [attacker, owner] = [await stage.enrolled(), await stage.enrolled()];
      await guessAtOnce(stage, attacker.person);
      const { perUser } = stage.manifest.limits;
      for (let wrong = 0; wrong < Math.min(perUser, 6); wrong += 1) {
        const guesser = stage.browser();
        const { status } = await stage.signIn(owner.person, guesser, 'not the password');
        if (status === 429) skip('wrong passwords have a limit of their own here (429)');
        await stage.answer(guesser, owner.person, '000000');
      }
      const browser = await stage.pending(owner.person);
      const { status } = await stage.answer(browser, owner.person, await stage.nextCode(owner.person));
      ensure(
        await stage.isSignedIn(browser, owner.person),
        `the owner's right code was refused with ${status}`,
      );
      return 'the owner signed in';
    },
  },
  {
    id: 'guesses-elsewhere',
    kind: 'attack',
    rule: 'R4',
    title: 'Wrong codes of somebody with the password keep the owner out of no browser that was used before',
    async run(stage) {
      const { person } = await stage.enrolled();
      const known = await stage.complete(person);
      if (stage.has('logout')) await stage.act(known, person, 'logout');
      await guessAtOnce(stage, person);
      await stage.complete(person, known, 'in a browser used before, the right code was refused as well');
      return 'the owner signed in';
    },
  },
];

/** More wrong codes than an account may take, over several logins, all in the same instant. */
async function guessAtOnce(stage: Stage, person: Person): Promise<{ amount: number }> {
  const { perLogin, perUser } = stage.manifest.limits;
  const logins = await stage.pendings(person, Math.ceil(perUser / perLogin) + 1);
  const browsers = logins.flatMap((login) => Array.from({ length: perLogin }, () => login.copy()));
  await stage.answerAtOnce(browsers, person, stage.wrongCodes(person, browsers.length));
  return { amount: browsers.length };
}

async function ensureRefused(stage: Stage, person: Person, after: string): Promise<Answer> {
  const browser = await enter(stage, person);
  const answer = await stage.answer(browser, person, await stage.nextCode(person));
  ensure(
    !(await stage.isSignedIn(browser, person)),
    `after ${after}, a new login took the right one at once`,
  );
  return answer;
}

/** Gives the password, which may be refused as well once there were wrong codes. */
async function enter(stage: Stage, person: Person): Promise<Browser> {
  const browser = stage.browser();
  await stage.signIn(person, browser);
  return browser;
}
