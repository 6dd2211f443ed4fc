import type { Answer, Browser } from './browser.js';
import { FactorOwner, type Visitor } from './factor-owner.js';
import type { Twist } from './form.js';
import type { Fields } from './html.js';
import type { FormPart, Manifest } from './manifest.js';
import { Person } from './person.js';
import { arrange, skip, Verdict } from './verdict.js';

/** What people do at the application that the manifest describes. Checks are written in these words. */
export class Stage extends FactorOwner {
  readonly #prepared: Person[];

  constructor(manifest: Manifest, offset = 0) {
    super(manifest, offset);
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

  /** What has this browser trusted when it is sent along with a code. */
  trustFields(): Fields {
    const { trust } = this.manifest;
    if (!trust) skip('the manifest has no `trust`');
    return { [trust.field]: trust.value };
  }

  /** A browser that a login has had trusted, and that has signed out. */
  async trusted(person: Person): Promise<Browser> {
    const browser = await this.pending(person);
    const ticked = { fields: (fields: Fields) => ({ ...fields, ...this.trustFields() }) };
    const { status } = await this.answer(browser, person, await this.nextCode(person), ticked);
    arrange(
      await this.isSignedIn(browser, person),
      `trust: the right code with the box ticked did not sign in (answered with ${status}). Correct \`trust\` (field, value).`,
    );
    await this.act(browser, person, 'logout');
    return browser;
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
