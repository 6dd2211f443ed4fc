import type { Check } from '../check.js';
import { arrange, ensure, skip } from '../verdict.js';

export const stories: Check[] = [
  {
    id: 'password-login',
    kind: 'story',
    rule: 'R1',
    title: 'Somebody without a second factor signs in with the password alone',
    async run(stage) {
      const { person } = await stage.newcomer();
      const browser = stage.browser();
      const { status } = await stage.signIn(person, browser);
      // So plain that the description is more likely to be wrong than the application.
      arrange(
        await stage.isSignedIn(browser, person),
        `login: user name and password of a new user did not sign in (answered with ${status}). Correct \`login\` (page, path, fields) or \`signedIn\`.`,
      );
      return 'signed in';
    },
  },
  {
    id: 'enrolment',
    kind: 'story',
    rule: 'R10',
    title: 'Somebody sets up a second factor, and from then on the login asks for it',
    needs: ['setup'],
    async run(stage) {
      const { person, browser } = await stage.newcomer();
      await stage.enrol(browser, person);
      ensure(await stage.isSignedIn(browser, person), 'the session in which it was set up has ended');
      ensure(!(await stage.isLetInByPassword(person)), 'the password alone still signs in');
      return 'set up, and the next login was held';
    },
  },
  {
    id: 'login-totp',
    kind: 'story',
    rule: 'R1',
    title: 'A login with the password and a code signs in',
    async run(stage) {
      const { person } = await stage.enrolled();
      await stage.complete(person);
      return 'signed in';
    },
  },
  {
    id: 'login-backup-code',
    kind: 'story',
    rule: 'R9',
    title: 'A login with the password and a backup code signs in',
    needs: ['backupCodes'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.pending(person);
      const part = stage.backupCodePart();
      const { answer, story } = await stage.attempt(browser, person, part, person.backupCode());
      const isIn = await stage.isSignedIn(browser, person);
      // No application says so of a code: the form is not there, or has no token.
      arrange(isIn || ![403, 404, 405, 410, 415].includes(answer.status), `${story}. Correct it.`);
      ensure(isIn, `the right backup code did not sign in: ${story}`);
      return 'signed in';
    },
  },
  {
    id: 'backup-code-typing',
    kind: 'story',
    rule: 'R9',
    title: 'A backup code may be typed in lower case, with spaces and without dashes',
    needs: ['backupCodes'],
    controls: ['backupCodes'],
    async run(stage) {
      if (stage.manifest.backupCodes?.forgiving !== true)
        skip('backupCodes.forgiving is not set in the manifest');
      const { person } = await stage.enrolled();
      const plain = (code: string): string => code.replace(/[\s-]/g, '');
      const [first, second, third] = [0, 1, 2].map((index) => person.backupCode(index)) as [
        string,
        string,
        string,
      ];
      const typed = [` ${first.toLowerCase()} `, plain(second), plain(third).replace(/(.{4})/g, '$1 ')];
      for (const code of typed) {
        const browser = await stage.pending(person);
        await stage.answerBackupCode(browser, person, code);
        ensure(
          await stage.isSignedIn(browser, person),
          `"${code.replace(/[A-Z0-9]/gi, 'x')}" was not accepted`,
        );
      }
      return 'accepted in three ways of writing';
    },
  },
  {
    id: 'cancel',
    kind: 'story',
    rule: 'R2',
    title: 'Somebody cancels at the challenge and can sign in again',
    needs: ['cancel'],
    async run(stage) {
      const { person } = await stage.enrolled();
      const browser = await stage.pending(person);
      await stage.act(browser, person, 'cancel');
      ensure(!(await stage.isSignedIn(browser, person)), 'cancelling has signed in');
      await stage.complete(person, browser, 'after cancelling, the right code did not sign in');
      return 'cancelled, and signed in afterwards in the same browser';
    },
  },
  {
    id: 'logout',
    kind: 'story',
    rule: 'R5',
    title: 'Somebody signs out',
    needs: ['logout'],
    async run(stage) {
      const { person, browser } = await stage.enrolled();
      arrange(
        await stage.isSignedIn(browser, person),
        'the session in which the factor was set up has ended',
      );
      const { status } = await stage.act(browser, person, 'logout');
      ensure(
        !(await stage.isSignedIn(browser, person)),
        `still signed in after \`logout\` (answered with ${status})`,
      );
      return 'signed out';
    },
  },
  {
    id: 'disable',
    kind: 'story',
    rule: 'R6',
    title: 'Somebody turns the second factor off with a code, and the password is enough again',
    needs: ['disable'],
    async run(stage) {
      const { person, browser } = await stage.enrolled();
      const { status } = await stage.act(browser, person, 'disable', await stage.nextCode(person));
      ensure(
        await stage.isLetInByPassword(person),
        `the login still asks for a code (\`disable\` was answered with ${status})`,
      );
      return 'turned off';
    },
  },
  {
    id: 'enrolment-again',
    kind: 'story',
    rule: 'R10',
    title: 'After turning it off, a second factor can be set up again; key and backup codes are new',
    needs: ['setup', 'disable'],
    async run(stage) {
      const visitor = await stage.enrolled();
      const { person } = visitor;
      const { secret, backupCodes } = person;
      await stage.turnOff(visitor);
      const again = await stage.pending(person);
      await stage.enrol(again, person);
      ensure(person.secret !== secret, 'the same key was shown a second time');
      ensure(
        !person.backupCodes.some((code) => backupCodes.includes(code)),
        'old backup codes were shown a second time',
      );
      ensure(!(await stage.isLetInByPassword(person)), 'the password alone signs in');
      return 'set up again with a new key';
    },
  },
];
