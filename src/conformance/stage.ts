import type { Answer, Browser } from './browser.js';
import { findCodes, prepareForm, type Twist, withCode } from './form.js';
import { FormSender } from './form-sender.js';
import { findSecret } from './html.js';
import type { FormPart, Manifest } from './manifest.js';
import { Person } from './person.js';
import { arrange, skip, Verdict } from './verdict.js';

/** A person at a browser. */
export interface Visitor {
  person: Person;
  browser: Browser;
}

/** What people do at the application that the manifest describes. Checks are written in these words. */
export class Stage extends FormSender {
  readonly #prepared: Person[];
  /** What the server's clock is ahead of ours, in milliseconds. */
  readonly #offset: number;

  constructor(manifest: Manifest, offset = 0) {
    super(manifest);
    this.#offset = offset;
    this.#prepared =
      'prepared' in manifest.users ? manifest.users.prepared.map((user) => new Person(user)) : [];
  }

  /** Somebody without a second factor who has given the password; a new user, where there is sign-up. */
  async entrant(): Promise<Visitor> {
    const browser = this.browser();
    if ('register' in this.manifest.users) {
      const person = Person.random();
      await this.act(browser, person, 'users.register');
      if (!(await this.isSignedIn(browser, person))) await this.signIn(person, browser);
      return { person, browser };
    }
    const person = this.#take((someone) => someone.secret === undefined);
    if (!person) skip('needs one more user without a second factor in users.prepared');
    await this.signIn(person, browser);
    return { person, browser };
  }

  /** Somebody signed in who has no second factor. */
  async newcomer(): Promise<Visitor> {
    const { required, signedIn } = this.manifest;
    if (required) skip('needs somebody signed in without a second factor, and here everybody must have one');
    const { person, browser } = await this.entrant();
    const who = person.isPrepared ? `the prepared user ${person.username}` : 'a new user';
    arrange(
      await this.isSignedIn(browser, person),
      `${who} without a second factor is not signed in by \`login\`, going by ${signedIn.path}. Correct \`login\`, \`users\` or \`signedIn\`.`,
    );
    return { person, browser };
  }

  /** Somebody signed in with a second factor. */
  async enrolled(): Promise<Visitor> {
    const ready = this.#take((someone) => someone.secret !== undefined);
    if (ready) return { person: ready, browser: await this.complete(ready) };
    if (!this.manifest.setup)
      skip('needs `setup` in the manifest, or one more user with a secret in users.prepared');
    const { person, browser } = await (this.manifest.required ? this.entrant() : this.newcomer());
    await this.enrol(browser, person);
    return { person, browser };
  }

