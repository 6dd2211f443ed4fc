import type { RequestHandler } from 'express';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { Guest, serveHost } from '../helpers/gallery-host.js';

/** What people do who do not wait, go back, or have two windows open. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe.each([
  ['with JavaScript', true],
  ['without JavaScript', false],
])('somebody in a hurry, %s', (_, javaScriptEnabled) => {
  let context: BrowserContext;
  let page: Page;

  /** At the challenge. */
  async function arrive(working = 0, answering = 0): Promise<Guest> {
    context = await browser.newContext({ javaScriptEnabled });
    onTestFinished(() => context.close());
    page = await context.newPage();
    const { host, origin } = await serveHost({
      first: (app) => app.post('/two-factor/challenge', slow(working, answering)),
    });
    const ada = await new Guest(page, host, origin).enrol();
    await ada.signIn();
    await ada.go('/challenge');
    return ada;
  }

  const completions = async ({ host }: Guest): Promise<number> =>
    (await host.options.storage.listEvents('ada', 50)).filter(({ kind }) => kind === 'login.completed')
      .length;

  it('goes back after the sign-in, and finds no form that would ask again', async () => {
    const ada = await arrive();
    await ada.answer(ada.factor.code());
    expect(await page.textContent('body')).toContain('Account of ada');
    await page.goBack();
    expect(new URL(page.url()).pathname).toBe('/two-factor');
    expect(await page.locator('[name=code]').count()).toBe(0);
  });

  it('answers in one tab and then in another, and is told that it was completed', async () => {
    const ada = await arrive();
    const other = new Guest(await context.newPage(), ada.host, ada.origin);
    other.factor = ada.factor;
    await other.go('/challenge');
    await ada.answer(ada.factor.code());
    expect(await page.textContent('body')).toContain('Account of ada');
    ada.host.clock.advance(30_000);
    await other.answer(ada.factor.code());
    expect(await other.page.textContent('main')).toContain('completed by another request');
    await other.page.click('.sf-actions a');
    expect(await other.page.textContent('body')).toContain('Account of ada');
    expect(await completions(ada)).toBe(1);
  });

  it.each([
    ['twice', 0, 0],
    ['again while the server still works', 700, 300],
    ['again while the answer is on its way', 0, 300],
  ])('presses %s', async (_name, working, pause) => {
    const ada = await arrive(working, 700);
    await page.fill('[name=code]', ada.factor.code());
    const { x, y, width, height } = (await page.locator('button[type=submit]').first().boundingBox())!;
    await page.mouse.click(x + width / 2, y + height / 2);
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    await page.mouse.click(x + width / 2, y + height / 2);
    await page.getByText(/Account of ada|completed by another request/).waitFor();
    expect(await completions(ada)).toBe(1);
    // Without a script the browser may have thrown the answer away that signs in: then one is told.
    if (javaScriptEnabled) expect(await page.textContent('body')).toContain('Account of ada');
  });

  it('goes back after turning it off, and finds nothing that still works', async () => {
    const ada = await arrive();
    await ada.answer(ada.factor.code());
    await ada.go('/disable');
    ada.host.clock.advance(30_000);
    await ada.answer(ada.factor.code());
    expect(await page.textContent('main')).toContain('Off');
    await page.goBack();
    expect(new URL(page.url()).pathname).toBe('/two-factor');
    expect(await page.locator('[name=code]').count()).toBe(0);
  });
});

/** A server that takes so long before it does what it is asked for, and so long to answer. */
function slow(working: number, answering: number): RequestHandler {
  return (_request, response, next) => {
    const end = response.end.bind(response);
    response.end = ((...parameters: []) => {
      setTimeout(() => end(...parameters), answering);
      return response;
    }) as typeof response.end;
    setTimeout(next, working);
  };
}
