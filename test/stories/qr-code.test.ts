import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { buildKeyUri } from '../../src/totp/key-uri.js';
import { defaultParameters } from '../../src/totp/match-step.js';
import { drawQr } from '../../src/totp/qr.js';
import { generateSecret } from '../../src/totp/secret.js';

it.each([
  ['ASCII', 'Test Service', 'ada@service.example'],
  ['Unicode', 'Prüfdienst', 'Ädà 中文 😀'],
])('drawQr draws what a camera reads as the same URI: %s', (_, issuer, label) => {
  const uri = buildKeyUri(issuer, label, generateSecret(), defaultParameters);
  const folder = mkdtempSync(join(tmpdir(), 'qr-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'qr.pgm'), rasterise(drawQr(uri)));
  const read = spawnSync('zbarimg', ['--quiet', '--raw', join(folder, 'qr.pgm')], { encoding: 'utf8' });
  expect(read.stdout.trim()).toBe(uri);
});

/** Paints the lines of our SVG, one module high each, as a grey picture. */
function rasterise(svg: string): string {
  const size = Number(/viewBox="0 0 (\d+) /.exec(svg)![1]);
  const scale = 6;
  const isDark = Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  for (const [, x, y, length] of svg.matchAll(/M(\d+) (\d+)\.5h(\d+)/g))
    isDark[Number(y)]!.fill(true, Number(x), Number(x) + Number(length));
  const rows = isDark.flatMap((row) =>
    Array.from({ length: scale }, () =>
      row.flatMap((dark) => Array.from({ length: scale }, () => (dark ? 0 : 255))),
    ),
  );
  return `P2\n${size * scale} ${size * scale}\n255\n${rows.map((row) => row.join(' ')).join('\n')}\n`;
}
