import type { Answer, Browser } from './browser.js';
import { findCodes, prepareForm, type Twist, withCode } from './form.js';
import { FormSender } from './form-sender.js';
import { findSecret } from './html.js';
import type { Manifest } from './manifest.js';
import type { Person } from './person.js';
import { arrange, skip } from './verdict.js';

/** A person at a browser. */
export interface Visitor {
  person: Person;
  browser: Browser;
}

/** What people do about their own second factor: setting it up, its codes, new backup codes. */
export class FactorOwner extends FormSender {
  /** What the server's clock is ahead of ours, in milliseconds. */
  readonly #offset: number;

  constructor(manifest: Manifest, offset: number) {
    super(manifest);
    this.#offset = offset;
  }

  nextCode(person: Person): Promise<string> {
    return person.nextCode(this.manifest.totp, this.#offset);
  }

  wrongCodes(person: Person, amount: number): string[] {
    return person.wrongCodes(this.manifest.totp, this.#offset, amount);
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
}

function arrangeCodes(codes: string[]): string[] {
  arrange(
    codes.length > 0,
    'backupCodes.pattern: no code was found on the page that shows them. Correct `pattern` or `page`.',
  );
  return codes;
}
