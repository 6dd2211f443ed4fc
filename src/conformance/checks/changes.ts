import type { Check } from '../check.js';
import { omit } from '../html.js';
import { arrange, ensure, skip } from '../verdict.js';

/** A key of the attacker's own. */
const OWN_KEY = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

/** Setting up, turning off, and the key. */
export const changes: Check[] = [
  {
    id: 'enrolment-wrong-code',
    kind: 'attack',
    rule: 'R10',
    title: 'Nothing is turned on before a right code has confirmed it',
    needs: ['setup'],
    controls: ['setup'],
    async run(stage) {
      const { person, browser } = await stage.newcomer();
      const { page, secret } = await stage.openSetup(browser, person);
      ensure(await stage.isLetInByPassword(person), 'opening the set-up has turned it on');
      person.secret = secret;
      for (const code of [...stage.wrongCodes(person, 2), ''])
        await stage.confirmSetup(browser, person, page, code);
      ensure(await stage.isLetInByPassword(person), 'a wrong code has turned it on');
      return 'still off after wrong codes';
    },
  },
  {
    id: 'secret-from-client',
    kind: 'attack',
    rule: 'R11',
    title: 'The key is the one that the server made, whatever the form brings along',
    needs: ['setup'],
    controls: ['setup'],
    async run(stage) {
      const { person, browser } = await stage.newcomer();
      const { page, secret } = await stage.openSetup(browser, person);
      person.secret = OWN_KEY;
      const code = await stage.nextCode(person);
      const names = ['secret', 'key', 'base32', 'totpSecret', 'otpSecret', 'twoFactorSecret'];
      await stage.confirmSetup(browser, person, page, code, {
        fields: (fields) => ({
          ...Object.fromEntries(names.map((name) => [name, OWN_KEY])),
          ...Object.fromEntries(
            Object.entries(fields).map(([name, value]) => [name, value.replaceAll(secret, OWN_KEY)]),
          ),
        }),
      });
      ensure(await stage.isLetInByPassword(person), "a key of the client's choice was turned on");
      return 'refused';
    },
  },
  {
    id: 'setup-keeps-old-key',
    kind: 'attack',
    rule: 'R10',
    title: 'Opening the set-up again, with a wrong code too, leaves the old key working',
    needs: ['setup'],
    controls: ['setup'],
    async run(stage) {
      const { person, browser } = await stage.enrolled();
      // Refused from the start, or not before a right code: both leave the old key.
      if (stage.has('setup.begin')) await stage.attempt(browser, person, 'setup.begin');
      await stage.attempt(browser, person, 'setup', stage.wrongCodes(person, 1)[0]);
      await stage.complete(person, stage.browser(), 'the old key no longer signs in');
      return 'the old key still signs in';
    },
  },
  {
    id: 'secret-shown-once',
    kind: 'attack',
    rule: 'R8',
    title: 'The key is not shown again after the set-up',
    needs: ['setup'],
    controls: ['setup'],
    async run(stage) {
      const { setup, disable, backupCodes, protected: more, signedIn } = stage.manifest;
      const { person, browser } = await stage.enrolled();
      const found = [setup?.page, disable?.page, backupCodes?.page, signedIn.path, ...more].filter(
        (page) => page !== undefined,
      );
      for (const page of new Set(found)) {
        const { text, status } = await browser.open(page);
        // The set-up may refuse whoever has been through it.
        arrange(
          status < 400 || page === setup?.page,
          `${page} was answered with ${status}, though signed in. Correct it in the manifest.`,
        );
        const shown = text.replace(/[\s-]/g, '').toUpperCase();
        ensure(person.secret === undefined || !shown.includes(person.secret), `${page} shows the key`);
      }
      return `not on ${new Set(found).size} pages`;
    },
  },
  {
    id: 'key-leaves-site',
    kind: 'attack',
    rule: 'R8',
    title: 'The key is in no address and goes to no other site, for example to have a QR code drawn',
    needs: ['setup'],
    async run(stage) {
      const { person, browser } = await stage.newcomer();
      const { page, secret } = await stage.openSetup(browser, person);
      ensure(!page.url.href.includes(secret), 'the address of the set-up page has the key in it');
      const links = [...page.text.matchAll(/\b(?:src|action|href)\s*=\s*["']([^"']+)["']/gi)].map(
        ([, link = '']) => link,
      );
      const leaks = links.filter(
        (link) => !/^(otpauth|data):/i.test(link) && decodeURIComponent(safe(link)).includes(secret),
      );
      ensure(leaks.length === 0, `the key is in the address ${(leaks[0] ?? '').slice(0, 40)}…`);
      return 'in none';
    },
  },
  {
    id: 'disable-without-proof',
    kind: 'attack',
    rule: 'R6',
    title: 'The second factor is not turned off without a right code',
    needs: ['disable'],
    controls: ['disable'],
    async run(stage) {
      const { disable } = stage.manifest;
      if (!disable) skip('the manifest has no `disable`');
      const [{ person, browser }, attacker] = [await stage.enrolled(), await stage.enrolled()];
      const foreign = await stage.nextCode(attacker.person);
      for (const code of [foreign, ...stage.wrongCodes(person, 1), '']) {
        await stage.submitCode(browser, disable, person, code);
      }
      await stage.submitCode(browser, disable, person, '', {
        fields: (fields) => omit(fields, disable.field),
      });
      const isOff = await stage.isLetInByPassword(person);
      ensure(!isOff, "it was turned off by another person's code, a wrong one, an empty one or none");
      return 'refused';
    },
  },
  notFromOutside(
    'fresh-proof',
    'R6',
    'Changes need a proof that is fresh, also in a session that is not',
    'needs a session older than a few minutes',
  ),
  notFromOutside(
    'pending-deadline',
    'R5',
    'A half-way login ends after some minutes',
    'needs minutes of waiting',
  ),
];

/** What an application's own tests must show, because a clock must be moved. */
function notFromOutside(id: string, rule: string, title: string, why: string): Check {
  return {
    id,
    kind: 'attack',
    rule,
    title,
    run: async () => skip(`${why}: test it in the application with a clock that can be moved`),
  };
}

/** `decodeURIComponent` throws on a lone %. */
function safe(link: string): string {
  return link.replace(/%(?![0-9a-f]{2})/gi, '%25');
}
