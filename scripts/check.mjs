// `npm run check`: everything that looks at the code without running it. All stages run, so that one look is enough.
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stages = [
  ['types of src and the example', 'node', ['scripts/build.mjs']],
  ['types of the tests', 'tsc', ['-p', 'test']],
  ['lint', 'eslint', ['--max-warnings=0', '.']],
  ['format', 'prettier', ['--check', '--log-level=warn', '.']],
  ['unused files, exports and dependencies', 'knip', []],
  ['package shape', 'publint', ['--strict']],
  ['package types', 'attw', ['--pack', '.', '--profile', 'esm-only', '--quiet']],
];

const env = { ...process.env, PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH };
const failed = [];
for (const [name, command, args] of stages) {
  const start = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`check: ${status === 0 ? 'passed' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}

if (failed.length > 0) {
  console.error(`check: failed in ${failed.join('; ')}`);
  process.exit(1);
}
