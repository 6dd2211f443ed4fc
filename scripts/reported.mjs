import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Runs tests that write what they find into a file, a line of JSON each.
 * @param variable of the environment, that names the file to them.
 * @param parameters of vitest: which tests.
 * @returns how they ended (0 is well), and the lines.
 */
export function runReported(variable, parameters, environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  const report = join(folder, 'report.jsonl');
  writeFileSync(report, '');
  const { status } = spawnSync('npx', ['vitest', 'run', ...parameters], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
    env: { ...process.env, ...environment, [variable]: report },
  });
  const lines = readFileSync(report, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  rmSync(folder, { recursive: true });
  return { status: status ?? 1, lines };
}
