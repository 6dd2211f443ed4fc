import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory/memory-storage.js';
import { sqlStorage } from '../../src/storage/sql/sql-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { storageContract } from '../../src/testing/storage-contract.js';
import { naiveStorage } from './naive-storage.js';
import { newDatabaseFile, openDatabase } from './sqlite-file.js';

const storages: Record<string, () => Promise<Storage>> = {
  memory: async () => memoryStorage(),
  SQLite: async () => sqlStorage.sqlite(openDatabase(newDatabaseFile())),
};

describe.each(Object.entries(storages))('the storage contract over %s', (_, create) => {
  let opened: Promise<Storage> | undefined;
  const open = (): Promise<Storage> => (opened ??= create().then(migrated));

  for (const { title, run } of storageContract) it(title, () => run(open));
});

describe('the storage contract over naive read-then-write', () => {
  it('fails in every race, and only there', async () => {
    const failed: string[] = [];
    for (const { title, run } of storageContract) {
      await run(async () => naiveStorage()).catch(() => failed.push(title));
    }
    const races = storageContract.map(({ title }) => title).filter((title) => title.startsWith('race: '));
    expect(failed).toEqual(races);
    expect(races).toContain('race: one time step is accepted once over several pending logins');
    expect(races).toContain('race: attempts over several pending logins stop at the delay');
    expect(races.length).toBeGreaterThan(10);
  });
});

async function migrated(storage: Storage): Promise<Storage> {
  await storage.migrate();
  return storage;
}
