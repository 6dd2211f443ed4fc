import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A Redis server program, and what its environment needs besides ours. */
export interface RedisProgram {
  path: string;
  env: Record<string, string>;
}

/** A Redis server that we started and that ends with us. */
export interface RedisServer {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/**
 * Where scripts/fetch-redis.mjs unpacks Debian's packages; the same from src/ and from dist/.
 * @public for that script
 */
export const redisCache = fileURLToPath(new URL('../../../.cache/redis', import.meta.url));

/** The `redis-server` on the PATH, else the one that scripts/fetch-redis.mjs unpacked for this checkout. */
export function findRedisServer(): RedisProgram | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'redis-server');
    if (folder !== '' && isExecutable(path)) return { path, env: {} };
  }
  const path = join(redisCache, 'usr', 'bin', 'redis-server');
  return isExecutable(path) ? { path, env: { LD_LIBRARY_PATH: findLibraries().join(delimiter) } } : undefined;
}

/**
 * Starts a private Redis on a free loopback port with a random password, keeping nothing on disk.
 * It ends with `stop()` or with this process, however that ends.
 */
export async function startRedisServer(
  options: { program?: RedisProgram | undefined; port?: number } = {},
): Promise<RedisServer> {
  const program = options.program ?? findRedisServer();
  if (!program)
    throw new Error('No redis-server found: install Redis, or run `node scripts/fetch-redis.mjs`.');
  const port = options.port ?? (await findFreePort());
  const password = randomBytes(24).toString('base64url');
  const folder = mkdtempSync(join(tmpdir(), 'second-factor-redis-'));
  // A file, because arguments are shown to every user of the machine.
  writeFileSync(join(folder, 'redis.conf'), configure({ port, password, folder }), { mode: 0o600 });

  // Its own process group: Ctrl-C must not end it before we have closed our connections.
  const child = spawn('/bin/sh', ['-c', runAndWatch, 'redis', program.path, folder], {
    detached: true,
    env: { ...process.env, ...program.env },
    // Not stdin for the watcher: Node closes that itself before it tells of the end.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const watched = child.stdio[3] as Writable;
  child.once('exit', () => watched.end('gone\n'));
  watched.on('error', () => undefined);
  try {
    await waitUntilReady(child);
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    // Between our look and Redis's start somebody else may have taken the port.
    if (options.port === undefined && String(error).includes('Address already in use'))
      return startRedisServer(options);
    throw error;
  }
  letGo(child);
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/**
 * The shell becomes Redis (so the child's pid is Redis's), and leaves a watcher that reads our end of a pipe:
 * when that closes without a word, we are gone, by SIGKILL perhaps, and so must Redis be. A word says that
 * Redis ended first, and then its number may be another process's already.
 */
const runAndWatch = `
( read -r gone <&3 || kill -9 $$; rm -rf "$2" ) >/dev/null 2>&1 &
exec "$1" "$2/redis.conf" 3<&-
`;

function configure({ port, password, folder }: { port: number; password: string; folder: string }): string {
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    `requirepass ${password}`,
    `dir "${folder}"`,
    'save ""',
    'appendonly no',
    // Sessions and epochs may be refused, never dropped in silence.
    'maxmemory-policy noeviction',
    '',
  ].join('\n');
}

async function waitUntilReady(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr] as [Readable, Readable];
  let output = '';
  const isReady = new Promise<string>((resolve) => {
    const listen = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve('');
    };
    for (const stream of streams) stream.on('data', listen);
    child.once('error', (error) => resolve(error.message));
    child.once('exit', () => resolve('it ended at once'));
  });
  const abort = new AbortController();
  const isLate = delay(10_000, 'it was not ready after 10 s', { signal: abort.signal, ref: false }).catch(
    () => '',
  );
  const fault = await Promise.race([isReady, isLate]);
  abort.abort();
  for (const stream of streams) stream.removeAllListeners('data').resume();
  if (fault !== '') throw new Error(`redis-server did not start: ${fault}\n${output}`);
}

/** From here on the server keeps no Node process alive that has nothing else to do. */
function letGo(child: ChildProcess): void {
  child.unref();
  // A child's pipes are sockets, which the types do not say.
  for (const pipe of child.stdio) (pipe as { unref(): void } | null)?.unref();
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Debian puts libraries into usr/lib/<architecture>, some packages still into lib/<architecture>. */
function findLibraries(): string[] {
  return ['usr/lib', 'lib'].flatMap((folder) => {
    try {
      const names = readdirSync(join(redisCache, folder), { withFileTypes: true });
      return names
        .filter((name) => name.isDirectory() && name.name.includes('-linux-'))
        .map((name) => join(redisCache, folder, name.name));
    } catch {
      return [];
    }
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
