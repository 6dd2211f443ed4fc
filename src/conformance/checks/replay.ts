import type { Check } from '../check.js';
import { ensure, skip } from '../verdict.js';
import { countSignedIn } from './race.js';

/** A code is accepted once. */
export const replay: Check[] = [
  {
    id: 'code-twice',
    kind: 'attack',
    rule: 'R3',
    title: 'A code that was used cannot be used again, however it is written',
    async run(stage) {
      const { person } = await stage.enrolled();
      const code = await stage.nextCode(person);
      const owner = await stage.pending(person);
      await stage.answer(owner, person, code);
      ensure(await stage.isSignedIn(owner, person), 'the right code did not sign in');
      let browser = await stage.pending(person);
      for (const typed of [code, `${code.slice(0, 3)} ${code.slice(3)}`, ` ${code}`, `${code}\n`]) {
        browser = await stage.stillPending(browser, person);
        await stage.answer(browser, person, typed);
        ensure(
          !(await stage.isSignedIn(browser, person)),
          `accepted a second time${typed === code ? '' : ', written with spaces'}`,
        );
      }
      return 'refused the second time';
    },
  },
  {
    id: 'code-twice-parallel',
    kind: 'attack',
    rule: 'R3',
    title: 'Of 16 logins that get the same code in the same instant, one is completed',
    async run(stage) {
      const { person } = await stage.enrolled();
      const browsers = await stage.pendings(person, 16);
      await stage.answerAtOnce(browsers, person, [await stage.nextCode(person)]);
      const winners = await countSignedIn(stage, browsers, person);
      ensure(winners === 1, `${winners} of 16 logins were completed by one code`);
      return '1 of 16 was completed';
    },
  },
  {
    id: 'login-twice-parallel',
    kind: 'attack',
    rule: 'R5',
    title: 'One half-way login that is answered 16 times in the same instant becomes one session',
    async run(stage) {
      const { person } = await stage.enrolled();
      const first = await stage.pending(person);
      const browsers = Array.from({ length: 16 }, () => first.copy());
      const codes = [await stage.nextCode(person), await stage.nextCode(person)];
      await stage.answerAtOnce(browsers, person, codes);
      const sessions = new Set<string>();
      for (const browser of browsers) {
        if (await stage.isSignedIn(browser, person))
          sessions.add(JSON.stringify([...browser.cookies()].sort()));
      }
      ensure(sessions.size === 1, `${sessions.size} different sessions came out of one login`);
      return 'one session';
    },
  },
  {
    id: 'older-code',
    kind: 'attack',
    rule: 'R3',
    title: 'After a code, no older one is accepted',
    async run(stage) {
      const { person } = await stage.enrolled();
      const older = await stage.nextCode(person);
      await stage.complete(person);
      const browser = await stage.pending(person);
      await stage.answer(browser, person, older);
      ensure(!(await stage.isSignedIn(browser, person)), 'an older code was accepted after a newer one');
      return 'refused';
    },
  },
  {
    id: 'enrolment-code',
    kind: 'attack',
    rule: 'R3',
    title: 'The code that confirmed the set-up does not sign in as well',
    needs: ['setup'],
    async run(stage) {
      const { person, browser } = await stage.newcomer();
      const { code } = await stage.enrol(browser, person);
      const thief = await stage.pending(person);
      await stage.answer(thief, person, code);
      ensure(!(await stage.isSignedIn(thief, person)), 'the code of the set-up signed in');
      return 'refused';
    },
  },
  {
    id: 'code-elsewhere',
    kind: 'attack',
    rule: 'R3',
    title: 'A code that has signed in does not turn the second factor off as well',
    needs: ['disable'],
    controls: ['disable'],
    async run(stage) {
      const { disable } = stage.manifest;
      if (!disable) skip('the manifest has no `disable`');
      const { person } = await stage.enrolled();
      const code = await stage.nextCode(person);
      const browser = await stage.pending(person);
      await stage.answer(browser, person, code);
      ensure(await stage.isSignedIn(browser, person), 'the right code did not sign in');
      await stage.submitCode(browser, disable, person, code);
      ensure(!(await stage.isLetInByPassword(person)), 'the same code was accepted at `disable`');
      return 'refused';
    },
  },
];
