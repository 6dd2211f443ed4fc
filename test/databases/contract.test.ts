import { describe, expect, it } from 'vitest';
import type { Storage } from '../../src/storage/storage.js';
import { storageContract } from '../../src/testing/storage-contract.js';
import { kinds, newDatabase, openStorage, runSql } from './databases.js';

const races = storageContract.filter(({ title }) => title.startsWith('race: '));

describe.each(kinds)('the storage contract over %s', (_, kind) => {
  // With one connection, a verb that took a second one would wait for itself.
  describe.each([
    [10, storageContract],
    [2, races],
    [1, storageContract],
  ] as const)('with a pool of %i', (connections, cases) => {
    let opened: Promise<Storage> | undefined;
    const open = (): Promise<Storage> => (opened ??= openMigrated());

    async function openMigrated(): Promise<Storage> {
      const storage = openStorage(kind, await newDatabase(kind), connections);
      await storage.migrate();
      return storage;
    }

    for (const { title, run } of cases) it(title, () => run(open));
  });
});

describe.each(kinds)('listAuthenticators over %s', (_, kind) => {
  it('orders ids by their bytes, whatever the collation of the database', async () => {
    const url = await newDatabase(kind);
    const storage = openStorage(kind, url);
    await storage.migrate();
    const ids = ['b', 'a', 'á', 'A', 'B', 'a ', 'a-', 'aB', '😀', 'ｚ'];
    for (const id of ids) {
      await runSql(
        kind,
        url,
        `insert into two_factor_authenticators (id, user_id, name, algorithm, digits, period, sealed_secret, last_step, created_at)
          values ('${id}', 'ada', 'Phone', 'sha1', 6, 30, 'sealed', 0, 1)`,
      );
    }
    const found = (await storage.listAuthenticators('ada')).map(({ id }) => id);
    expect(found).toEqual([...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });
});
