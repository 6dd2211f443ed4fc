import type { Check } from '../check.js';
import type { Person } from '../person.js';
import { decode } from '../html.js';
import type { Stage } from '../stage.js';
import { arrange, ensure, skip } from '../verdict.js';
import { countSignedIn } from './race.js';

export const backupCodes: Check[] = [
  {
    id: 'backup-code-twice',
    kind: 'attack',
    rule: 'R9',
    title: 'A backup code signs in once',
    needs: ['backupCodes'],
    controls: ['backupCodes'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const code = person.backupCode();
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
    controls: ['backupCodes'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browsers = await stage.pendings(person, 16);
      const { challenge } = stage.manifest;
      await stage.answerAtOnce(browsers, person, [person.backupCode()], challenge.backupCode ?? challenge);
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
    controls: ['backupCodes'],
    async run(stage) {
      const [victim, attacker] = [await stage.enrolled(), await stage.enrolled()];
      ensure(
        !(await signsIn(stage, victim.person, attacker.person.backupCode())),
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
      const { savedWith = 200 } = person;
      arrange(
        savedWith < 400,
        `\`backupCodes.saved\` was answered with ${savedWith}. Correct it: what is not saved may be shown.`,
      );
      const other = await stage.complete(person);
      for (const each of [browser, other]) {
        const { text, status } = await each.open(page);
        arrange(status < 400, `backupCodes.page: ${page} was answered with ${status}. Correct it.`);
        const shown = decode(text);
        ensure(!person.backupCodes.some((code) => shown.includes(code)), `${page} shows the codes again`);
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
      const old = person.backupCode();
      const fresh = await stage.proposeBackupCodes({ person, browser });
      const isSaved = stage.has('backupCodes.saved');
      if (isSaved) {
        ensure(await signsIn(stage, person, old), 'an old code was refused before the new ones were saved');
        await stage.act(browser, person, 'backupCodes.saved');
      }
      ensure(await signsIn(stage, person, fresh), 'a new code was refused');
      return isSaved ? 'the old ones until saved, then the new ones' : 'the new ones work';
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
      const old = person.backupCode(1);
      const fresh = await stage.renewBackupCodes({ person, browser });
      arrange(
        await signsIn(stage, person, fresh),
        'backupCodes.renew: a new code does not sign in. Correct `renew` or `saved`; see renewed-codes.',
      );
      ensure(!(await signsIn(stage, person, old)), 'an old code signed in after the renewal');
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
      const visitor = await stage.enrolled();
      const { person } = visitor;
      const old = person.backupCode();
      await stage.turnOff(visitor);
      const again = await stage.pending(person);
      await stage.enrol(again, person);
      arrange(
        await signsIn(stage, person, person.backupCode()),
        'backupCodes: after another set-up, its own code does not sign in',
      );
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
