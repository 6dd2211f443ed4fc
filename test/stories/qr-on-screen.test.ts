import { expect, it, vi } from 'vitest';
import { launchBrowser, scanQr } from '../helpers/browser.js';
import { Guest, serveHost } from '../helpers/gallery-host.js';

vi.setConfig({ testTimeout: 60_000 });

it('a camera reads the QR code in light and dark, on a phone, on a wide screen and at 400 % zoom', async () => {
  const browser = await launchBrowser();
  const { host, origin } = await serveHost();
  const read: [string, string, string, string][] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [kind, width, deviceScaleFactor] of [
      ['phone', 320, 2],
      ['wide', 1280, 1],
      ['zoom', 320, 4],
    ] as const) {
      const viewport = { width, height: 800 };
      const options = { javaScriptEnabled: false, colorScheme, viewport, deviceScaleFactor };
      const page = await (await browser.newContext(options)).newPage();
      const ada = new Guest(page, host, origin);
      await ada.signIn();
      await ada.go('/setup');
      const uri = (await page.getAttribute('a[href^="otpauth:"]', 'href')) ?? '';
      read.push([colorScheme, kind, await scanQr(page), uri]);
    }
  }
  await browser.close();
  expect(read).toHaveLength(6);
  for (const [scheme, kind, seen, uri] of read) {
    expect([scheme, kind, seen]).toEqual([scheme, kind, uri]);
    expect(seen).toMatch(/^otpauth:\/\/totp\//);
  }
});
