import Database from 'libsql';
import { createSecondFactor, type KeyOption, sqlStorage, type Storage } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eachFace } from '../helpers/faces.js';
import { createHost, failing, type Host, whoIs, wrongCodes } from '../helpers/host.js';

const makeKey = (id: string, step: number) => ({
  id,
  secret: Buffer.from(Array.from({ length: 32 }, (_, index) => (index * step + 1) % 256)),
});
const [oldKey, newKey] = [makeKey('old', 7), makeKey('new', 5)];

interface Records {
  storage: Storage;
  database: Database.Database;
  /** A node with these keys. */
  start(keys: readonly KeyOption[], wrapStorage?: (storage: Storage) => Storage): Promise<Host>;
  /** The ids of the keys that have sealed this user's authenticators, and the set of backup codes. */
  keysOf(userId: string): { authenticators: string[]; backupCodes: string };
  seal(table: 'authenticators' | 'backup_sets'): Record<string, string>[];
}

function createRecords(): Records {
  const database = new Database(':memory:');
  onTestFinished(() => {
    database.close();
  });
  const storage = sqlStorage.sqlite(database);
  const keyOf = (sealed = ''): string => sealed.split('.')[0] ?? '';
  const seal: Records['seal'] = (table) =>
    database.prepare(`select * from two_factor_${table}`).all() as Record<string, string>[];
  return {
    storage,
    database,
    seal,
    start: (keys, wrapStorage = (same) => same) =>
      createHost({ options: { keys, storage: wrapStorage(storage) } }),
    keysOf: (userId) => ({
      authenticators: seal('authenticators')
        .filter((row) => row['user_id'] === userId)
        .map((row) => keyOf(row['sealed_secret'])),
      backupCodes: keyOf(seal('backup_sets').find((row) => row['user_id'] === userId)?.['sealed_key']),
    }),
  };
}

