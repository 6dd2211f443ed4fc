import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { redisPrefix } from '../helpers/redis.js';
import { Visitor } from '../helpers/visitor.js';

/** Two processes on one database and one Redis; each may see the Redis of the epochs by a line of its own. */
export interface Nodes {
  urls: string[];
  processes: ChildProcess[];
  /** What stands in Redis of a user: the epoch, and for how many milliseconds. */
  cached(userId: string): Promise<{ epoch: string | null; left: number }>;
  /** Shortens what is left to it. */
  expire(userId: string, milliseconds: number): Promise<void>;
  logIn(userId: string, node: number): Promise<Visitor>;
  stop(): Promise<void>;
}

const application = fileURLToPath(new URL('application.mjs', import.meta.url));

export async function startNodes(redisUrl: string, epochUrls = [redisUrl, redisUrl]): Promise<Nodes> {
  const folder = mkdtempSync(join(tmpdir(), 'nodes-'));
  const prefix = redisPrefix();
  const keyOf = (userId: string): string => `${prefix}epoch:${userId}`;
  const redis = new Redis(redisUrl, { lazyConnect: true });
  await redis.connect();
  const processes = epochUrls.map((url) =>
    fork(application, [redisUrl, url, prefix, join(folder, 'app.db')]),
  );
  const urls = await Promise.all(
    processes.map(async (each) => ((await once(each, 'message')) as [string])[0]),
  );
  return {
    urls,
    processes,
    cached: async (userId) => ({
      epoch: await redis.get(keyOf(userId)),
      left: await redis.pttl(keyOf(userId)),
    }),
    async expire(userId, milliseconds) {
      await redis.pexpire(keyOf(userId), milliseconds);
    },
    async logIn(userId, node) {
      const visitor = new Visitor(urls);
      await visitor.post('/login', { username: userId, password: `${userId}-password` }, node);
      return visitor;
    },
    async stop() {
      await Promise.all(
        processes.map(async (each) => {
          const exit = once(each, 'exit');
          each.disconnect();
          await exit;
        }),
      );
      await redis.quit();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Asks a node, over and over, until it takes the visitor for nobody. @returns milliseconds until that answer was there. */
export async function timeUntilRefused(visitor: Visitor, node: number, pause = 0): Promise<number> {
  const start = performance.now();
  while ((await visitor.get('/whoami', node)).text !== 'nobody')
    await new Promise((resolve) => setTimeout(resolve, pause));
  return performance.now() - start;
}
