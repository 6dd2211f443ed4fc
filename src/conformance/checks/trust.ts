import type { Check } from '../check.js';
import type { Visitor } from '../factor-owner.js';
import type { Stage } from '../stage.js';
import { arrange, ensure } from '../verdict.js';

/** “Don’t ask again on this browser”. */
export const trust: Check[] = [
  {
    id: 'trusted-browser',
    kind: 'story',
    rule: 'R1',
    title: 'Somebody has a browser trusted, which is not asked for a code the next time; another one is',
    needs: ['trust', 'logout'],
    controls: ['logout'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.trusted(person);
      await stage.signIn(person, browser);
      ensure(await stage.isSignedIn(browser, person), 'the trusted browser is asked for a code');
      ensure(!(await stage.isLetInByPassword(person)), 'another browser is asked for none');
      return 'asked for a code elsewhere alone';
    },
  },
  {
    id: 'trust-without-code',
    kind: 'attack',
    rule: 'R1',
    title: 'Whoever ticks the box without a right code gets no trusted browser',
    needs: ['trust', 'logout'],
    controls: ['logout', 'trust'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.pending(person);
      const box = stage.trustFields();
      await stage.answer(browser, person, stage.wrongCodes(person, 1)[0] ?? '', {
        fields: (fields) => ({ ...fields, ...box }),
      });
      const { login } = stage.manifest;
      const form = { ...login, fields: { ...login.fields, ...box } };
      for (let times = 0; times < 2; times += 1) {
        await stage.submit(browser, form, person.values());
        ensure(!(await stage.isSignedIn(browser, person)), 'the browser is trusted without a right code');
      }
      return 'not trusted after a wrong code, nor by ticking it at the login';
    },
  },
  {
    id: 'trust-of-another',
    kind: 'attack',
    rule: 'R1',
    title: "A browser that one person trusts is asked for another person's code",
    needs: ['trust', 'logout'],
    controls: ['logout', 'trust'],
    async run(stage) {
      const [attacker, victim] = [await stage.enrolled(), await stage.enrolled()];
      const browser = await stage.trusted(attacker.person);
      await stage.signIn(victim.person, browser);
      ensure(!(await stage.isSignedIn(browser, victim.person)), "the attacker's own trust was enough");
      return 'asked';
    },
  },
  endsBy(
    'trust-ends-at-disable',
    'disable',
    'the second factor was turned off and set up again',
    async (stage, visitor) => {
      await stage.turnOff(visitor);
      await stage.enrol(await stage.pending(visitor.person), visitor.person);
    },
  ),
  endsBy('trust-ends-at-password', 'password', 'the password was changed', (stage, visitor) =>
    stage.changePassword(visitor),
  ),
  endsBy(
    'trust-ended',
    'trust.ended',
    'its owner has ended the trust elsewhere',
    async (stage, { person }) => {
      await stage.act(await stage.complete(person), person, 'trust.ended');
    },
  ),
  {
    id: 'trust-cookie',
    kind: 'attack',
    rule: 'R1',
    title: 'The cookie of a trusted browser is HttpOnly, and Secure with https',
    needs: ['trust', 'logout'],
    controls: ['logout', 'trust'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.trusted(person);
      const isHttps = stage.manifest.baseUrl.startsWith('https:');
      const faults: string[] = [];
      let found = 0;
      for (const [name, line] of browser.cookieLines) {
        if (!browser.cookies().has(name)) continue;
        const without = browser.copy();
        without.setCookie(name, undefined);
        await stage.signIn(person, without);
        // A cookie without which one is still let in is not the trust.
        if (await stage.isSignedIn(without, person)) continue;
        found += 1;
        if (!/;\s*httponly\b/i.test(line)) faults.push(`${name} is not HttpOnly`);
        if (isHttps && !/;\s*secure\b/i.test(line)) faults.push(`${name} is not Secure`);
      }
      arrange(found > 0, 'trust: no cookie was found without which one is asked again');
      ensure(faults.length === 0, faults.join(', '));
      return 'set';
    },
  },
];

function endsBy(
  id: string,
  change: 'disable' | 'password' | 'trust.ended',
  when: string,
  make: (stage: Stage, visitor: Visitor) => Promise<unknown>,
): Check {
  // Ending the trust itself has no control of its own.
  const control = change === 'trust.ended' ? [] : [change];
  return {
    id,
    kind: 'attack',
    rule: 'R7',
    title: `A trusted browser is asked again after ${when}`,
    needs: ['trust', 'logout', change],
    controls: ['logout', 'trust', ...control],
    async run(stage) {
      const visitor = await stage.enrolled();
      const browser = await stage.trusted(visitor.person);
      await make(stage, visitor);
      await stage.signIn(visitor.person, browser);
      ensure(!(await stage.isSignedIn(browser, visitor.person)), 'the browser is still trusted');
      return 'asked again';
    },
  };
}
