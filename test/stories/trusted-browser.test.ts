import type { Browser, BrowserContext, Page } from 'playwright-core';
import { answerInBrowser, enrolInBrowser, type TestFactor } from 'passport-second-factor/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { sessionsUrl } from '../helpers/redis.js';

/** "Don’t ask again on this browser", as a person uses it: in a real browser without JavaScript, on real parts. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('a person who trusts the own browser', () => {
  let browser: Browser;
  let installation: Installation;
  let server: ExampleServer;
  let context: BrowserContext;
  let page: Page;
  let factor: TestFactor;

  beforeAll(async () => {
    browser = await launchBrowser();
    installation = createInstallation(sessionsUrl(''));
    server = await startExample(installation.environment);
    context = await browser.newContext({ javaScriptEnabled: false, baseURL: server.url });
    page = await context.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    installation.remove();
  });

  const press = (button: string, on = page): Promise<void> =>
    on.getByRole('button', { name: button }).click();
  const pathOf = (on = page): string => new URL(on.url()).pathname;

  async function signIn(on = page): Promise<void> {
    await on.goto('/login');
    await on.fill('[name=username]', 'ada');
    await on.fill('[name=password]', 'correct horse battery');
    await press('Sign in', on);
  }

  async function signOut(): Promise<void> {
    await page.goto('/account');
    await press('Sign out');
  }

  it('finds the box at the sign-in, not ticked, ticks it by its label and by keys alone, on a small screen too', async () => {
    await page.goto('/register');
    await page.fill('[name=username]', 'ada');
    await page.fill('[name=email]', 'ada@service.example');
    await page.fill('[name=password]', 'correct horse battery');
    await press('Register');
    factor = await enrolInBrowser(page);
    await signOut();
    await signIn();
    expect(pathOf()).toBe('/two-factor/challenge');
    const box = page.getByRole('checkbox', { name: 'Don’t ask again on this browser for 30 days' });
    expect(await box.isChecked()).toBe(false);
    await page.setViewportSize({ width: 320, height: 700 });
    expect(await page.locator('html').evaluate((html) => html.scrollWidth)).toBeLessThanOrEqual(320);
    await page.getByText('Don’t ask again on this browser').click();
    expect(await box.isChecked()).toBe(true);
    await page.focus('[name=code]');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    expect(await box.isChecked()).toBe(false);
    await page.keyboard.press('Space');
    await page.setViewportSize({ width: 900, height: 900 });
    await answerInBrowser(page, await factor.nextCode());
    expect(pathOf()).toBe('/account');
  });

  it('is not asked the next time, while another browser is', async () => {
    await signOut();
    await signIn();
    expect(pathOf()).toBe('/account');
    const other = await (await browser.newContext({ baseURL: server.url })).newPage();
    await signIn(other);
    expect(pathOf(other)).toBe('/two-factor/challenge');
    const cookie = (await context.cookies()).find(({ name }) => name === 'second-factor-trust');
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
    const days = ((cookie?.expires ?? 0) * 1_000 - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThan(30.1);
  });

  it('sees it in the list, and is asked for a code before its trust is ended', async () => {
    await page.goto('/two-factor');
    await page.getByRole('link', { name: 'Trusted browsers' }).click();
    expect(await page.locator('.sf-rows li').count()).toBe(1);
    expect(await page.locator('.sf-rows li').textContent()).toMatch(/Chrom\w+ on Linux\s+this browser/);
    await press('End trust of all');
    expect(await page.textContent('h1')).toBe('Confirm that it is you');
    expect(await page.getByRole('checkbox').count()).toBe(0);
    await answerInBrowser(page, await factor.nextCode());
    expect(pathOf()).toBe('/two-factor/browsers');
    await press('End trust of all');
    expect(await page.textContent('main')).toContain('None.');
    await signOut();
    await signIn();
    expect(pathOf()).toBe('/two-factor/challenge');
  });
});
