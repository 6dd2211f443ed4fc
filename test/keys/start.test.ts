import { createSecondFactor, type KeyOption, type Storage } from 'passport-second-factor';
import { enrolUser, memoryStorage } from 'passport-second-factor/testing';
import { describe, expect, it, vi } from 'vitest';
import { SecondFactorError } from '../../src/errors.js';
import { sqlStorage } from '../../src/storage/sql/sql-storage.js';
import { newDatabaseFile, openDatabase } from '../storage/sqlite-file.js';

const makeKey = (id: string, step = id.length + id.charCodeAt(0)) => ({
  id,
  secret: Buffer.from(Array.from({ length: 32 }, (_, index) => (index * (2 * step + 1) + step) % 256)),
});
const [first, second, third] = ['first', 'second', 'third'].map((id) => makeKey(id)) as [
  ReturnType<typeof makeKey>,
  ReturnType<typeof makeKey>,
  ReturnType<typeof makeKey>,
];

const optionsOf = (storage: Storage, keys: readonly KeyOption[]) => ({
  ...{ issuer: 'A', origin: 'http://a.example', storage, keys },
  user: { id: () => 'ada', label: () => 'ada' },
});

/** Starts a node as at its deployment. @returns what kept it from starting. */
async function start(storage: Storage, keys: readonly KeyOption[]): Promise<SecondFactorError | undefined> {
  const secondFactor = createSecondFactor(optionsOf(storage, keys));
  try {
    await secondFactor.ready();
    return undefined;
  } catch (error) {
    if (error instanceof SecondFactorError) return error;
    throw error;
  } finally {
    await secondFactor.close();
  }
}

const storages: Record<string, () => Storage> = {
  memory: memoryStorage,
  SQLite: () => sqlStorage.sqlite(openDatabase(newDatabaseFile())),
};

describe.each(Object.entries(storages))('ready() over %s', (_, open) => {
  it('names every key that records are sealed with and the ring lacks', async () => {
    const storage = open();
    for (const [index, key] of [first, second, third].entries()) {
      const ring = [first, second, third].slice(0, index + 1).reverse();
      expect(await start(storage, ring)).toBeUndefined();
      await enrolUser(optionsOf(storage, [key]), `user-${key.id}`);
    }
    const error = await start(storage, [third]);
    expect(error?.code).toBe('key-unknown');
    expect(error?.message).toContain('the keys "first", "second", which');
    expect(error?.message).toContain('{ id, lost: true }');
    expect((await start(storage, [third, first]))?.message).toContain('the key "second", which');
    expect(await start(storage, [third, first, { id: 'second', lost: true }])).toBeUndefined();
  });

  it('lets a key go with which nothing is sealed', async () => {
    const storage = open();
    expect(await start(storage, [first])).toBeUndefined();
    expect(await start(storage, [second, first])).toBeUndefined();
    expect(await start(storage, [second])).toBeUndefined();
  });

  it('names a key whose secret is not that of its id, before anything is sealed with it', async () => {
    const storage = open();
    const [right, wrong] = [makeKey('same', 3), makeKey('same', 4)];
    expect(await start(storage, [first, right])).toBeUndefined();
    for (const ring of [
      [first, wrong],
      [wrong, first],
    ]) {
      const error = await start(storage, ring);
      expect(error?.code).toBe('seal-broken');
      expect(error?.message).toContain('The secret of the key "same" in "keys" is not the one');
      for (const { secret } of ring) expect(error?.message).not.toContain(secret.toString('base64'));
    }
    expect(await start(storage, [right, first])).toBeUndefined();
  });

  it('tells apart a wrong secret and one broken record, where records are older than canaries', async () => {
    const storage = open();
    await storage.migrate();
    await enrolUser(optionsOf(storage, [first]), 'ada');
    expect((await start(storage, [makeKey('first', 99)]))?.code).toBe('seal-broken');
    const [record] = await storage.listSealed({
      kind: 'authenticator',
      keyId: 'first',
      after: null,
      limit: 1,
    });
    await storage.reseal([{ ...record!, fresh: 'first.broken' }]);
    expect(await start(storage, [first])).toBeUndefined();
    expect((await start(storage, [makeKey('first', 99)]))?.code).toBe('seal-broken');
  });

  it('is not kept from starting by a value that no key has sealed', async () => {
    const storage = open();
    await storage.migrate();
    await enrolUser(optionsOf(storage, [first]), 'ada');
    const [record] = await storage.listSealed({
      kind: 'authenticator',
      keyId: 'first',
      after: null,
      limit: 1,
    });
    await storage.reseal([{ ...record!, fresh: 'JBSWY3DPEHPK3PXP JBSWY3DPEHPK3PXP' }]);
    expect(await start(storage, [first])).toBeUndefined();
  });

  it('lets a node with the old ring start while nothing is sealed with the new key, and no longer', async () => {
    const storage = open();
    await start(storage, [first]);
    expect(await start(storage, [first, second])).toBeUndefined();
    expect(await start(storage, [second, first])).toBeUndefined();
    expect(await start(storage, [first])).toBeUndefined();
    await enrolUser(optionsOf(storage, [second, first]), 'ada');
    expect((await start(storage, [first]))?.message).toContain('the key "second", which');
    expect(await start(storage, [first, second])).toBeUndefined();
  });

  it('lets one of two nodes start that come with two secrets of one id at once', async () => {
    const storage = open();
    await storage.migrate();
    const outcomes = await Promise.all([3, 4].map((step) => start(storage, [makeKey('same', step)])));
    expect(outcomes.map((error) => error?.code ?? 'started').sort()).toEqual(['seal-broken', 'started']);
  });

  it('looks at no whole table, and can be called again after it was refused', async () => {
    const storage = open();
    await start(storage, [first]);
    await enrolUser(optionsOf(storage, [first]), 'ada');
    const look = vi.spyOn(storage, 'inspect');
    const keys = vi.fn(() => [second]);
    const secondFactor = createSecondFactor({ ...optionsOf(storage, []), keys });
    await expect(secondFactor.ready()).rejects.toThrow('the key "first", which');
    await expect(secondFactor.service.status('ada')).rejects.toMatchObject({ code: 'not-ready' });
    keys.mockReturnValue([second, first]);
    await secondFactor.ready();
    expect((await secondFactor.service.status('ada')).enabledAt).not.toBeNull();
    expect(look).not.toHaveBeenCalled();
    await secondFactor.close();
  });
});
