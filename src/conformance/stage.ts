import { type Answer, Browser, type Site } from './browser.js';
import { type Fields, decode, findSecret, readHidden } from './html.js';
import type { CodeForm, Form, Manifest } from './manifest.js';
import { Person } from './person.js';
import { arrange, skip, Verdict } from './verdict.js';

/** A person at a browser. */
export interface Visitor {
  person: Person;
  browser: Browser;
}

/** How a form is sent, where a check wants it otherwise than a browser would. */
export interface Twist {
  headers?: Fields;
  /** Changes what is sent; `hidden` are the page's hidden inputs, `fields` all of them together. */
  fields?: (fields: Fields, hidden: Fields) => Fields;
}

/** What was read from a form's page, and what goes into the form. */
interface Read {
  hidden: Fields;
  own: Fields;
  page: string;
  values: Fields;
}

/** What people do at the application that the manifest describes. Checks are written in these words. */
export class Stage {
  readonly manifest: Manifest;
  readonly #site: Site;
  readonly #prepared: Person[];
  /** What the server's clock is ahead of ours, in milliseconds. */
  readonly #offset: number;

  constructor(manifest: Manifest, offset = 0) {
    this.manifest = manifest;
    this.#offset = offset;
    const { baseUrl, origin, headers, csrf } = manifest;
    this.#site = { base: new URL(baseUrl), origin: origin ?? baseUrl, headers, csrf };
    this.#prepared =
      'prepared' in manifest.users ? manifest.users.prepared.map((user) => new Person(user)) : [];
  }

  browser(): Browser {
    return new Browser(this.#site);
  }

  /** Somebody signed in who has no second factor. */
  async newcomer(): Promise<Visitor> {
    const { users } = this.manifest;
    const browser = this.browser();
    if ('register' in users) {
      const person = Person.random();
      const answer = await this.submit(browser, users.register, person.values());
      arrange(
        answer.status < 400,
        `users.register: the sign-up was answered with ${answer.status}. Are path and fields right?`,
      );
      if (!(await this.isSignedIn(browser, person))) await this.signIn(person, browser);
      await this.#arrangeSignedIn(browser, person, 'a new user');
      return { person, browser };
    }
    const person = this.#take((someone) => someone.secret === undefined);
    if (!person) skip('needs one more user without a second factor in users.prepared');
    await this.signIn(person, browser);
    await this.#arrangeSignedIn(browser, person, `the prepared user ${person.username}`);
    return { person, browser };
  }

  /** Somebody signed in with a second factor. */
  async enrolled(): Promise<Visitor> {
    const ready = this.#take((someone) => someone.secret !== undefined);
    if (ready) return { person: ready, browser: await this.complete(ready) };
    if (!this.manifest.setup)
      skip('needs `setup` in the manifest, or one more user with a secret in users.prepared');
    const { person, browser } = await this.newcomer();
    await this.enrol(browser, person);
    return { person, browser };
  }

  #take(isWanted: (person: Person) => boolean): Person | undefined {
    const index = this.#prepared.findIndex(isWanted);
    return index < 0 ? undefined : this.#prepared.splice(index, 1)[0];
  }

