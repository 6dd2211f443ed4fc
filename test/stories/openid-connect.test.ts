import type { Browser, Page } from 'playwright-core';
import { answerInBrowser, enrolInBrowser } from 'passport-second-factor/testing';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { OidcExample } from '../oidc/example.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let browser: Browser;
let example: OidcExample;
beforeAll(async () => {
  [browser, example] = await Promise.all([launchBrowser(), OidcExample.start()]);
});
afterAll(() => Promise.all([browser.close(), example.stop()]));

async function openPage(): Promise<Page> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  return page;
}

async function sendNameAndPassword(page: Page, button: 'Sign in' | 'Register'): Promise<void> {
  const form = page.locator('form').filter({ has: page.getByRole('button', { name: button }) });
  await form.getByLabel('name').fill('ada');
  await form.getByLabel('password').fill('ada has a long password');
  await form.getByRole('button').click();
}

it('a login with a code goes from the shop to the identity server and back, to another origin', async () => {
  const first = await openPage();
  await first.goto(`${example.shop}/login`);
  await sendNameAndPassword(first, 'Register');
  await first.waitForURL(`${example.shop}/`);
  const factor = await enrolInBrowser(first, { path: `${example.identity}/two-factor/setup` });

  const page = await openPage();
  await page.goto(example.shop);
  await page.getByRole('link', { name: 'Sign in with two factors, if you can' }).click();
  await sendNameAndPassword(page, 'Sign in');
  await page.waitForURL(`${example.identity}/two-factor/challenge`);
  await answerInBrowser(page, await factor.nextCode());
  // Chromium holds the redirects after the form to the `form-action` of its page.
  await page.waitForURL(`${example.shop}/`);
  const claims = JSON.parse(await page.locator('pre').innerText()) as { amr: string[] };
  expect(claims.amr).toEqual(['pwd', 'otp', 'mfa']);
});