describe.each(eachFace)('R8 over the %s, a key that was rotated', (_, face) => {
  it('is left by each record as it is used, which stays usable once and by its owner alone', async () => {
    const records = createRecords();
    const { enrol } = await records.start([oldKey]);
    const [ada] = [await enrol('ada'), await enrol('eve')];
    const host = await records.start([newKey, oldKey]);
    const code = ada.code();
    expect(await whoIs(await face.signInWhole(host, 'ada', code))).toBe('ada');
    expect(records.keysOf('ada')).toEqual({ authenticators: ['new'], backupCodes: 'old' });
    expect((await face.answer(await host.signIn('ada'), code)).kind).toBe('used');
    expect(await whoIs(await face.signInWhole(host, 'ada', ada.backupCodes[0]!))).toBe('ada');
    expect(records.keysOf('ada')).toEqual({ authenticators: ['new'], backupCodes: 'new' });
    expect((await face.answer(await host.signIn('ada'), ada.backupCodes[0]!)).kind).toBe('wrong');
    expect(records.keysOf('eve')).toEqual({ authenticators: ['old'], backupCodes: 'old' });
    const sealed = records.seal('authenticators').find((row) => row['user_id'] === 'ada')?.['sealed_secret'];
    records.database
      .prepare("update two_factor_authenticators set sealed_secret = ? where user_id = 'eve'")
      .run([sealed]);
    const thief = await host.signIn('eve');
    expect((await face.answer(thief, ada.code(1))).kind).toBe('unavailable');
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('is not left by a wrong code, nor by one that turns the second factor off', async () => {
    const records = createRecords();
    const ada = await (await records.start([oldKey])).enrol('ada');
    const host = await records.start([newKey, oldKey]);
    await face.answer(await host.signIn('ada'), wrongCodes(ada, 1)[0]!);
    expect(records.keysOf('ada').authenticators).toEqual(['old']);
    const agent = await face.signInWhole(host, 'ada', ada.backupCodes[0]!);
    expect((await face.disable(agent, ada.code(1))).kind).toBe('accepted');
    expect(records.keysOf('ada')).toEqual({ authenticators: [], backupCodes: '' });
  });

  it.each(['fails', 'is silent'])(
    'lets in whose record cannot be sealed anew, since storage %s',
    async (how) => {
      const records = createRecords();
      const ada = await (await records.start([oldKey])).enrol('ada');
      const host = await records.start([newKey, oldKey], (storage) =>
        how === 'fails'
          ? failing(storage, new Set(['reseal']))
          : { ...storage, reseal: () => new Promise<never>(() => undefined) },
      );
      expect(await whoIs(await face.signInWhole(host, 'ada', ada.code()))).toBe('ada');
      expect(records.keysOf('ada').authenticators).toEqual(['old']);
      expect(await whoIs(await face.signInWhole(host, 'ada', ada.code(1)))).toBe('ada');
    },
  );

  it('takes no authenticator back that was replaced between the answer and the sealing', async () => {
    const records = createRecords();
    const ada = await (await records.start([oldKey])).enrol('ada');
    const host = await records.start([newKey, oldKey], (storage) => ({
      ...storage,
      async reseal(resealings) {
        records.database.exec("update two_factor_authenticators set sealed_secret = 'old.replaced'");
        return storage.reseal(resealings);
      },
    }));
    expect(await whoIs(await face.signInWhole(host, 'ada', ada.code()))).toBe('ada');
    expect(records.seal('authenticators')[0]?.['sealed_secret']).toBe('old.replaced');
  });

  it('can be left by all beside twenty logins, each of which is let in once', async () => {
    const records = createRecords();
    const before = await records.start([oldKey]);
    const userIds = Array.from({ length: 20 }, (_, index) => `user-${String(index)}`);
    const factors = await Promise.all(userIds.map((userId) => before.enrol(userId)));
    const node = await records.start([newKey, oldKey]);
    for (const id of userIds) node.users.set(id, { id, password: `${id}-password` });
    const agents = await Promise.all(userIds.map((userId) => node.signIn(userId)));
    // Half of them by each kind of code.
    const codes = factors.map((factor, index) => (index % 2 ? factor.code() : factor.backupCodes[0]!));
    const other = createSecondFactor({ ...node.options, storage: records.storage });
    const [outcomes, ...runs] = await Promise.all([
      Promise.all(agents.map((agent, index) => face.answer(agent, codes[index]!))),
      other.keys.reseal(),
      other.keys.reseal(),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(userIds.map(() => 'accepted'));
    expect(runs.map(({ unreadable }) => unreadable)).toEqual([0, 0]);
    for (const userId of userIds)
      expect(records.keysOf(userId)).toEqual({ authenticators: ['new'], backupCodes: 'new' });
    for (const [index, userId] of userIds.entries())
      expect((await face.answer(await node.signIn(userId), codes[index]!)).kind).not.toBe('accepted');
    const after = await records.start([newKey]);
    after.users.set('user-0', { id: 'user-0', password: 'user-0-password' });
    expect(await whoIs(await face.signInWhole(after, 'user-0', factors[0]!.code(1)))).toBe('user-0');
  });
});

describe.each(eachFace)('R8 over the %s, what a lost key has sealed', (_, face) => {
  it('is denied, whatever is tried, and the rest of the user works', async () => {
    const records = createRecords();
    const ada = await (await records.start([oldKey])).enrol('ada');
    const both = await records.start([newKey, oldKey]);
    // Proven by a backup code, so the set is sealed anew, and the first authenticator is not.
    const begun = await both.secondFactor.service.generate('ada', 'ada', ada.backupCodes[0]);
    if (begun.kind !== 'pending') throw new Error(begun.kind);
    const second = (steps = 0): string => totpCode(begun.key, both.clock() + steps * 30_000);
    await both.secondFactor.service.enable('ada', begun.handle, second(-1), 'Tablet');
    expect(records.keysOf('ada')).toEqual({ authenticators: ['old', 'new'], backupCodes: 'new' });

    const host = await records.start([newKey, { id: 'old', lost: true }]);
    const agent = await host.signIn('ada');
    for (const code of [ada.code(), wrongCodes({ code: second }, 1)[0]!]) {
      expect((await face.answer(agent, code)).kind).toBe('unavailable');
      expect(await whoIs(agent)).toBe('nobody');
    }
    expect((await face.answer(agent, second())).kind).toBe('accepted');
    expect(await whoIs(await face.signInWhole(host, 'ada', ada.backupCodes[1]!))).toBe('ada');
    expect(records.keysOf('ada').authenticators).toEqual(['old', 'new']);
  });

  it('is denied to whoever has nothing else, and stops no other user', async () => {
    const records = createRecords();
    const before = await records.start([oldKey]);
    const ada = await before.enrol('ada');
    const host = await records.start([newKey, { id: 'old', lost: true }]);
    const agent = await host.signIn('ada');
    for (const code of [ada.code(), ada.backupCodes[0]!])
      expect((await face.answer(agent, code)).kind).toBe('unavailable');
    expect(await whoIs(agent)).toBe('nobody');
    const eve = await host.enrol('eve');
    expect(await whoIs(await face.signInWhole(host, 'eve', eve.code()))).toBe('eve');
    expect(await whoIs(await host.signIn('bob'))).toBe('bob');
    expect(await host.secondFactor.service.reset('ada', 'grace', 'key lost')).toBe(true);
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
  });
});