  #take(isWanted: (person: Person) => boolean): Person | undefined {
    const index = this.#prepared.findIndex(isWanted);
    return index < 0 ? undefined : this.#prepared.splice(index, 1)[0];
  }

  /** Opens the set-up page and reads the key. */
  async openSetup(browser: Browser, person: Person): Promise<{ page: Answer; secret: string }> {
    const { setup } = this.manifest;
    if (!setup) skip('the manifest has no `setup`');
    const begun = setup.begin
      ? await browser.follow(await this.act(browser, person, 'setup.begin'))
      : undefined;
    const page = begun !== undefined && begun.status < 300 ? begun : await browser.open(setup.page);
    const { status, url } = page;
    const secret = findSecret(page.text, setup.secret);
    arrange(
      secret !== undefined || status < 400,
      `setup.page: ${url.pathname} was answered with ${status}. Correct \`setup.page\`.`,
    );
    arrange(
      secret !== undefined,
      `setup.secret: no key was found on ${url.pathname} (status ${status}). Set setup.secret to a regular expression with one group that finds it.`,
    );
    return { page, secret };
  }

  /** Sends the set-up form as the page has it. */
  async confirmSetup(
    browser: Browser,
    person: Person,
    page: Answer,
    code: string,
    twist: Twist = {},
  ): Promise<Answer> {
    const { setup } = this.manifest;
    if (!setup) skip('the manifest has no `setup`');
    return prepareForm(browser, withCode(setup, code), page, person.values(), twist)();
  }

  /**
   * Sets up a second factor, and keeps the backup codes as the pages show them.
   * @returns the code that confirmed it, the page of the key, and the page that shows the codes where there is one.
   */
  async enrol(
    browser: Browser,
    person: Person,
  ): Promise<{ code: string; page: Answer; backupCodes: Answer[] }> {
    const { page, secret } = await this.openSetup(browser, person);
    person.secret = secret;
    const code = await this.nextCode(person);
    const answer = await this.confirmSetup(browser, person, page, code);
    arrange(
      answer.status < 400,
      `setup: the right code was answered with ${answer.status}. Correct \`setup\` (path, field), or \`totp\` where the application takes only the present code ("past": 0, "future": 0).`,
    );
    const backupCodes: Answer[] = [];
    if (this.manifest.backupCodes) {
      const shown = await this.openBackupCodes(browser, await browser.follow(answer));
      backupCodes.push(shown.page);
      person.backupCodes = shown.codes;
      // Not every application wants to be told so of the first codes: the status matters where a check needs it.
      if (this.has('backupCodes.saved')) {
        const { answer: saved } = await this.attempt(browser, person, 'backupCodes.saved');
        person.savedWith = saved.status;
      }
    }
    return { code, page, backupCodes };
  }

  /** The codes on the page that is open, else on theirs. */
  async openBackupCodes(browser: Browser, open: Answer): Promise<{ page: Answer; codes: string[] }> {
    const { backupCodes } = this.manifest;
    if (!backupCodes) skip('the manifest has no `backupCodes`');
    const { page, pattern } = backupCodes;
    const codes = findCodes(open.text, pattern);
    if (codes.length > 0 || page === undefined) return { page: open, codes: arrangeCodes(codes) };
    const own = await browser.open(page);
    arrange(own.status < 400, `backupCodes.page: ${page} was answered with ${own.status}. Correct it.`);
    return { page: own, codes: arrangeCodes(findCodes(own.text, pattern)) };
  }

  /** Asks for new backup codes. @returns one of them, which may have to be saved before it works. */
  async proposeBackupCodes({ person, browser }: Visitor): Promise<string> {
    const answer = await this.act(browser, person, 'backupCodes.renew');
    const { codes } = await this.openBackupCodes(browser, await browser.follow(answer));
    const [fresh = ''] = codes.filter((code) => !person.backupCodes.includes(code));
    arrange(
      fresh !== '' && !codes.some((code) => person.backupCodes.includes(code)),
      'backupCodes.renew: no new codes were found afterwards. Correct `renew`, `page` or `pattern`.',
    );
    return fresh;
  }

  /** Has new backup codes take the place of the old ones. @returns one of them. */
  async renewBackupCodes(visitor: Visitor): Promise<string> {
    const fresh = await this.proposeBackupCodes(visitor);
    if (this.has('backupCodes.saved')) await this.act(visitor.browser, visitor.person, 'backupCodes.saved');
    return fresh;
  }

  /** Turns the second factor off, and sees that it is. */
  async turnOff({ person, browser }: Visitor, code?: string): Promise<void> {
    const { status } = await this.act(browser, person, 'disable', code ?? (await this.nextCode(person)));
    arrange(
      await this.isLetInByPassword(person),
      `disable: the right code was answered with ${status}, and the login still asks for one. Correct \`disable\`.`,
    );
  }

  /** Changes the password, and sees that the new one is taken. */
  async changePassword({ person, browser }: Visitor): Promise<void> {
    const { newPassword = '' } = person.values();
    const { status } = await this.act(browser, person, 'password');
    person.password = newPassword;
    const again = await this.pending(person);
    arrange(
      (await this.isSignedIn(again, person)) || (await this.isHalfWay(again)),
      `password: the change was answered with ${status}, and the new password is not taken. Correct \`password\`.`,
    );
  }

  nextCode(person: Person): Promise<string> {
    return person.nextCode(this.manifest.totp, this.#offset);
  }

  wrongCodes(person: Person, amount: number): string[] {
    return person.wrongCodes(this.manifest.totp, this.#offset, amount);
  }

  /** The password step. */
  signIn(person: Person, browser = this.browser(), password = person.password): Promise<Answer> {
    return this.submit(browser, this.manifest.login, { ...person.values(), password });
  }

  /** A browser in which the password has been given, and nothing else. */
  async pending(person: Person): Promise<Browser> {
    const browser = this.browser();
    const { status } = await this.signIn(person, browser);
    // Nobody is signed in by that either, and the check would pass without having looked.
    arrange(
      status !== 429 && status < 500,
      `login: the right password was answered with ${status}. Turn off limits by network address for the run, or use --concurrency 1.`,
    );
    return browser;
  }

  /** Whether it is asked for a code. */
  async isHalfWay(browser: Browser): Promise<boolean> {
    const { page } = this.manifest.challenge;
    const { status, url } = await browser.open(page);
    return status < 300 && page.split('?', 1)[0] === url.pathname;
  }

  /** The same browser while it is asked for a code, else another one: an answer may end a half-way login. */
  async stillPending(browser: Browser, person: Person): Promise<Browser> {
    return (await this.isHalfWay(browser)) ? browser : this.pending(person);
  }

  /** Several of them, at the same time. */
  pendings(person: Person, amount: number): Promise<Browser[]> {
    return Promise.all(Array.from({ length: amount }, () => this.pending(person)));
  }

  /**
   * A whole login with a new code.
   * @param fault What it means where that fails. Without one, it means that the manifest is wrong.
   */
  async complete(person: Person, browser = this.browser(), fault?: string): Promise<Browser> {
    await this.signIn(person, browser);
    const { story } = await this.attempt(browser, person, 'challenge', await this.nextCode(person));
    if (await this.isSignedIn(browser, person)) return browser;
    if (fault !== undefined) throw new Verdict('failed', `${fault} (${story})`);
    throw new Verdict(
      'unclear',
      `challenge: the right code did not sign in (${story}). Correct \`challenge\` (page, path, field) or \`totp\`.`,
    );
  }

  /** Sends a code to the challenge. */
  answer(browser: Browser, person: Person, code: string, twist: Twist = {}): Promise<Answer> {
    return this.submitCode(browser, this.manifest.challenge, person, code, twist);
  }

  answerBackupCode(browser: Browser, person: Person, code: string): Promise<Answer> {
    return this.attempt(browser, person, this.backupCodePart(), code).then(({ answer }) => answer);
  }

  /** Where backup codes are answered. */
  backupCodePart(): FormPart {
    return this.has('challenge.backupCode') ? 'challenge.backupCode' : 'challenge';
  }

  /** Whether the password alone signs this person in. */
  async isLetInByPassword(person: Person): Promise<boolean> {
    return this.isSignedIn(await this.pending(person), person);
  }
}

function arrangeCodes(codes: string[]): string[] {
  arrange(
    codes.length > 0,
    'backupCodes.pattern: no code was found on the page that shows them. Correct `pattern` or `page`.',
  );
  return codes;
}
