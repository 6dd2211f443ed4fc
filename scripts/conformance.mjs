// `npm run conformance`: the conformance suite against the example, which must pass, and against two applications that
// are broken on purpose, which must fail the checks of test/conformance/must-fail.json.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readManifest } from '../dist/conformance/manifest.js';
import { exitCode, runChecks } from '../dist/conformance/run.js';
import { drawTable } from '../dist/conformance/table.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const mustFail = JSON.parse(readFileSync(join(root, 'test/conformance/must-fail.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
const faults = [];

try {
  const example = await look(
    'examples/identity-server/dist/main.js',
    'examples/identity-server/conformance.json',
  );
  if (exitCode(example) !== 0) faults.push('the example does not pass');
  for (const [name, ids] of Object.entries(mustFail)) {
    const results = await look(`test/conformance/${name}.mjs`, `test/conformance/${name}.json`);
    const seen = results.filter(({ status }) => status === 'failed').map(({ id }) => id);
    const missed = ids.filter((id) => !seen.includes(id));
    if (missed.length > 0) faults.push(`${name} passes what it must fail: ${missed.join(', ')}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

for (const fault of faults) console.error(`conformance: ${fault}`);
console.log(faults.length === 0 ? 'conformance: as it must be' : 'conformance: FAILED');
process.exitCode = faults.length === 0 ? 0 : 1;

/** Runs the suite against a program that prints its address. */
async function look(program, manifestFile) {
  const server = await start(program);
  const begin = Date.now();
  try {
    const manifest = readManifest(readFileSync(join(root, manifestFile), 'utf8'), manifestFile, server.url);
    const results = await runChecks(manifest);
    const seconds = ((Date.now() - begin) / 1000).toFixed(0);
    console.log(`\n${manifest.name}\n\n${drawTable(results, process.stdout.columns)} (${seconds} s)\n`);
    return results;
  } finally {
    await server.stop();
  }
}

async function start(program) {
  const environment = {
    PATH: process.env.PATH,
    PORT: '0',
    DATABASE_URL: `file:${join(folder, 'app.db')}`,
    SESSION_SECRET: randomBytes(32).toString('base64'),
    TWO_FACTOR_KEYS: `conformance:${randomBytes(32).toString('base64')}`,
  };
  const stdio = ['ignore', 'pipe', 'inherit'];
  const child = spawn(process.execPath, [join(root, program)], { env: environment, stdio, cwd: folder });
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/localhost:\d+/.exec(line)?.[0];
    if (url === undefined) continue;
    return {
      url,
      async stop() {
        child.kill('SIGTERM');
        await exited;
      },
    };
  }
  throw new Error(`${program} did not start.`);
}
