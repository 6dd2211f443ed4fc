// `npm run check`: everything that looks at the code without running it, that is, each `check:…` script of
// package.json. A failed one does not keep the others from running: one run shows all that is wrong.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const failed = [];

for (const name of Object.keys(scripts).filter((script) => script.startsWith('check:'))) {
  const start = Date.now();
  const { status } = spawnSync('npm', ['run', '--silent', name], { cwd: root, stdio: 'inherit' });
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`${name}: ${status === 0 ? 'passed' : 'FAILED'} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}

if (failed.length > 0) {
  console.error(`check: FAILED in ${failed.join(', ')} (\`npm run ${failed[0]}\` runs that one alone)`);
  process.exit(1);
}
console.log('check: passed');
