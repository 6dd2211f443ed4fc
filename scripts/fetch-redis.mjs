// Runs before `npm test`: sees to a Redis for the tests, without root and without touching the system.
// Silent when there is one; else Debian's own package is unpacked into .cache/redis.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findRedisServer, redisCache } from '../examples/identity-server/dist/redis-server.js';

const downloads = join(redisCache, 'downloads');

if (!process.env.TEST_REDIS_URL && !findRedisServer()) {
  const fault = fetchRedis();
  if (fault) stopWithoutRedis(fault);
}

/** Returns what went wrong. */
function fetchRedis() {
  if (!hasCommand('apt-get') || !hasCommand('dpkg'))
    return 'Only on Debian and Ubuntu can it be fetched automatically.';
  console.log(
    "redis: no redis-server here; unpacking the one of this system's package archive into .cache/redis",
  );
  rmSync(redisCache, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'archives/partial'])
    mkdirSync(join(downloads, folder), { recursive: true });
  try {
    return downloadAndUnpack() ?? tryOut();
  } finally {
    rmSync(downloads, { recursive: true, force: true });
  }
}

function downloadAndUnpack() {
  if (download([]) !== undefined) {
    console.log("redis: the system's package lists are empty or old; fetching new ones into .cache/redis");
    const lists = ['-o', `Dir::State::Lists=${join(downloads, 'lists')}`, '-o', `Dir::Cache=${downloads}`];
    // Without the mode, `update` succeeds however little it could fetch.
    const update = apt([...lists, '-o', 'APT::Update::Error-Mode=any', 'update']);
    const fault = update.status === 0 ? download(lists) : `\`apt-get update\` failed:\n${update.stderr}`;
    if (fault) return fault;
  }
  for (const file of readdirSync(downloads).filter((name) => name.endsWith('.deb'))) {
    const unpack = spawnSync('dpkg', ['-x', join(downloads, file), redisCache], { encoding: 'utf8' });
    if (unpack.status !== 0) return `\`dpkg -x ${file}\` failed:\n${unpack.stderr}`;
  }
  return undefined;
}

/** Redis and whatever it needs that is not installed, as apt works it out. Returns what went wrong. */
function download(lists) {
  const plan = apt([...lists, '--simulate', '--no-install-recommends', 'install', 'redis-server']);
  if (plan.status !== 0) return `apt knows no redis-server:\n${plan.stderr}`;
  const missing = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]);
  const packages = new Set(['redis-server', 'redis-tools', ...missing]);
  const { status, stderr } = apt([...lists, 'download', ...packages]);
  return status === 0 ? undefined : `\`apt-get download\` failed:\n${stderr}`;
}

function tryOut() {
  const program = findRedisServer();
  if (!program) return 'The packages hold no redis-server.';
  const { status, stderr } = spawnSync(program.path, ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, ...program.env },
  });
  if (status === 0) return undefined;
  rmSync(redisCache, { recursive: true, force: true });
  return `The unpacked redis-server does not run here:\n${stderr}`;
}

function apt(args) {
  // The sandbox user `_apt` may not write into a checkout; for anybody but root the option means nothing.
  const options = [
    '-q',
    '-o',
    'APT::Sandbox::User=root',
    '-o',
    'Acquire::Retries=1',
    '-o',
    'Acquire::http::Timeout=20',
  ];
  return spawnSync('apt-get', [...options, ...args], {
    cwd: downloads,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    timeout: 180_000,
  });
}

function hasCommand(name) {
  return process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, name)));
}

/** The tests that need Redis fail without one, by name; a CI run need not go that far. */
function stopWithoutRedis(fault) {
  console.error(`
  ┌─ No Redis, and the tests need one ${'─'.repeat(40)}
  │ ${fault.trim().replaceAll('\n', '\n  │ ')}
  │
  │ Install it (Debian, Ubuntu: sudo apt-get update && sudo apt-get install redis-server; Alpine: apk add
  │ redis; macOS: brew install redis), or set TEST_REDIS_URL=redis://… to one that may be written to.
  │ Until then every test that uses Redis fails.
  └${'─'.repeat(76)}
`);
  if (process.env.CI) process.exit(1);
}
