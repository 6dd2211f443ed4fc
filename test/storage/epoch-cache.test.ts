import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { memoryStorage, storageContract } from 'passport-second-factor/testing';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RedisServer, startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { EpochCache, type RedisClient } from '../../src/storage/epoch-cache.js';
import { forgetEpochs } from '../../src/storage/forget-epochs.js';
import type { Storage } from '../../src/storage/storage.js';
import { waitEndlessly } from '../helpers/own-time.js';
import { redisPrefix, redisUrl } from '../helpers/redis.js';
import { stopWhereItStands } from '../helpers/stopped.js';
import { revocationOf } from '../../src/testing/storage-fixtures.js';

const redis = new Redis(redisUrl(), { lazyConnect: true });
const nodeRedis = createClient({ url: redisUrl() });

beforeAll(async () => {
  await Promise.all([redis.connect(), nodeRedis.connect()]);
});

afterAll(async () => {
  nodeRedis.destroy();
  await redis.quit();
});

const clients: [string, RedisClient][] = [
  ['ioredis', redis],
  ['node-redis', nodeRedis],
];

/** A cache under a prefix of its own, and SQL's answer, counted. */
function setUp(client: RedisClient, epoch = 3) {
  const prefix = redisPrefix();
  const read = vi.fn(() => Promise.resolve(epoch));
  return { cache: new EpochCache(client, prefix), key: `${prefix}ada`, read };
}

const stored = (key: string): Promise<string | null> => redis.get(key);

/** Nobody waits for an epoch to be filled in, but a test. */
async function untilFilled(key: string): Promise<void> {
  await vi.waitFor(async () => expect(await stored(key)).toMatch(/^\d+$/), {
    interval: 2,
    timeout: 10_000,
  });
}

