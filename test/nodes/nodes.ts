import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { sqlStorage } from 'passport-second-factor';
import { enrolUser, totpCode } from 'passport-second-factor/testing';
import { expect, vi } from 'vitest';
import { createRedisClient } from '../../examples/identity-server/src/redis-client.js';
import { encodeKey } from '../../src/totp/key-uri.js';
import { firstMessage } from '../helpers/child.js';
import { redisPrefix } from '../helpers/redis.js';
import { Visitor } from '../helpers/visitor.js';
import { openDatabase } from '../storage/sqlite-file.js';

/** Two processes on one database and one Redis; each may see the Redis of the epochs by a line of its own. */
export interface Nodes {
  urls: string[];
  processes: ChildProcess[];
  /** The database. */
  file: string;
  /** By how many milliseconds the clocks of all are ahead of this process's. */
  readonly ahead: number;
  advance(milliseconds: number): void;
  /** Whether their database can grow no more. */
  fillDisk(isFull: boolean): void;
  /** Starts another process in the place of one that has ended, by whose address `urls` goes on. */
  replace(node: number): Promise<void>;
  /** What stands in Redis of a user: the epoch, and for how many milliseconds. */
  cached(userId: string): Promise<{ epoch: string | null; left: number }>;
  /** Has a node ask for a user's epoch until it is there. */
  untilCached(userId: string, ask: () => Promise<unknown>): Promise<void>;
  /** Shortens what is left to it. */
  expire(userId: string, milliseconds: number): Promise<void>;
  logIn(userId: string, node: number): Promise<Visitor>;
  /** Gives somebody a second factor, sealed with the older of the two keys. */
  enrol(userId: string): Promise<Enrolled>;
  stop(): Promise<void>;
}

export interface Enrolled {
  /** The secret in base32. */
  key: string;
  backupCodes: string[];
  /** Of this moment at the nodes. */
  code(): string;
}

const isEpoch = (value: string | null): boolean => /^\d+$/.test(value ?? '');

const application = fileURLToPath(new URL('application.mjs', import.meta.url));

export async function startNodes(
  redisUrl: string,
  epochUrls = [redisUrl, redisUrl],
  libraries: readonly ('ioredis' | 'redis')[] = [],
): Promise<Nodes> {
  const folder = mkdtempSync(join(tmpdir(), 'nodes-'));
  const prefix = redisPrefix();
  const keyOf = (userId: string): string => `${prefix}epoch:${userId}`;
  const redis = createRedisClient(redisUrl);
  redis.on('error', () => undefined);
  await redis.connect();
  const file = join(folder, 'app.db');
  // Before the nodes come: two that change a new file to WAL at once would be in each other's way.
  openDatabase(file).close();
  const start = (url: string, node: number): ChildProcess =>
    fork(application, [redisUrl, url, prefix, file, libraries[node] ?? 'ioredis']);
  const processes = epochUrls.map(start);
  const urls = await Promise.all(processes.map((node) => firstMessage<string>(node)));
  let ahead = 0;
  const tellAll = (message: object): void => {
    for (const each of processes) if (each.connected) each.send(message);
  };
  return {
    urls,
    processes,
    file,
    get ahead() {
      return ahead;
    },
    advance(milliseconds) {
      ahead += milliseconds;
      tellAll({ ahead });
    },
    fillDisk: (isDiskFull) => tellAll({ isDiskFull }),
    async replace(node) {
      const fresh = start(epochUrls[node] ?? redisUrl, node);
      processes[node] = fresh;
      urls[node] = await firstMessage(fresh);
      fresh.send({ ahead });
    },
    cached: async (userId) => ({
      epoch: await redis.get(keyOf(userId)),
      left: await redis.pttl(keyOf(userId)),
    }),
    untilCached: (userId, ask) =>
      vi.waitFor(
        async () => {
          const key = keyOf(userId);
          if (isEpoch(await redis.get(key))) return;
          // A ticket whose node had no patience left would stand in the way for 30 s.
          await redis.del(key);
          await ask();
          // Nobody waits for it to be filled in.
          await wait(20);
          expect(await redis.get(key)).toSatisfy(isEpoch);
        },
        { timeout: 10_000, interval: 20 },
      ),
    async expire(userId, milliseconds) {
      await redis.pexpire(keyOf(userId), milliseconds);
    },
    async logIn(userId, node) {
      const visitor = new Visitor(urls);
      await visitor.post('/login', { username: userId, password: `${userId}-password` }, node);
      return visitor;
    },
    async enrol(userId) {
      const clock = (): number => Date.now() + ahead;
      const database = new Database(file);
      try {
        const { secret, backupCodes } = await enrolUser(
          {
            issuer: 'Nodes',
            origin: 'http://localhost',
            storage: sqlStorage.sqlite(database),
            keys: [{ id: 'test', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n)) }],
            user: { id: () => userId, label: () => userId },
            clock,
          },
          userId,
        );
        const key = encodeKey(secret);
        return { key, backupCodes, code: () => totpCode(key, clock()) };
      } finally {
        database.close();
      }
    },
    async stop() {
      await Promise.all(
        processes.map(async (each) => {
          const exit = once(each, 'exit');
          each.disconnect();
          await exit;
        }),
      );
      redis.disconnect();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Asks a node, over and over, until it takes the visitor for nobody. @returns milliseconds until that answer was there. */
export async function timeUntilRefused(visitor: Visitor, node: number, pause = 0): Promise<number> {
  const start = performance.now();
  while ((await visitor.get('/whoami', node)).text !== 'nobody') await wait(pause);
  return performance.now() - start;
}
