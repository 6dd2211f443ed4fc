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

/** The codes that an independent authenticator shows for a key: of the step before this one, this one and the next. */
export function oathtoolCodes(key: string): string[] {
  const parameters = ['--totp', '--base32', '--now=30 seconds ago', '--window=2', key.replace(/\s/g, '')];
  return execFileSync('oathtool', parameters, { encoding: 'utf8' }).trim().split('\n');
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
