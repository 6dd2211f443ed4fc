import type { Check } from '../check.js';
import type { Stage } from '../stage.js';
import { ensure, skip } from '../verdict.js';
import { challengeTo, findFollowed, prove } from './return-target.js';

/** A fresh proof in a complete session: the challenge once more. */
export const stepUp: Check[] = [
  {
    id: 'step-up-code-twice',
    kind: 'attack',
    rule: 'R3',
    title: 'A code that has signed in is no fresh proof as well',
    needs: ['returnTo'],
    async run(stage) {
      const target = await findTarget(stage);
      const { person } = await stage.enrolled();
      const browser = await stage.pending(person);
      const code = await stage.nextCode(person);
      await stage.answer(browser, person, code);
      ensure(await stage.isSignedIn(browser, person), 'the right code did not sign in');
      ensure(!(await prove(stage, { person, browser }, target, code)), 'the same code was taken again');
      return 'refused';
    },
  },
  {
    id: 'id-at-step-up',
    kind: 'attack',
    rule: 'R5',
    title: 'The session id changes at a fresh proof: a cookie that was copied before is worth nothing',
    needs: ['returnTo'],
    async run(stage) {
      const target = await findTarget(stage);
      const { person } = await stage.enrolled();
      const browser = await stage.complete(person);
      const thief = browser.copy();
      const isTaken = await prove(stage, { person, browser }, target, await stage.nextCode(person));
      ensure(isTaken, 'the right code was not taken as a fresh proof');
      ensure(
        !(await stage.isSignedIn(thief, person)),
        'the copied cookie is signed in, with the fresh proof',
      );
      return 'the old cookie is worth nothing';
    },
  },
  {
    id: 'guesses-at-step-up',
    kind: 'attack',
    rule: 'R4',
    title: 'Wrong codes at a fresh proof are counted as well',
    needs: ['returnTo'],
    async run(stage) {
      const target = await findTarget(stage);
      const { person } = await stage.enrolled();
      const browser = await stage.complete(person);
      const amount = stage.manifest.limits.perUser + 10;
      const form = challengeTo(stage, target);
      const send = await stage.loadCode(browser, form, person, await stage.nextCode(person));
      const thieves = Array.from({ length: amount }, () => browser.copy());
      await stage.answerAtOnce(thieves, person, stage.wrongCodes(person, amount), form);
      const { url } = await browser.follow(await send());
      ensure(url.pathname + url.search !== target, `after ${amount} wrong codes the right one was taken`);
      return `after ${amount} wrong codes at once the right one was refused`;
    },
  },
];

/** Where a fresh proof leads on to. */
function findTarget(stage: Stage): Promise<string> {
  if (stage.manifest.returnTo?.page !== 'step-up') skip('returnTo.page is not "step-up" in the manifest');
  return findFollowed(stage);
}
