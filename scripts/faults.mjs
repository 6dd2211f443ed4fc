// `npm run faults`: what happens to requests while a server that a node needs is gone, silent, slow or restarted. Runs
// test/faults against the example and prints a table last.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'faults-'));
const report = join(folder, 'report.jsonl');
writeFileSync(report, '');
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'faults', '--maxWorkers=1'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, FAULTS_REPORT: report },
});
const rows = readFileSync(report, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));
rmSync(folder, { recursive: true });

// A time that was never over is `Infinity`, which is null in JSON; one that was not taken is not there.
const milliseconds = (value) =>
  value === undefined ? '–' : value === null ? 'never' : `${Math.round(value)} ms`;
console.table(
  rows.map(({ fault, requests, letIn, acceptedTwice, lost, refused, ...times }) => ({
    fault,
    requests,
    'let in wrongly': letIn,
    'accepted twice': acceptedTwice ?? '–',
    lost: lost ?? '–',
    refused,
    'slowest answer': milliseconds(times.slowest),
    'with a password hash': milliseconds(times.slowestAfterHash),
    'recovered after': milliseconds(times.recovery),
    unexpected: times.unexpected.length,
  })),
);
process.exit(status ?? 1);
