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
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'faults'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, FAULTS_REPORT: report },
});
const rows = readFileSync(report, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));
rmSync(folder, { recursive: true });

const milliseconds = (value) => (value === null ? 'never' : `${Math.round(value)} ms`);
console.table(
  rows.map(({ fault, requests, letIn, refused, slowest, slowestAfterHash, recovery, unexpected }) => ({
    fault,
    requests,
    'let in wrongly': letIn,
    refused,
    'slowest answer': milliseconds(slowest),
    'with a password hash': milliseconds(slowestAfterHash),
    'recovered after': milliseconds(recovery),
    unexpected: unexpected.length,
  })),
);
process.exit(status ?? 1);