describe.each(clients)('EpochCache over %s', (_, client) => {
  waitEndlessly();

  it('asks SQL once, and knows then', async () => {
    const { cache, key, read } = setUp(client);
    expect(await cache.find('ada', read)).toBe(3);
    await untilFilled(key);
    expect([await cache.find('ada', read), await cache.find('ada', read)]).toEqual([3, 3]);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('R7 counts the 30 s from before SQL was read', async () => {
    const { cache, key } = setUp(client);
    const slowly = async (): Promise<number> => {
      await wait(120);
      return 3;
    };
    await cache.find('ada', slowly);
    await untilFilled(key);
    const left = await redis.pttl(key);
    expect(left).toBeGreaterThan(20_000);
    expect(left).toBeLessThanOrEqual(30_000 - 120);
  });

  it('R7 fills in nothing that was read before a change', async () => {
    const { cache, key } = setUp(client);
    const readAndChange = async (): Promise<number> => {
      await cache.forget('ada');
      return 3;
    };
    expect(await cache.find('ada', readAndChange)).toBe(3);
    // A reader after the change fills in what it has read, and the late one does not take its place.
    await cache.find('ada', () => Promise.resolve(4));
    await untilFilled(key);
    await wait(50);
    expect(await stored(key)).toBe('4');
  });

  it('leaves the filling to one of several that ask at once', async () => {
    const { cache, key, read } = setUp(client);
    expect(await Promise.all(Array.from({ length: 16 }, () => cache.find('ada', read)))).toEqual(
      Array.from({ length: 16 }, () => 3),
    );
    await untilFilled(key);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(30_000);
  });

  it('forgets', async () => {
    const { cache, key, read } = setUp(client);
    await cache.find('ada', read);
    await untilFilled(key);
    await cache.forget('ada');
    expect(await stored(key)).toBeNull();
    expect(await cache.find('ada', () => Promise.resolve(4))).toBe(4);
  });

  it('rejects where SQL does, and keeps nothing of it', async () => {
    const { cache, key, read } = setUp(client);
    await expect(cache.find('ada', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await stored(key)).toMatch(/^reading:/);
    expect(await cache.find('ada', read)).toBe(3);
  });

  it.each(['', '-1', '3.5', 'NaN', '3 ', '٣', '0x3'])('does not believe %j', async (value) => {
    const { cache, key, read } = setUp(client);
    await redis.set(key, value);
    expect(await cache.find('ada', read)).toBe(3);
    expect(read).toHaveBeenCalledTimes(1);
  });
});

describe('EpochCache without its Redis', () => {
  let server: RedisServer;
  const opened: { disconnect(): void }[] = [];

  beforeAll(async () => {
    server = await startRedisServer();
  });

  afterAll(async () => {
    for (const client of opened) client.disconnect();
    await server.stop();
  });

  async function open(kind: string): Promise<RedisClient> {
    if (kind === 'ioredis') {
      const client = new Redis(server.url, { lazyConnect: true });
      client.on('error', () => undefined);
      opened.push(client);
      await client.connect();
      return client;
    }
    const client = createClient({ url: server.url });
    client.on('error', () => undefined);
    opened.push({ disconnect: () => client.destroy() });
    await client.connect();
    return client;
  }

  it.each(['ioredis', 'node-redis'])(
    'asks SQL after a tenth of a second while it is silent (%s)',
    async (kind) => {
      const { cache, read } = setUp(await open(kind));
      await stopWhereItStands(server.pid);
      const start = performance.now();
      const found = await inTime(cache.find('ada', read));
      await inTime(cache.forget('ada'));
      const time = performance.now() - start;
      process.kill(server.pid, 'SIGCONT');
      expect(found).toBe(3);
      expect(time).toBeGreaterThan(150);
    },
  );

  it.each(['ioredis', 'node-redis'])('asks SQL while it is gone (%s)', async (kind) => {
    const other = await startRedisServer();
    const previous = server;
    server = other;
    const { cache, read } = setUp(await open(kind));
    server = previous;
    await other.stop();
    expect(await inTime(cache.find('ada', read))).toBe(3);
    await inTime(cache.forget('ada'));
    expect(read).toHaveBeenCalledTimes(1);
  });
});

/** What is there before a timer of 300 ms, by the process's own timers: on a busy machine all of them are late. */
function inTime<T>(work: Promise<T>): Promise<T> {
  const late = wait(300).then(() => {
    throw new Error('It took longer than 300 ms.');
  });
  return Promise.race([work, late]);
}

/** The same storage; after each verb no epoch of another time is cached, although all were cached before it. */
function watch(storage: Storage, cache: EpochCache, prefix: string, failures: string[]): Storage {
  const users = new Set<string>();
  return new Proxy(storage, {
    get(target, name: keyof Storage) {
      const verb = target[name] as ((...parameters: unknown[]) => Promise<unknown>) | undefined;
      // A promise asks for `then`.
      if (!verb) return undefined;
      return async (...parameters: unknown[]) => {
        const [first] = parameters;
        const userId = typeof first === 'object' && first && 'userId' in first ? first.userId : undefined;
        if (typeof userId === 'string') users.add(userId);
        if (name !== 'findPending' && name !== 'deletePending' && typeof first === 'string') users.add(first);
        const readEpoch = async (id: string) => (await storage.findAccount(id))?.epoch ?? 0;
        for (const user of users) {
          await cache.find(user, () => readEpoch(user));
          await untilFilled(prefix + user);
        }
        const result = await Reflect.apply(verb, target, parameters);
        for (const user of users) {
          const [cached, epoch] = [await stored(prefix + user), await readEpoch(user)];
          if (cached !== null && cached !== String(epoch)) failures.push(`${name} left epoch ${cached}`);
        }
        return result;
      };
    },
  });
}

describe('forgetEpochs', () => {
  waitEndlessly();

  // Races are left out: between two deletes of one caller another may well read.
  const cases = storageContract.filter(({ title }) => !title.startsWith('race: '));

  it.each(cases)('R7 misses no verb that raises an epoch: $title', async ({ run }) => {
    const prefix = redisPrefix();
    const cache = new EpochCache(redis, prefix);
    const failures: string[] = [];
    const storage = watch(forgetEpochs(memoryStorage(), cache), cache, prefix, failures);
    await run(async () => storage);
    expect(failures).toEqual([]);
  });

  it('R7 forgets before and after, also where nobody knows what came of the change', async () => {
    const { cache, key, read } = setUp(redis);
    const whileChanging = async (): Promise<number> => {
      expect(await stored(key)).toBeNull();
      await cache.find('ada', read);
      await untilFilled(key);
      throw new Error('silence');
    };
    const storage = forgetEpochs({ ...memoryStorage(), raiseEpoch: whileChanging }, cache);
    await cache.find('ada', read);
    await untilFilled(key);
    await expect(storage.raiseEpoch(revocationOf('ada'))).rejects.toThrow('silence');
    expect(await stored(key)).toBeNull();
  });

  it('leaves Redis alone where no epoch is raised', async () => {
    const forget = vi.fn();
    const storage = forgetEpochs(memoryStorage(), { forget } as unknown as EpochCache);
    await storage.findAccount('ada');
    await storage.accept({
      ...{ handleHash: 'none', purpose: 'login', userId: 'ada', epoch: 0, now: 0 },
      proof: { lane: 'totp', authenticatorId: 'none', step: 1 },
      effect: 'complete',
      events: [],
    });
    expect(forget).not.toHaveBeenCalled();
  });
});
