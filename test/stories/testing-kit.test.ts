import type { Browser } from 'playwright-core';
import {
  answerInBrowser,
  createVirtualAuthenticator,
  enrolInBrowser,
  type TestFactor,
} from 'passport-second-factor/testing';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { Guest, serveHost } from '../helpers/gallery-host.js';

/** The helpers for hosts' browser tests: they go by no words, and need no script. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function arrive(settings: Parameters<Browser['newContext']>[0] = {}) {
  const context = await browser.newContext(settings);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const { host, origin } = await serveHost({ options: { trustedBrowsers: { days: 30 } } });
  const ada = new Guest(page, host, origin);
  await ada.signIn();
  await page.goto(`${origin}/account`);
  return { ada, page, host, phone: createVirtualAuthenticator({ clock: host.clock }) };
}

it.each([
  ['in English, with JavaScript', 'en-GB', true],
  ['in English, without JavaScript', 'en-GB', false],
  ['in Indonesian, with JavaScript', 'id-ID', true],
  ['in Indonesian, without JavaScript', 'id-ID', false],
])('enrols, and answers with codes and backup codes: %s', async (_, locale, javaScriptEnabled) => {
  const { ada, page, phone } = await arrive({ locale, javaScriptEnabled });
  const factor = await enrolInBrowser(page, { authenticator: phone });
  expect((await page.getAttribute('html', 'lang'))?.slice(0, 2)).toBe(locale.slice(0, 2));
  expect(factor).toMatchObject({ issuer: 'Test Service', label: 'ada@service.example' });
  expect(factor.backupCodes).toHaveLength(10);
  const isIn = () => page.getByText('Account of ada').isVisible();
  const signInWith = async (code: string) => {
    await page.context().clearCookies();
    await ada.signIn();
    await answerInBrowser(page, code);
  };
  for (let times = 0; times < 4; times += 1) {
    await signInWith(await factor.nextCode());
    expect(await isIn()).toBe(true);
  }
  await signInWith(factor.backupCodes[3] ?? '');
  expect(new URL(page.url()).pathname).toBe('/two-factor/backup-codes/used');
  await signInWith('000000');
  expect([await isIn(), await page.locator('[role=alert]').count()]).toEqual([false, 1]);

  await answerInBrowser(page, await factor.nextCode());
  const other = await enrolInBrowser(page, { authenticator: phone, name: 'Tablet' });
  expect([other.backupCodes, phone.accounts.length]).toEqual([[], 2]);
  expect(await page.textContent('main')).toContain('Tablet');
  await signInWith(await other.nextCode());
  expect(await isIn()).toBe(true);
});

it('answerInBrowser ticks the box that has a browser trusted', async () => {
  const { ada, page, host, phone } = await arrive();
  const factor = await enrolInBrowser(page, { authenticator: phone });
  const signOut = () => page.request.post(`${ada.origin}/logout`, { maxRedirects: 0 });
  await signOut();
  await ada.signIn();
  await answerInBrowser(page, await factor.nextCode(), { trust: true });
  await signOut();
  await ada.signIn();
  await page.goto(`${ada.origin}/account`);
  expect(await page.textContent('body')).toContain('Account of ada');
  expect(await host.options.storage.listTrustedBrowsers('ada')).toHaveLength(1);
});

it('both say what is wrong where a page does not open, or the phone’s clock is off', async () => {
  const { ada, page, host } = await arrive();
  const setUp = (offset = 0): Promise<TestFactor> =>
    enrolInBrowser(page, { authenticator: createVirtualAuthenticator({ clock: host.clock, offset }) });
  await expect(setUp(180_000)).rejects.toThrow(/did not take the code: .*clock/);
  await ada.go('');
  await expect(answerInBrowser(page, '000000')).rejects.toThrow(
    '/two-factor/challenge leads to /two-factor. Is a login pending?',
  );
  await page.context().clearCookies();
  await expect(setUp()).rejects.toThrow(/^\/two-factor\/setup leads to \/login\. Is somebody signed in/);
});
