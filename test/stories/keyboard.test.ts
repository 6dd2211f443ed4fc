import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { Guest, serveHost } from '../helpers/gallery-host.js';

/** Without a mouse and without JavaScript. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function arrive(): Promise<Guest> {
  const context = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: 320, height: 480 },
  });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const { host, origin } = await serveHost({ options: { trustedBrowsers: { days: 30 } } });
  return new Guest(page, host, origin);
}

/** What has the focus, in words; `''` for nothing. Its outline must be seen, and nothing may stand before it. */
async function readFocus(page: Page): Promise<string> {
  const { words, isVisible, isOutlined } = await page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    if (element === document.body) return { words: '', isVisible: true, isOutlined: true };
    const { left, top, width, height } = element.getBoundingClientRect();
    const above = document.elementFromPoint(left + width / 2, top + height / 2);
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const name = element.getAttribute('name');
    return {
      words: name ?? element.textContent.replace(/\s+/g, ' ').trim(),
      isVisible: above !== null && (element.contains(above) || above.contains(element)),
      isOutlined: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
    };
  });
  expect([words, isVisible, isOutlined]).toEqual([words, true, true]);
  return words;
}

/** What one comes to by Tab from here, to the end of the page. */
async function tabThrough(page: Page): Promise<string[]> {
  const stops: string[] = [];
  for (;;) {
    await page.keyboard.press('Tab');
    const stop = await readFocus(page);
    if (stop === '' || stops.length > 40) return stops;
    stops.push(stop);
  }
}

it('the challenge begins at the field, goes on in reading order, and Enter sends it', async () => {
  const ada = await (await arrive()).enrol();
  const { page } = ada;
  await ada.signIn();
  await ada.go('/challenge');
  await page.waitForSelector('[name=code]:focus');
  expect(await tabThrough(page)).toEqual([
    'trust',
    'Continue',
    'Use a backup code, or one from support',
    'Cancel and sign in as somebody else',
  ]);

  await ada.go('/challenge');
  await page.waitForSelector('[name=code]:focus');
  await page.keyboard.type('12 34');
  await page.keyboard.press('Escape');
  expect(await page.inputValue('[name=code]')).toBe('12 34');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.sf-summary:focus');
  expect(await page.title()).toMatch(/^Error: Enter your code/);
  expect(await readFocus(page)).toMatch(/^There is a problem Enter the 6 digits/);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[name=code]:focus');
  expect(await readFocus(page)).toBe('code');
  await page.keyboard.type(ada.factor.code());
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('Account of ada').waitFor();
  expect((await page.context().cookies()).map(({ name }) => name)).toContain('second-factor-trust');
});

it('the set-up shows its key, takes the code, and gives the backup codes', async () => {
  const ada = await arrive();
  const { page } = ada;
  await ada.signIn();
  await ada.go('/setup');
  expect(await tabThrough(page)).toEqual([
    'Open your authenticator app',
    'Can’t scan? Enter the key by hand',
    'code',
    'Turn on',
    'Cancel',
  ]);

  await ada.go('/setup');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  expect(await page.locator('#setup-key').isVisible()).toBe(false);
  await page.keyboard.press('Enter');
  expect(await page.locator('#setup-key').isVisible()).toBe(true);
  await page.keyboard.press('Tab');
  expect(await readFocus(page)).toBe('code');
  await page.keyboard.type(await ada.readFirstCode());
  await page.keyboard.press('Enter');
  await page.waitForSelector('.backup-code');
  expect(await tabThrough(page)).toEqual(['Download as a text file', 'I have saved these codes']);
});

it('the overview names what each link is for', async () => {
  const ada = await (await arrive()).enrol();
  const { page } = ada;
  await ada.signIn();
  await ada.go('/challenge');
  await ada.answer(ada.factor.code());
  await ada.go('');
  expect(await tabThrough(page)).toEqual([
    'Rename Authenticator app',
    'Replace Authenticator app',
    'Add another authenticator',
    'Backup codes',
    'Trusted browsers',
    'What has happened to this account',
    'Sign out everywhere else',
    'Turn off two-step sign-in',
    'Back',
  ]);
});
