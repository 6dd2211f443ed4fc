import type { Browser, Page } from 'playwright-core';
import { createVirtualAuthenticator, type VirtualAccount } from 'passport-second-factor/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launchBrowser, oathtoolCodes, scanQr } from '../helpers/browser.js';
import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { sessionsUrl } from '../helpers/redis.js';

/** The whole life of a second factor, as a person lives it: in a real browser without JavaScript, on real parts. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe('a person with an authenticator app', () => {
  const name = 'ada';
  let installation: Installation;
  let server: ExampleServer;
  let page: Page;
  let account: VirtualAccount;
  let backupCodes: string[];
  const violations: string[] = [];

  beforeAll(async () => {
    installation = createInstallation(sessionsUrl());
    server = await startExample(installation.environment);
    const context = await browser.newContext({ javaScriptEnabled: false, baseURL: server.url });
    page = await context.newPage();
    page.on('console', (message) => violations.push(message.text()));
  });
  afterAll(async () => {
    await page.context().close();
    await server.stop();
    installation.remove();
  });

  const press = (button: string): Promise<void> => page.getByRole('button', { name: button }).click();
  const follow = (link: string): Promise<void> => page.getByRole('link', { name: link }).click();
  const path = (): string => new URL(page.url()).pathname;

  async function signIn(): Promise<void> {
    await page.goto('/account');
    await page.fill('[name=username]', name);
    await page.fill('[name=password]', 'correct horse battery');
    await press('Sign in');
    expect(path()).toBe('/two-factor/challenge');
  }

  async function signOut(): Promise<void> {
    await page.goto('/account');
    await press('Sign out');
    expect(path()).toBe('/login');
  }

  it('registers, scans the QR code in light and dark and on a small screen, and turns it on', async () => {
    await page.goto('/register');
    await page.fill('[name=username]', name);
    await page.fill('[name=email]', `${name}@service.example`);
    await page.fill('[name=password]', 'correct horse battery');
    await press('Register');
    await follow('Two-step sign-in');
    await follow('Set up an authenticator app');

    const shown = (await page.textContent('#setup-key')) ?? '';
    expect(shown).toMatch(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
    const link = await page.getAttribute('a[href^="otpauth:"]', 'href');
    expect(link).toContain(`secret=${shown.replace(/ /g, '')}&`);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [320, 1280]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        expect(await scanQr(page)).toBe(link);
        expect(await page.locator('html').evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(width);
      }
    }
    account = createVirtualAuthenticator().add(link ?? '');
    // An independent authenticator shows the same.
    const code = await account.nextCode();
    expect(oathtoolCodes(shown)).toContain(code);
    await page.fill('[name=code]', code);
    await press('Turn on');
    expect(path()).toBe('/two-factor/backup-codes');
  });

  it('gets ten backup codes, downloads them, and says that they are saved', async () => {
    backupCodes = await page.locator('.backup-code').allTextContents();
    expect(backupCodes).toHaveLength(10);
    const [download] = await Promise.all([page.waitForEvent('download'), follow('Download as a text file')]);
    const text = await streamToText(await download.createReadStream());
    for (const code of backupCodes) expect(text).toContain(code);
    await page.reload();
    expect(await page.locator('.backup-code').allTextContents()).toEqual(backupCodes);
    await press('I have saved these codes');
    expect(await page.textContent('main')).toContain('10 of 10 left');
    await page.goto('/two-factor/backup-codes');
    expect(await page.locator('.backup-code').count()).toBe(0);
  });

  it('signs in with a code, typed wrong first, with a restart of the server in between', async () => {
    await signOut();
    await signIn();
    await page.goto('/account');
    expect(path()).toBe('/login');
    await server.stop();
    server = await startExample({ ...installation.environment, PORT: new URL(server.url).port });
    await page.goto('/two-factor/challenge');
    await page.fill('[name=code]', '12 34');
    await press('Continue');
    expect(await page.title()).toMatch(/^Error: /);
    expect(await page.getByRole('alert').textContent()).toContain('Enter the 6 digits');

    const code = await account.nextCode();
    await page.fill('[name=code]', ` ${code.slice(0, 3)} ${code.slice(3)}`);
    await press('Continue');
    expect(path()).toBe('/account');
    expect(await page.textContent('main')).toContain(name);
  });

  it('signs in with a backup code, in small letters and without dashes', async () => {
    await signOut();
    await signIn();
    await follow('Use a backup code, or one from support');
    await page.fill('[name=code]', (backupCodes[0] ?? '').toLowerCase().replaceAll('-', ' '));
    await press('Continue');
    expect(path()).toBe('/two-factor/backup-codes/used');
    expect(await page.textContent('main')).toContain('9 backup codes are left');
    await follow('Continue');
    expect(path()).toBe('/account');
    await page.goto('/two-factor');
    expect(await page.textContent('main')).toContain('9 of 10 left');
    await follow('What has happened to this account');
    expect(await page.textContent('main')).toContain('A backup code was used; 9 left.');
    await page.goto('/dev/outbox');
    expect(await page.textContent('main')).toContain('A backup code was used');
  });

  it('changes their mind at the challenge', async () => {
    await signOut();
    await signIn();
    await press('Cancel and sign in as somebody else');
    expect(path()).toBe('/login');
    await page.goto('/two-factor/challenge');
    expect(path()).toBe('/login');
    await signIn();
    await page.fill('[name=code]', backupCodes[1] ?? '');
    await press('Continue');
  });

  it('gets new backup codes, and then turns it off with one of them', async () => {
    await page.goto('/two-factor/backup-codes');
    await press('Get new backup codes');
    const fresh = await page.locator('.backup-code').allTextContents();
    expect(fresh).toHaveLength(10);
    await press('I have saved these codes');
    await follow('Turn off two-step sign-in');
    await page.fill('[name=code]', backupCodes[2] ?? '');
    await press('Turn off');
    expect(await page.getByRole('alert').textContent()).toContain('That code is not right');
    await page.fill('[name=code]', fresh[0] ?? '');
    await press('Turn off');
    expect(await page.textContent('.sf-badge')).toBe('Off');

    await signOut();
    await page.fill('[name=username]', name);
    await page.fill('[name=password]', 'correct horse battery');
    await press('Sign in');
    expect(path()).toBe('/account');
  });

  it('never met a page that its own content security policy stopped', () => {
    expect(violations.filter((text) => text.includes('Content Security Policy'))).toEqual([]);
  });
});

async function streamToText(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString();
}
