import type { Check } from '../check.js';
import type { Person } from '../person.js';
import { findCodes, type Stage, type Visitor } from '../stage.js';
import { arrange, ensure, skip } from '../verdict.js';
import { countSignedIn } from './race.js';

export const backupCodes: Check[] = [
  {
    id: 'backup-code-twice',
    kind: 'attack',
    rule: 'R9',
    title: 'A backup code signs in once',
    needs: ['backupCodes'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const code = person.backupCodes[0] ?? '';
      ensure(await signsIn(stage, person, code), 'a right backup code did not sign in');
      for (const typed of [code, ` ${code.toLowerCase()} `, code.replace(/[\s-]/g, '')]) {
        ensure(!(await signsIn(stage, person, typed)), 'accepted a second time');
      }
      return 'refused the second time';
    },
  },
  {
    id: 'backup-code-twice-parallel',
    kind: 'attack',
    rule: 'R9',
    title: 'Of 16 logins that get the same backup code in the same instant, one is completed',
    needs: ['backupCodes'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browsers = await stage.pendings(person, 16);
      const { challenge } = stage.manifest;
      await stage.answerAtOnce(
        browsers,
        person,
        [person.backupCodes[0] ?? ''],
        challenge.backupCode ?? challenge,
      );
      const winners = await countSignedIn(stage, browsers, person);
      ensure(winners === 1, `${winners} of 16 logins were completed by one backup code`);
      return '1 of 16 was completed';
    },
  },
  {
    id: 'foreign-backup-code',
    kind: 'attack',
    rule: 'R9',
    title: "A backup code of one person does not complete another person's login",
    needs: ['backupCodes'],
    async run(stage) {
      const [victim, attacker] = [await stage.enrolled(), await stage.enrolled()];
      ensure(
        !(await signsIn(stage, victim.person, attacker.person.backupCodes[0] ?? '')),
        "the attacker's own backup code was accepted",
      );
      return 'refused';
    },
  },
  {
    id: 'codes-shown-once',
    kind: 'attack',
    rule: 'R8',
    title: 'Backup codes that were saved are not shown again, in this session or another',
    needs: ['backupCodes'],
    async run(stage) {
      const page = stage.manifest.backupCodes?.page;
      if (page === undefined) skip('the manifest has no `backupCodes.page`');
      const { person, browser } = await stage.enrolled();
      const other = await stage.complete(person);
      for (const each of [browser, other]) {
        const { text } = await each.open(page);
        ensure(!person.backupCodes.some((code) => text.includes(code)), `${page} shows the codes again`);
      }
      return 'not shown again';
    },
  },
  {
    id: 'renewed-codes',
    kind: 'story',
    rule: 'R9',
    title: 'New backup codes work once they are saved, and until then the old ones do',
    needs: ['backupCodes.renew'],
    async run(stage) {
      const { person } = await stage.enrolled();
      // A session that has given a code: one that has just set the factor up may be asked for another.
      const browser = await stage.complete(person);
      const old = person.backupCodes[0] ?? '';
      const fresh = await renew(stage, { person, browser });
      const saved = stage.manifest.backupCodes?.saved;
      if (saved) {
        ensure(await signsIn(stage, person, old), 'an old code was refused before the new ones were saved');
        await stage.submit(browser, saved, person.values());
      }
      ensure(await signsIn(stage, person, fresh[0] ?? ''), 'a new code was refused');
      return saved ? 'the old ones until saved, then the new ones' : 'the new ones work';
    },
  },
  {
    id: 'old-codes-after-renewal',
    kind: 'attack',
    rule: 'R9',
    title: 'Old backup codes do not work after new ones took their place',
    needs: ['backupCodes.renew'],
    async run(stage) {
      const { person } = await stage.enrolled();
      // A session that has given a code: one that has just set the factor up may be asked for another.
      const browser = await stage.complete(person);
      await renew(stage, { person, browser });
      const saved = stage.manifest.backupCodes?.saved;
      if (saved) await stage.submit(browser, saved, person.values());
      ensure(
        !(await signsIn(stage, person, person.backupCodes[1] ?? '')),
        'an old code signed in after the renewal',
      );
      return 'refused';
    },
  },
  {
    id: 'old-codes-after-disable',
    kind: 'attack',
    rule: 'R9',
    title: 'Backup codes end with the second factor, also when it is set up again',
    needs: ['backupCodes', 'setup', 'disable'],
    async run(stage) {
      const { disable } = stage.manifest;
      const { person, browser } = await stage.enrolled();
      const old = person.backupCodes[0] ?? '';
      if (disable) await stage.submitCode(browser, disable, person, await stage.nextCode(person));
      const again = await stage.pending(person);
      await stage.enrol(again, person);
      ensure(!(await signsIn(stage, person, old)), 'a code of the earlier set-up signed in');
      return 'refused';
    },
  },
];

async function signsIn(stage: Stage, person: Person, code: string): Promise<boolean> {
  const browser = await stage.pending(person);
  await stage.answerBackupCode(browser, person, code);
  return stage.isSignedIn(browser, person);
}

async function renew(stage: Stage, { person, browser }: Visitor): Promise<string[]> {
  const parts = stage.manifest.backupCodes;
  if (!parts?.renew) skip('the manifest has no `backupCodes.renew`');
  const answer = await browser.follow(
    await stage.submit(browser, parts.renew, { ...person.values(), code: '' }),
  );
  let codes = findCodes(answer.text, parts.pattern);
  if (codes.length === 0 && parts.page !== undefined)
    codes = findCodes((await browser.open(parts.page)).text, parts.pattern);
  arrange(
    codes.length > 0 && !codes.some((code) => person.backupCodes.includes(code)),
    'backupCodes.renew: no new codes were found afterwards. Correct `renew`, `page` or `pattern`.',
  );
  return codes;
}
