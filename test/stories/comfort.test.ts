import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { launchBrowser, scanQr } from '../helpers/browser.js';
import { Guest, serveHost } from '../helpers/gallery-host.js';

/** What spares people work: pasting, copying, printing, keyboards that fit. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

type Settings = Parameters<Browser['newContext']>[0];

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function arrive(settings: Settings = {}): Promise<Guest> {
  const context = await browser.newContext(settings);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const { host, origin } = await serveHost();
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  return new Guest(page, host, origin);
}

describe.each([
  ['with JavaScript', true],
  ['without JavaScript', false],
])('%s', (_, javaScriptEnabled) => {
  it('a code field brings the keyboard that it needs, and offers codes that the device knows', async () => {
    const ada = await (await arrive({ javaScriptEnabled })).enrol();
    await ada.signIn();
    for (const [path, inputmode] of [
      ['/challenge', 'numeric'],
      ['/challenge?use=backup-code', 'text'],
    ] as const) {
      await ada.go(path);
      const field = ada.page.locator('[name=code]');
      expect(await field.getAttribute('inputmode')).toBe(inputmode);
      expect(await field.getAttribute('autocomplete')).toBe('one-time-code');
    }
  });

  it('a code may be pasted with its space, and a backup code as it was printed or in small letters', async () => {
    const ada = await (await arrive({ javaScriptEnabled })).enrol();
    const code = ada.factor.code();
    const pasted = [`${code.slice(0, 3)} ${code.slice(3)}`, ada.factor.backupCodes[0]!.toLowerCase()];
    for (const text of pasted) {
      await ada.page.context().clearCookies();
      await ada.signIn();
      await ada.go('/challenge');
      // The browser gives it the focus with its first picture of the page.
      await ada.page.waitForSelector('[name=code]:focus');
      await ada.page.keyboard.insertText(text);
      await ada.page.keyboard.press('Enter');
      await ada.page.getByText(/Account of ada|You used a backup code/).waitFor();
    }
  });

  it('buttons that only a script can serve are there with one, and hidden without', async () => {
    const ada = await arrive({ javaScriptEnabled });
    await ada.signIn();
    await ada.go('/setup');
    await ada.page.click('summary');
    expect(await ada.page.locator('[data-copy]').isVisible()).toBe(javaScriptEnabled);
    await ada.enterFirstCode();
    for (const name of ['[data-copy]', '[data-print]'])
      expect(await ada.page.locator(name).isVisible()).toBe(javaScriptEnabled);
    expect(await ada.page.getByText('Click the codes once to select them all').count()).toBe(1);
  });
});

it('a name stays where it was typed while the code beside it is put right', async () => {
  const ada = await (await arrive({ javaScriptEnabled: false })).enrol();
  await ada.signIn();
  await ada.go('/challenge');
  await ada.answer(ada.factor.code());
  await ada.go('/setup');
  await ada.send({ code: '12 34', name: 'Work "phone"' });
  expect(await ada.page.inputValue('[name=name]')).toBe('Work "phone"');
  await ada.enterFirstCode();
  expect(await ada.page.textContent('main')).toContain('Work "phone"');
});

it('Copy puts the key, or all backup codes, on the clipboard and says so', async () => {
  const ada = await arrive();
  const { page } = ada;
  const readClipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await ada.signIn();
  await ada.go('/setup');
  await page.click('summary');
  await page.click('[data-copy]');
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  expect(await readClipboard()).toBe(await page.textContent('#setup-key'));
  await ada.enterFirstCode();
  await page.click('[data-copy]');
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  expect(await readClipboard()).toBe((await page.locator('.backup-code').allTextContents()).join('\n'));
});

it('Print prints, and on paper stand the codes, whose they are and what they are for', async () => {
  const ada = await arrive();
  const { page } = ada;
  await ada.signIn();
  await ada.go('/setup');
  await ada.enterFirstCode();
  await page.evaluate(() => {
    window.print = () => document.body.setAttribute('data-printed', '');
  });
  await page.click('[data-print]');
  await page.waitForSelector('[data-printed]');
  await page.emulateMedia({ media: 'print' });
  const paper = await page.innerText('body');
  for (const code of await page.locator('.backup-code').allTextContents()) expect(paper).toContain(code);
  for (const words of ['Test Service', 'ada@service.example', 'Each code works once'])
    expect(paper).toContain(words);
  for (const words of ['Download', 'I have saved', 'Copy', 'Print this page'])
    expect(paper).not.toContain(words);
});

it.each([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['light, 320 pixels wide', { colorScheme: 'light', viewport: { width: 320, height: 640 } }],
  ['dark, at 400 %', { colorScheme: 'dark', viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 }],
] satisfies [string, Settings][])('a camera reads the QR code: %s', async (_, settings) => {
  const ada = await arrive(settings);
  await ada.signIn();
  await ada.go('/setup');
  expect(await scanQr(ada.page)).toBe(await ada.page.getAttribute('a[href^="otpauth:"]', 'href'));
});
