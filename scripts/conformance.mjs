// `npm run conformance`: the conformance suite against the example, which must pass, and against applications that are
// broken on purpose, which must fail the checks of test/conformance/must-fail.json.
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
  // Side by side: the example mostly waits.
  await Promise.all([lookAtExample(), lookAtBroken()]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

for (const fault of faults) console.error(`conformance: ${fault}`);
console.log(faults.length === 0 ? 'conformance: as it must be' : 'conformance: FAILED');
process.exitCode = faults.length === 0 ? 0 : 1;

async function lookAtExample() {
  const folder = 'examples/identity-server';
  const results = await look(`${folder}/dist/main.js`, `${folder}/conformance.json`);
  if (exitCode(results) !== 0) faults.push('the example does not pass');
}

async function lookAtBroken() {
  for (const [name, ids] of Object.entries(mustFail)) {
    const results = await look(`test/conformance/${name}.mjs`, `test/conformance/${name}.json`);
    const idsOf = (wanted) => results.filter(({ status }) => status === wanted).map(({ id }) => id);
    const missed = ids.filter((id) => !idsOf('failed').includes(id));
    if (missed.length > 0) faults.push(`${name} passes what it must fail: ${missed.join(', ')}`);
    // What it does right it passes: the suite does not refuse everything.
    if (idsOf('passed').length <= 15) faults.push(`${name} passes hardly anything`);
    if (idsOf('unclear').length > 0) faults.push(`${name} is not looked at: ${idsOf('unclear').join(', ')}`);
  }
}

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
