// Runs before `npm start`, `npm test` and `npm pack`: makes a fresh clone ready, says nothing when it is.
// Plain Node without dependencies, because there may be no node_modules yet.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, isBuilt } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(root + path, 'utf8'));

stopOnOldNode();
if (!isInstalled()) install();
if (!isBuilt()) build();

function stopOnOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const oldest = readJson('package.json').engines.node.replace('>=', '');
  const [oldestMajor, oldestMinor] = oldest.split('.').map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  console.error(
    'This project needs Node ' +
      oldest +
      ' or later, and this is Node ' +
      process.versions.node +
      '. ' +
      'Install a newer Node (https://nodejs.org) and run the same command again.',
  );
  process.exit(1);
}

/**
 * Compares package-lock.json with what npm wrote into node_modules when it last finished there. So an
 * `npm install` by hand counts too, and an interrupted one does not.
 */
function isInstalled() {
  let installed;
  try {
    installed = readJson('node_modules/.package-lock.json').packages;
  } catch {
    return false;
  }
  const wanted = readJson('package-lock.json').packages;
  return Object.keys(wanted).every((path) => {
    const there = installed[path];
    if (there) return there.version === wanted[path].version && there.integrity === wanted[path].integrity;
    return path === '' || (wanted[path].optional === true && !isForThisMachine(wanted[path]));
  });
}

/** Optional packages hold binaries for one platform each; only ours must be there. */
function isForThisMachine({ os, cpu, libc }) {
  return Boolean(os && os.includes(process.platform) && cpu && cpu.includes(process.arch) && !libc);
}

function install() {
  console.log('prepare: installing the dependencies (npm ci): node_modules does not match package-lock.json');
  // `npm run` names the npm that started us; outside of it the one on the PATH is taken.
  const startedBy = process.env.npm_execpath || '';
  const npm = startedBy.endsWith('npm-cli.js') ? [process.execPath, startedBy] : ['npm'];
  const options = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync(npm[0], [...npm.slice(1), ...options], { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  console.error('prepare: `npm ci` failed (see above). Is the npm registry reachable from here?');
  process.exit(1);
}
