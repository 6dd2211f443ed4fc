// `npm run topologies`: the stories of the example in a real browser, with its sessions and epochs behind Redis Sentinel (one master, one
// replica, three Sentinels) and in Redis Cluster (three masters). Prints a table last.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const stories = ['first-day', 'json-api', 'required-factor', 'trusted-browser'];
const folder = mkdtempSync(join(tmpdir(), 'topologies-'));
const rows = ['sentinel', 'cluster'].map((topology) => {
  const report = join(folder, `${topology}.json`);
  const files = stories.map((story) => `test/stories/${story}.test.ts`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'stories', ...reporters, ...files], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
    env: { ...process.env, TEST_REDIS_TOPOLOGY: topology },
  });
  const { numPassedTests = 0, numFailedTests = 0 } = JSON.parse(readFileSync(report, 'utf8'));
  return { topology, passed: numPassedTests, failed: numFailedTests, status };
});
rmSync(folder, { recursive: true });
console.table(rows.map(({ topology, passed, failed }) => ({ topology, passed, failed })));
process.exit(rows.every(({ status, passed }) => status === 0 && passed > 0) ? 0 : 1);
