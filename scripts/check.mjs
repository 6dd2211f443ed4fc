// `npm run check`: everything that looks at the code without running it, that is, each `check:…` script of
// package.json, as many at a time as there are processors. A failed one does not keep the others from running: one run
// shows all that is wrong.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const waiting = Object.keys(scripts).filter((script) => script.startsWith('check:'));
const failed = [];

await Promise.all(Array.from({ length: availableParallelism() }, work));

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await run(name);
}

/** Its output in one piece, once it is done. */
async function run(name) {
  const start = Date.now();
  const child = spawn('npm', ['run', '--silent', name], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const [status] = await once(child, 'close');
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`${output}${name}: ${status === 0 ? 'passed' : 'FAILED'} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}

if (failed.length > 0) {
  console.error(`check: FAILED in ${failed.join(', ')} (\`npm run ${failed[0]}\` runs that one alone)`);
  process.exit(1);
}
console.log('check: passed');
