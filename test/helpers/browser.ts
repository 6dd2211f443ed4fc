import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's Chromium, without the network traffic of its own. */
export function launchBrowser(): Promise<Browser> {
  const quiet = ['background-networking', 'component-update', 'sync', 'gpu', 'quic'].map(
    (part) => `--disable-${part}`,
  );
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--no-first-run', ...quiet],
  });
}

/** The code that an independent authenticator shows for a key. @param at as `oathtool --now` takes it. */
export function oathtoolCode(key: string, at = 'now'): string {
  return execFileSync('oathtool', ['--totp', '--base32', `--now=${at}`, key.replace(/\s/g, '')], {
    encoding: 'utf8',
  }).trim();
}

/** What an independent reader sees in the QR code of a page, as a phone's camera would. */
export async function scanQr(page: Page): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'qr-'));
  const path = join(folder, 'page.png');
  try {
    await page.screenshot({ path, fullPage: true });
    return execFileSync('zbarimg', ['--quiet', '--raw', path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
