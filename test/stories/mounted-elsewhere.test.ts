import type { Express, Request, Response } from 'express';
import type { Browser, Page } from 'playwright-core';
import { answerInBrowser } from 'passport-second-factor/testing';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { collectComplaints } from '../helpers/gallery-checks.js';
import { serve, serveHost } from '../helpers/gallery-host.js';
import { createHost, type Host } from '../helpers/host.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function openPage(): Promise<Page> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  return page;
}

/** Signs in, goes through every page that a menu leads to, and sends a form of one. */
async function walk(page: Page, host: Host, origin: string, prefix: string, pages: string): Promise<void> {
  const complaints = collectComplaints(page);
  const { code } = await host.enrol('ada');
  const form = { username: 'ada', password: 'ada-password' };
  await page.request.post(`${origin}${prefix}/login`, { form, maxRedirects: 0 });
  await page.goto(`${origin}${prefix}${pages}/challenge`);
  await page.click('text=Use a backup code, or one from support');
  await page.click('text=Use your authenticator app instead');
  const radius = await page.locator('main').evaluate((main) => getComputedStyle(main).borderRadius);
  expect(radius).toBe('8px');
  await answerInBrowser(page, code(), { path: `${prefix}${pages}/challenge` });
  await page.getByText('Account of ada').waitFor();
  const where = (): string => new URL(page.url()).pathname;
  for (const link of [
    'Add another authenticator',
    'Backup codes',
    'What has happened',
    'Turn off two-step',
  ]) {
    await page.goto(`${origin}${prefix}${pages}`);
    await page.getByRole('link', { name: link }).click();
    expect(where()).toMatch(new RegExp(`^${prefix}${pages}/`));
  }
  await page.goto(`${origin}${prefix}${pages}/backup-codes`);
  await page.getByRole('button', { name: 'Get new backup codes' }).click();
  await page.getByRole('button', { name: 'I have saved these codes' }).click();
  expect(where()).toBe(prefix + pages);
  // The script is there too.
  await page.goto(`${origin}${prefix}${pages}/setup`);
  await page.click('summary');
  expect(await page.locator('[data-copy]').isVisible()).toBe(true);
  expect(complaints).toEqual([]);
}

it('pages at a path of the host’s choice are styled, linked and answer there', async () => {
  const pages = '/konto/zweiter-faktor';
  const { host, origin } = await serveHost({
    options: { paths: { pages, home: '/account' } },
    routes: (app, { secondFactor }) => app.use(pages, secondFactor.pages()),
  });
  await walk(await openPage(), host, origin, '', pages);
});

it('pages behind a proxy that takes a prefix off are styled, linked and answer there', async () => {
  const prefix = '/app';
  const paths = {
    prefix,
    pages: `${prefix}/two-factor`,
    home: `${prefix}/account`,
    login: `${prefix}/login`,
  };
  let host: Host | undefined;
  const origin = await serve(async (at) => {
    host = await createHost({ options: { origin: at, paths } });
    return behindProxy(host.app, prefix);
  });
  await walk(await openPage(), host!, origin, prefix, '/two-factor');
});

function behindProxy(app: Express, prefix: string): Express {
  return ((request: Request, response: Response) => {
    if (request.url.startsWith(prefix)) request.url = request.url.slice(prefix.length);
    app(request, response);
  }) as Express;
}
