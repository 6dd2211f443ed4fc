import type { Browser, BrowserContext, Page } from 'playwright-core';
import { enrolInBrowser } from 'passport-second-factor/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { sessionsUrl } from '../helpers/redis.js';

/** A service begins to ask for two-step sign-in, in a real browser without JavaScript, on real parts. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('a person of whom two-step sign-in is asked', () => {
  let browser: Browser;
  let installation: Installation;
  let server: ExampleServer;
  let context: BrowserContext;
  let page: Page;

  const environment = (graceDays: string) => ({
    ...installation.environment,
    ADMINISTRATORS: 'ada',
    TWO_FACTOR_REQUIRED: 'all',
    TWO_FACTOR_GRACE_DAYS: graceDays,
  });

  async function restart(graceDays: string): Promise<void> {
    await server.stop();
    server = await startExample(environment(graceDays));
    await context.close();
    context = await browser.newContext({ javaScriptEnabled: false, baseURL: server.url });
    page = await context.newPage();
  }

  beforeAll(async () => {
    browser = await launchBrowser();
    installation = createInstallation(sessionsUrl(''));
    server = await startExample(environment('14'));
    context = await browser.newContext({ javaScriptEnabled: false, baseURL: server.url });
    page = await context.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    installation.remove();
  });

  const press = (button: string): Promise<void> => page.getByRole('button', { name: button }).click();
  const pathOf = (): string => new URL(page.url()).pathname;

  async function signIn(): Promise<void> {
    await page.goto('/login');
    await page.fill('[name=username]', 'ada');
    await page.fill('[name=password]', 'correct horse battery');
    await press('Sign in');
  }

  it('is reminded with the days that are left, and goes on with “Not now”', async () => {
    await page.goto('/register');
    await page.fill('[name=username]', 'ada');
    await page.fill('[name=email]', 'ada@service.example');
    await page.fill('[name=password]', 'correct horse battery');
    await press('Register');
    expect(pathOf()).toBe('/two-factor/required');
    expect(await page.textContent('main')).toMatch(/Set it up by .*\(14 days left\)/s);
    await press('Not now');
    expect(pathOf()).toBe('/account');
    await page.goto('/two-factor');
    expect(await page.textContent('main')).toContain('Your account must have it');
    await page.goto('/account');
    await press('Sign out');
  });

  it('is held at the next sign-in once no time is left, finds no way around, and sets it up', async () => {
    await restart('0');
    await page.goto('/account/password');
    await signIn();
    expect(pathOf()).toBe('/two-factor/required');
    expect(await page.getByRole('button', { name: 'Not now' }).count()).toBe(0);
    await page.goto('/account');
    expect(pathOf()).toBe('/login');
    await page.goto('/two-factor');
    expect(pathOf()).toBe('/two-factor/required');
    await page.getByRole('link', { name: 'Set up now' }).click();
    expect(pathOf()).toBe('/two-factor/setup');
    expect((await enrolInBrowser(page)).backupCodes).toHaveLength(10);
    expect(pathOf()).toBe('/account/password');
  });

  it('cannot turn it off, and sees why', async () => {
    await page.goto('/two-factor');
    expect(await page.textContent('main')).toContain('so it cannot be turned off');
    await page.goto('/two-factor/disable');
    expect(await page.textContent('main')).toContain('so it cannot be turned off');
    expect(await page.locator('[name=code]').count()).toBe(0);
  });

  it('sees as an administrator who has it, and downloads the list', async () => {
    await page.goto('/admin/coverage');
    expect(await page.textContent('main')).toMatch(/On\s*1/);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download all as CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('coverage.csv');
  });
});
