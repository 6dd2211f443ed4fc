import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { findFreePort, spawnServer } from './databases-programs.js';
import { stopWhereItStands } from './stopped.js';

/** A redis-server of this run alone, which can be killed and started again at the same address. */
export interface RedisProcess {
  port: number;
  url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Stops it where it stands: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): void;
  /** Kills it and deletes its files. */
  remove(): Promise<void>;
}

/**
 * @param configuration lines of redis.conf, besides the address. Nothing is kept on disk unless they say so.
 * @param role `sentinel` runs it as one.
 */
export async function createRedisProcess(
  configuration: readonly string[] = [],
  role: 'server' | 'sentinel' = 'server',
): Promise<RedisProcess> {
  const program = findRedisServer();
  if (!program) throw new Error('There is no redis-server. On Debian: apt-get install redis-server.');
  const folder = mkdtempSync(join(tmpdir(), 'redis-process-'));
  const port = await findFreePort();
  const file = join(folder, 'redis.conf');
  const lines = [`port ${String(port)}`, 'bind 127.0.0.1', `dir ${folder}`, ...configuration];
  if (role === 'server') lines.splice(3, 0, 'save ""');
  // A file, because a Sentinel writes into its own.
  writeFileSync(file, `${lines.join('\n')}\n`);
  let child: ChildProcess | undefined;

  const kill = async (): Promise<void> => {
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const start = async (): Promise<void> => {
    const env = { ...process.env, ...program.env };
    const command = [program.path, file, ...(role === 'sentinel' ? ['--sentinel'] : [])];
    child = spawnServer(command, { account: {}, folder, signal: 'KILL', env });
    while (!(await answers(port))) await wait(20);
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${String(port)}`,
    start,
    kill,
    async pause() {
      if (child?.pid) await stopWhereItStands(child.pid);
    },
    resume: () => void child?.kill('SIGCONT'),
    async remove() {
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
