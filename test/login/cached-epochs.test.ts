import { Redis } from 'ioredis';
import type { Storage } from 'passport-second-factor';
import { expect, it, onTestFinished, vi } from 'vitest';
import { API, createHost, failing, type Host, ORIGIN, userOf, whoIs } from '../helpers/host.js';
import { waitEndlessly } from '../helpers/own-time.js';
import { redisPrefix, redisUrl } from '../helpers/redis.js';

waitEndlessly();

/** A host whose epochs are cached, with its reads of accounts counted and verbs that can be made to fail. */
async function createCachedHost() {
  const redis = new Redis(redisUrl(), { lazyConnect: true });
  await redis.connect();
  onTestFinished(() => redis.disconnect());
  const prefix = redisPrefix();
  const faults = new Set<keyof Storage>();
  let reads = 0;
  const host = await createHost({
    options: {
      epochs: { redis, prefix },
      login: { impersonation: { allow: () => true, record: () => undefined } },
    },
    wrapStorage: (storage) =>
      failing(
        new Proxy(storage, {
          get(target, name: keyof Storage) {
            if (name === 'findAccount') reads += 1;
            return target[name];
          },
        }),
        faults,
      ),
    routes(app, created: Host) {
      app.post('/become/bob', (request, response, next) => {
        created.secondFactor
          .impersonate(request, userOf(created, 'bob'))
          .then(() => response.send('done'), next);
      });
    },
  });
  return {
    host,
    faults,
    readsOf: async (work: () => PromiseLike<unknown>): Promise<number> => {
      const before = reads;
      await work();
      return reads - before;
    },
    write: (userId: string, epoch: number) => redis.set(prefix + userId, epoch, 'PX', 30_000),
    untilCached: (userId: string) =>
      vi.waitFor(async () => expect(await redis.get(prefix + userId)).toMatch(/^\d+$/), {
        interval: 2,
        timeout: 10_000,
      }),
  };
}

it('R7 a request of somebody logged in reads no SQL of ours where the epoch is cached', async () => {
  const { host, readsOf, untilCached } = await createCachedHost();
  const bob = await host.signIn('bob');
  expect(await readsOf(() => whoIs(bob))).toBe(1);
  await untilCached('bob');
  expect(await readsOf(() => whoIs(bob))).toBe(0);
  await host.secondFactor.passwordChanged('bob');
  expect(await whoIs(bob)).toBe('nobody');
});

it('R7 an epoch that is cached for too long lets in, and lets nothing be changed', async () => {
  const { host, write } = await createCachedHost();
  const thief = await host.signIn('bob');
  await host.secondFactor.revoke('bob');
  await write('bob', 0);
  expect(await whoIs(thief)).toBe('bob');
  const { status, body } = await thief.post(`${API}/sign-out-elsewhere/me`).set('Origin', ORIGIN).send({});
  expect([status, body.code]).toEqual([401, 'login-required']);
});

it('R7 an epoch that is cached for too long ends no newer login', async () => {
  const { host, write } = await createCachedHost();
  await host.secondFactor.revoke('bob');
  const bob = await host.signIn('bob');
  await write('bob', 0);
  expect([await whoIs(bob), await whoIs(bob)]).toEqual(['bob', 'bob']);
});

it('R7 an impersonation ends with a change of either user', async () => {
  for (const changed of ['eve', 'bob']) {
    const { host, untilCached } = await createCachedHost();
    const eve = await host.signIn('eve');
    await eve.post('/become/bob').expect(200);
    expect(await whoIs(eve)).toBe('bob');
    await Promise.all([untilCached('eve'), untilCached('bob')]);
    await host.secondFactor.revoke(changed);
    expect(await whoIs(eve), changed).toBe('nobody');
  }
});

it('R1 where neither Redis nor SQL says that a session stands, it is 503', async () => {
  const { host, faults } = await createCachedHost();
  const bob = await host.signIn('bob');
  faults.add('findAccount');
  expect((await bob.get('/whoami')).status).toBe(503);
  expect((await host.agent().get('/whoami')).status).toBe(200);
  faults.clear();
  expect(await whoIs(bob)).toBe('bob');
});
