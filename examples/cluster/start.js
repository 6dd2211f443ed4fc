// `npm run cluster`: PostgreSQL, Redis, three nodes of the example and nginx before them, as plain processes of this machine. Ctrl-C ends all.
// PORT is the balancer's (default 8080; 0 for any free one).
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startRedisServer } from '../identity-server/dist/redis-server.js';

const folder = mkdtempSync(join(tmpdir(), 'second-factor-cluster-'));
// PostgreSQL does not run as root and has to get at its data in here.
chmodSync(folder, 0o755);
/** What ends what was started, in the opposite order. */
const endings = [() => rmSync(folder, { recursive: true, force: true })];

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void end(0));
try {
  await start();
} catch (error) {
  console.error(`The cluster cannot start: ${error.message}`);
  await end(1);
}

async function start() {
  const port = Number(process.env.PORT ?? 8080) || (await findFreePort());
  const address = `http://localhost:${port}`;
  const redis = await startRedisServer();
  endings.push(() => redis.stop());
  const database = await startPostgres();
  const environment = {
    PATH: process.env.PATH,
    PORT: '0',
    BASE_URL: address,
    DATABASE_URL: database,
    REDIS_URL: redis.url,
    SESSION_SECRET: randomBytes(32).toString('base64'),
    TWO_FACTOR_KEYS: `cluster:${randomBytes(32).toString('base64')}`,
  };
  // All at once: the tables are made by the one that comes first.
  const nodes = await Promise.all([1, 2, 3].map((number) => startNode(number, environment)));
  await startBalancer(port, nodes);
  console.log(`Open ${address}; Ctrl-C ends it.`);
}

async function end(status) {
  for (const ending of endings.splice(0).reverse()) await ending();
  process.exit(status);
}

async function startPostgres() {
  const account = process.getuid() === 0 ? accountOf('postgres') : {};
  const data = join(folder, 'postgres');
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'postgres-password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account.uid !== undefined) {
    chownSync(folder, account.uid, account.gid);
    chownSync(passwordFile, account.uid, account.gid);
  }
  const options = { ...account, cwd: folder, stdio: 'ignore' };
  execFileSync(
    findProgram('initdb', 'postgresql'),
    ['-D', data, '-U', 'app', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync'],
    options,
  );
  const port = await findFreePort();
  const settings = [
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `port=${port}`,
    '-c',
    `unix_socket_directories=${folder}`,
  ];
  run(findProgram('postgres', 'postgresql'), ['-D', data, ...settings], { ...options, signal: 'SIGINT' });
  await untilListening(port);
  return `postgres://app:${password}@127.0.0.1:${port}/postgres`;
}

async function startNode(number, environment) {
  const main = fileURLToPath(new URL('../identity-server/dist/main.js', import.meta.url));
  const child = run(process.execPath, [main], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`node ${number} has ended`)));
    lines.on('line', (line) => {
      const found = /listens on http:\/\/localhost:(\d+)/.exec(line)?.[1];
      if (found) resolve(found);
    });
  });
  console.log(`node ${number}: http://localhost:${port}, process ${child.pid}`);
  return port;
}

/** By the configuration of the containers, with the addresses of these processes in it. */
async function startBalancer(port, nodes) {
  const configuration = nodes
    .reduce(
      (text, node, index) => text.replace(`node-${index + 1}:3000`, `127.0.0.1:${node}`),
      readFileSync(new URL('nginx.conf', import.meta.url), 'utf8'),
    )
    .replace('listen 8080', `listen 127.0.0.1:${port}`)
    // Its own folders belong to root.
    .replace(
      'http {',
      `http {\n${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}`,
    );
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration);
  const directives = `daemon off; pid ${folder}/nginx.pid;${process.getuid() === 0 ? ' user root;' : ''}`;
  run(findProgram('nginx', 'nginx'), ['-c', file, '-p', folder, '-g', directives], {
    stdio: ['ignore', 'ignore', 'inherit'],
    signal: 'SIGQUIT',
  });
  await untilListening(port);
}

/** Starts a program that ends with us. */
function run(program, parameters, { signal = 'SIGTERM', ...options }) {
  // A group of its own: Ctrl-C is for us, who end them in order.
  const child = spawn(program, parameters, { ...options, detached: true });
  endings.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  });
  return child;
}

/** Debian keeps PostgreSQL's programs in a folder of each version, and nginx where only root looks. */
function findProgram(name, packageName) {
  const versions = '/usr/lib/postgresql';
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  if (isThere(versions))
    folders.push(...readdirSync(versions).map((version) => join(versions, version, 'bin')));
  const found = folders.map((each) => join(each, name)).find(isThere);
  if (!found) throw new Error(`there is no ${name}. On Debian: apt-get install ${packageName}.`);
  return found;
}

function isThere(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function accountOf(name) {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function untilListening(port) {
  for (let time = 0; time < 20_000; time += 50) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      wait(1_000, false),
    ]);
    socket.destroy();
    if (isOpen) return;
    await wait(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}
