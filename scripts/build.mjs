// `npm run build`: src -> dist, then the examples, which import the package by its own name.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, '.cache', 'built');
const projects = [
  { name: 'src', folder: '.' },
  { name: 'examples/identity-server', folder: 'examples/identity-server' },
  { name: 'examples/json-api', folder: 'examples/json-api' },
];
const sources = ['src', 'examples/identity-server/src', 'examples/json-api/src'];
const settings = [
  'tsconfig.json',
  'examples/identity-server/tsconfig.json',
  'examples/json-api/tsconfig.json',
  'package.json',
  'package-lock.json',
];

/** Whether the last build that succeeded was made of exactly these sources. */
export function isBuilt() {
  const isThere = projects.every(({ folder }) => existsSync(join(root, folder, 'dist')));
  return isThere && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint();
}

export function build() {
  const before = fingerprint();
  for (const project of projects) compile(project);
  mkdirSync(join(root, '.cache'), { recursive: true });
  writeFileSync(stamp, before);
}

/**
 * Compiles beside the old output and swaps the two: no module of a deleted source stays behind, and a build
 * that fails leaves the last good one in place.
 */
function compile({ name, folder }) {
  console.log(`build: compiling ${name}`);
  const dist = join(root, folder, 'dist');
  const fresh = `${dist}.new-${process.pid}`;
  const old = `${dist}.old-${process.pid}`;
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  // Our own code is checked here; the libraries' declarations, which take most of the time, in `npm run check`.
  const options = ['-p', join(root, folder), '--outDir', fresh, '--skipLibCheck'];
  const { status } = spawnSync(process.execPath, [tsc, ...options], { stdio: 'inherit' });
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    console.error(`build: ${name} does not compile (see above)`);
    process.exit(1);
  }
  try {
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } catch (error) {
    // Another build, of `npm start` beside `npm test`, came in between: one of the two is enough.
    if (!existsSync(dist)) throw error;
  }
  for (const path of [old, fresh]) rmSync(path, { recursive: true, force: true });
}

/** Name, size and time of every file that a build reads. */
function fingerprint() {
  const files = [...settings];
  for (const folder of sources) {
    for (const path of readdirSync(join(root, folder), { recursive: true })) {
      if (path.endsWith('.ts')) files.push(join(folder, path));
    }
  }
  const hash = createHash('sha256');
  for (const path of files.sort()) {
    const { size, mtimeMs } = statSync(join(root, path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) build();