  async #arrangeSignedIn(browser: Browser, person: Person, who: string): Promise<void> {
    const { path } = this.manifest.signedIn;
    arrange(
      await this.isSignedIn(browser, person),
      `${who} without a second factor is not signed in by \`login\`, going by ${path}. Correct \`login\`, \`users\` or \`signedIn\`.`,
    );
  }

  /** Opens the set-up page and reads the key. */
  async openSetup(browser: Browser, person: Person): Promise<{ page: Answer; secret: string }> {
    const { setup } = this.manifest;
    if (!setup) skip('the manifest has no `setup`');
    const begun = setup.begin
      ? await browser.follow(await this.submit(browser, setup.begin, person.values()))
      : undefined;
    const page = begun !== undefined && begun.status < 300 ? begun : await browser.open(setup.page);
    const secret = findSecret(page.text, setup.secret);
    arrange(
      secret !== undefined,
      `setup.secret: no key was found on ${page.url.pathname} (status ${page.status}). Set setup.secret to a regular expression with one group that finds it.`,
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
    const hidden = readHidden(page.text, setup.path, page.url.href);
    const own = { ...fill(setup.fields, person.values()), [setup.field]: code };
    return this.#sender(browser, setup, { hidden, own, page: page.text, values: person.values() }, twist)();
  }

  /** Sets up a second factor, and keeps the backup codes as the pages show them. */
  async enrol(browser: Browser, person: Person): Promise<{ code: string }> {
    const { page, secret } = await this.openSetup(browser, person);
    person.secret = secret;
    const code = await this.nextCode(person);
    const answer = await this.confirmSetup(browser, person, page, code);
    arrange(
      answer.status < 400,
      `setup: the right code was answered with ${answer.status}. Correct \`setup\` (path, field), or \`totp\` where the application takes only the present code ("past": 0, "future": 0).`,
    );
    await this.readBackupCodes(browser, person, await browser.follow(answer));
    return { code };
  }

  /** Reads the codes from the page that is open, or from theirs, and says that they are saved. */
  async readBackupCodes(browser: Browser, person: Person, open: Answer): Promise<void> {
    const { backupCodes } = this.manifest;
    if (!backupCodes) return;
    const { page, pattern, saved } = backupCodes;
    let codes = findCodes(open.text, pattern);
    if (codes.length === 0 && page !== undefined) codes = findCodes((await browser.open(page)).text, pattern);
    arrange(
      codes.length > 0,
      'backupCodes.pattern: no code was found on the page that shows them. Correct `pattern` or `page`.',
    );
    person.backupCodes = codes;
    if (saved) await this.submit(browser, saved, person.values());
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

  /** The same browser while it is asked for a code, else another one: an answer may end a half-way login. */
  async stillPending(browser: Browser, person: Person): Promise<Browser> {
    const { page } = this.manifest.challenge;
    const { status, url } = await browser.open(page);
    return status < 300 && page.split('?', 1)[0] === url.pathname ? browser : this.pending(person);
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
    const { status } = await this.answer(browser, person, await this.nextCode(person));
    if (await this.isSignedIn(browser, person)) return browser;
    if (fault !== undefined) throw new Verdict('failed', `${fault} (answered with ${status})`);
    throw new Verdict(
      'unclear',
      `challenge: the right code did not sign in (answered with ${status}). Correct \`challenge\` (page, path, field) or \`totp\`.`,
    );
  }

  /** Sends a code to the challenge. */
  answer(browser: Browser, person: Person, code: string, twist: Twist = {}): Promise<Answer> {
    return this.submitCode(browser, this.manifest.challenge, person, code, twist);
  }

  answerBackupCode(browser: Browser, person: Person, code: string, twist: Twist = {}): Promise<Answer> {
    const { challenge } = this.manifest;
    return this.submitCode(browser, challenge.backupCode ?? challenge, person, code, twist);
  }

  submitCode(
    browser: Browser,
    form: CodeForm,
    person: Person,
    code: string,
    twist: Twist = {},
  ): Promise<Answer> {
    return this.submit(browser, withCode(form, code), { ...person.values(), code }, twist);
  }

  /** Opens a form's page, then sends the form as a browser would. */
  async submit(browser: Browser, form: Form, values: Fields, twist: Twist = {}): Promise<Answer> {
    return (await this.load(browser, form, values, twist))();
  }

  /** Opens the pages in advance, so that all the answers leave in the same instant. */
  async answerAtOnce(
    browsers: readonly Browser[],
    person: Person,
    codes: readonly string[],
    form: CodeForm = this.manifest.challenge,
  ): Promise<Answer[]> {
    const senders = await Promise.all(
      browsers.map((browser, index) =>
        this.loadCode(browser, form, person, codes[index % codes.length] ?? ''),
      ),
    );
    return Promise.all(senders.map((send) => send()));
  }

  loadCode(browser: Browser, form: CodeForm, person: Person, code: string): Promise<() => Promise<Answer>> {
    return this.load(browser, withCode(form, code), { ...person.values(), code });
  }

  /** Opens a form's page, and returns what sends the form. */
  async load(
    browser: Browser,
    form: Form,
    values: Fields,
    twist: Twist = {},
  ): Promise<() => Promise<Answer>> {
    const page = form.page === undefined ? undefined : await browser.open(fillText(form.page, values));
    const hidden = page ? readHidden(page.text, form.path, page.url.href) : {};
    return this.#sender(
      browser,
      form,
      { hidden, own: fill(form.fields, values), page: page?.text ?? '', values },
      twist,
    );
  }

  #sender(browser: Browser, form: Form, read: Read, twist: Twist): () => Promise<Answer> {
    const { hidden, own, page, values } = read;
    const fields = twist.fields ? twist.fields({ ...hidden, ...own }, hidden) : { ...hidden, ...own };
    const headers = { ...this.#csrfHeader(browser, page), ...fill(form.headers, values), ...twist.headers };
    const path = fillText(form.path, values);
    return () => (form.json ? browser.postJson(path, fields, headers) : browser.post(path, fields, headers));
  }

  #csrfHeader(browser: Browser, page: string): Fields {
    const { csrf } = this.#site;
    if (!csrf) return {};
    const read = csrf.pattern === undefined ? undefined : new RegExp(csrf.pattern).exec(page)?.[1];
    const value = read === undefined ? browser.cookies().get(csrf.cookie ?? '') : decode(read);
    return value === undefined ? {} : { [csrf.header]: decodeURIComponent(value) };
  }

  async isSignedIn(browser: Browser, person: Person): Promise<boolean> {
    const { path, status, contains } = this.manifest.signedIn;
    const answer = await browser.get(path);
    return answer.status === status && holds(answer, contains, person.values());
  }

  /** Whether the password alone signs this person in. */
  async isLetInByPassword(person: Person): Promise<boolean> {
    return this.isSignedIn(await this.pending(person), person);
  }
}

function withCode(form: CodeForm, code: string): Form {
  return { ...form, fields: { ...form.fields, [form.field]: code } };
}

export function holds({ text }: Answer, contains: string | undefined, values: Fields): boolean {
  return contains === undefined || decode(text).includes(fillText(contains, values));
}

export function fill(fields: Fields, values: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, fillText(text, values)]));
}

/** Puts values in the place of `{{name}}`. */
export function fillText(text: string, values: Fields): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    arrange(
      values[name] !== undefined,
      `{{${name}}} stands for nothing here. Known are: ${Object.keys(values).join(', ')}.`,
    );
    return values[name];
  });
}

export function findCodes(html: string, pattern: string): string[] {
  return [...html.matchAll(new RegExp(pattern, 'g'))].map((match) => decode(match[1] ?? '').trim());
}
