import type { Check } from '../check.js';
import type { Stage } from '../stage.js';
import { arrange, ensure } from '../verdict.js';

/** Where everybody must have a second factor. */
export const required: Check[] = [
  {
    id: 'required-setup',
    kind: 'story',
    rule: 'R2',
    title: 'Who must have a second factor sets it up at the first login, and is signed in by that',
    needs: ['required', 'setup'],
    async run(stage) {
      const { person, browser } = await stage.entrant();
      ensure(!(await stage.isSignedIn(browser, person)), 'the password alone has signed in');
      await stage.enrol(browser, person);
      ensure(await stage.isSignedIn(browser, person), 'setting it up has not signed in');
      ensure(!(await stage.isLetInByPassword(person)), 'the next login asks for no code');
      await stage.complete(person);
      return 'set up, signed in, and held the next time';
    },
  },
  {
    id: 'required-later',
    kind: 'story',
    rule: 'R2',
    title: 'While there is time, setting it up can be put off',
    needs: ['required.later'],
    async run(stage) {
      const { person, browser } = await stage.entrant();
      const { status } = await stage.act(browser, person, 'required.later');
      ensure(await stage.isSignedIn(browser, person), `not signed in (\`required.later\` got ${status})`);
      return 'signed in';
    },
  },
  {
    id: 'required-pages',
    kind: 'attack',
    rule: 'R2',
    title: 'Before a second factor is set up where it must be, no other page opens',
    needs: ['required'],
    async run(stage) {
      const pages = await pagesOfOwners(stage);
      const { browser } = await stage.entrant();
      for (const page of pages) {
        const { status } = await browser.get(page);
        ensure(status >= 300, `${page} opens after the password alone`);
      }
      return `${pages.length} pages stay shut, and open for who is signed in`;
    },
  },
  {
    id: 'required-parked-login',
    kind: 'attack',
    rule: 'R7',
    title: 'Where a second factor must be set up, doing so completes that login and no other one of before',
    needs: ['required', 'setup'],
    async run(stage) {
      const { person, browser } = await stage.entrant();
      const parked = await stage.pending(person);
      const { code } = await stage.enrol(browser, person);
      arrange(await stage.isSignedIn(browser, person), 'setup: it has not signed in; see required-setup');
      ensure(
        !(await stage.isSignedIn(parked, person)),
        'another login of before is signed in without a code',
      );
      await stage.answer(parked, person, code);
      ensure(!(await stage.isSignedIn(parked, person)), 'the code of the set-up has signed another login in');
      return 'held';
    },
  },
];

/** Pages that open for somebody who is signed in with a second factor, and not for a stranger. */
async function pagesOfOwners(stage: Stage): Promise<string[]> {
  const { signedIn, protected: more } = stage.manifest;
  const { person } = await stage.enrolled();
  const owner = await stage.complete(person);
  for (const page of [signedIn.path, ...more]) {
    const [seen, strange] = [await owner.get(page), await stage.browser().get(page)];
    arrange(
      seen.status < 300 && strange.status >= 300,
      `${page} was answered with ${seen.status} for a signed-in user and with ${strange.status} for a stranger. Correct \`signedIn\` or \`protected\`.`,
    );
  }
  return [signedIn.path, ...more];
}
