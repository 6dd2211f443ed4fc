import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { findFreePort } from '../helpers/databases-programs.js';
import { stopWhereItStands } from '../helpers/stopped.js';

/** A Redis that keeps every write on disk, so that it can be killed and started again. */
export interface DurableRedis {
  url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Stops it where it stands: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): void;
  /** In bytes; beyond, it refuses to write. `0` for none. */
  limitMemory(bytes: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startDurableRedis(): Promise<DurableRedis> {
  const program = findRedisServer();
  if (!program) throw new Error('There is no redis-server. On Debian: apt-get install redis-server.');
  const folder = mkdtempSync(join(tmpdir(), 'durable-redis-'));
  const port = await findFreePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
  let child: ChildProcess | undefined;

  const kill = async (): Promise<void> => {
    const exit = child && once(child, 'exit');
    child?.kill('SIGKILL');
    await exit;
  };
  const start = async (): Promise<void> => {
    const env = { ...process.env, ...program.env };
    child = spawn(program.path, [...settings, ...durable], { env, stdio: 'ignore' });
    while (!(await answers(port))) await wait(20);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${String(port)}`,
    kill,
    start,
    async pause() {
      if (child?.pid) await stopWhereItStands(child.pid);
    },
    resume: () => void child?.kill('SIGCONT'),
    async limitMemory(bytes) {
      const client = new Redis(port);
      await client.config('SET', 'maxmemory', bytes);
      await client.quit();
    },
    async stop() {
      child?.kill('SIGCONT');
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return reply.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
