import { createVirtualAuthenticator, type VirtualAuthenticator } from './authenticator.js';
import type { TestFactor } from './enrol.js';

/** What is needed of a page of Playwright. */
export interface TestPage {
  /** Opens an address, to the end of its redirects. */
  goto(url: string): Promise<unknown>;
  /** Where the page is. */
  url(): string;
  /** What a CSS selector finds, now or later. */
  locator(selector: string): TestLocator;
}

/** What is needed of a locator of Playwright. */
export interface TestLocator {
  /** The first one alone. */
  first(): TestLocator;
  /** How many there are now. */
  count(): Promise<number>;
  /** Ticks a box. */
  check(): Promise<unknown>;
  /** Presses it, and waits for the page that this leads to. */
  click(): Promise<unknown>;
  /** Puts a text into a field. */
  fill(value: string): Promise<unknown>;
  /** An attribute, once it is there. */
  getAttribute(name: string): Promise<string | null>;
  /** Its text, once it is there. */
  textContent(): Promise<string | null>;
  /** The texts of all that are there now. */
  allTextContents(): Promise<string[]>;
}

/**
 * Sets an authenticator up on the pages, as the person who is signed in there: reads the key, enters a code, saves the backup
 * codes. It goes by names and addresses, not by words, so that language and JavaScript do not matter.
 * @param options.path of the set-up page. Default `/two-factor/setup`. Where the page is not there yet, it is opened.
 * @param options.authenticator which app scans. Default a new one, by the real clock: with a test clock, give one that has it.
 * @param options.name what the authenticator is called, where it is not the first.
 * @returns the account, with the backup codes; none where the authenticator is not the first.
 * @throws Error where the set-up page does not open, or does not take the code.
 */
export async function enrolInBrowser(
  page: TestPage,
  options: { path?: string; authenticator?: VirtualAuthenticator; name?: string } = {},
): Promise<TestFactor> {
  const { path = '/two-factor/setup', authenticator = createVirtualAuthenticator(), name } = options;
  await arrive(page, path, 'Is somebody signed in, and is the proof fresh?');
  const uri = await page.locator('a[href^="otpauth:"]').first().getAttribute('href');
  const account = authenticator.add(uri ?? '');
  if (name !== undefined) await page.locator('[name="name"]').fill(name);
  await sendCode(page, await account.nextCode());
  if (isAt(page, path)) {
    const reason = (await page.locator('[role="alert"]').first().textContent()) ?? '';
    throw new Error(`The set-up did not take the code: ${reason.replace(/\s+/g, ' ').trim()}`);
  }
  const saved = page.locator('form[action$="/backup-codes/saved"] [type="submit"]');
  if ((await saved.count()) === 0) return { ...account, backupCodes: [] };
  const backupCodes = await page.locator('.backup-code').allTextContents();
  await saved.click();
  return { ...account, backupCodes };
}

/**
 * Answers the challenge: of a login, or for a fresh proof. What the page shows then is for the test to look at: where the login was
 * going, after a backup code the page that says how many are left, or what was wrong.
 * @param code a backup code, or one that `nextCode()` has given: it waits where the present one was used already.
 * @param options.path of the challenge. Default `/two-factor/challenge`. Where the page is not there yet, it is opened.
 * @param options.trust ticks “Don’t ask again on this browser”.
 * @throws Error where the challenge does not open.
 */
export async function answerInBrowser(
  page: TestPage,
  code: string,
  options: { path?: string; trust?: boolean } = {},
): Promise<void> {
  const { path = '/two-factor/challenge', trust = false } = options;
  await arrive(page, path, 'Is a login pending?');
  if (trust) await page.locator('[name="trust"]').check();
  await sendCode(page, code);
}

async function sendCode(page: TestPage, code: string): Promise<void> {
  await page.locator('[name="code"]').fill(code);
  await page.locator('form:has([name="code"]) [type="submit"]').click();
}

async function arrive(page: TestPage, path: string, advice: string): Promise<void> {
  if (isAt(page, path)) return;
  // A page without an address of its own takes Playwright's `baseURL`.
  await page.goto(URL.canParse(path, page.url()) ? new URL(path, page.url()).href : path);
  if (!isAt(page, path)) throw new Error(`${path} leads to ${new URL(page.url()).pathname}. ${advice}`);
}

function isAt(page: TestPage, path: string): boolean {
  return new URL(page.url()).pathname === new URL(path, 'http://any.invalid').pathname;
}
