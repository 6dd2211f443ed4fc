import assert from 'node:assert/strict';
import type { Pending } from '../model.js';
import {
  accountOf,
  begin,
  check,
  enrol,
  minute,
  newPending,
  newUser,
  now,
  revocationOf,
} from './storage-fixtures.js';
import type { StorageContractCase } from './storage-fixtures.js';

/** Equal to a careless collation: by case, by accent (composed and not), by blanks at the end, by wildcard. */
const lookalikes = ['Abc', 'abc', 'ábc', 'a\u0301bc', 'abc ', ' abc', 'ab_', 'ab%'];

export const pendingCases: readonly StorageContractCase[] = [
  check('migrate can be called again and keeps what is there', async (storage) => {
    const userId = await enrol(storage);
    await storage.migrate();
    assert.equal((await storage.findAccount(userId))?.epoch, 1);
  }),

  check('createPending keeps every field', async (storage) => {
    const pending = newPending('step-up', newUser(), {
      payload: 'sealed ñ',
      failures: 2,
      epoch: 7,
      completedAt: now,
    });
    await storage.createPending(pending);
    assert.deepEqual(await storage.findPending(pending.handleHash), pending);
  }),

  check('createPending rejects a handle that is taken and leaves its row alone', async (storage) => {
    const pending = await begin(storage, 'login', newUser());
    await assert.rejects(storage.createPending({ ...pending, userId: newUser() }));
    assert.deepEqual(await storage.findPending(pending.handleHash), pending);
  }),

  check('findPending finds expired and completed rows, and nothing under another handle', async (storage) => {
    const pending = await begin(storage, 'login', newUser(), { expiresAt: now - 1, completedAt: now - 2 });
    assert.deepEqual(await storage.findPending(pending.handleHash), pending);
    assert.equal(await storage.findPending(newPending('login', newUser()).handleHash), undefined);
  }),

  check(
    'findPending and listAuthenticators return copies that cannot change the records',
    async (storage) => {
      const userId = await enrol(storage);
      const pending = await begin(storage, 'login', userId);
      const kept = { ...pending };
      Object.assign((await storage.findPending(pending.handleHash)) ?? {}, { failures: -100 });
      Object.assign((await storage.listAuthenticators(userId))[0] ?? {}, { lastStep: -100 });
      Object.assign((await storage.findAccount(userId)) ?? {}, { epoch: -100 });
      pending.failures = -100;
      assert.deepEqual(await storage.findPending(pending.handleHash), kept);
      assert.equal((await storage.listAuthenticators(userId))[0]?.lastStep, 100);
      assert.equal((await storage.findAccount(userId))?.epoch, 1);
    },
  ),

  check('openPending inserts a row once and then returns it as it stands', async (storage) => {
    const first = newPending('enrolment', newUser(), { payload: 'first', expiresAt: now + 1 });
    assert.deepEqual(await storage.openPending(first, now), first);
    assert.deepEqual(
      await storage.openPending({ ...first, payload: 'second', expiresAt: now + minute }, now),
      first,
    );
    assert.deepEqual(await storage.findPending(first.handleHash), first);
  }),

  ...(
    [
      ['expired, at that very instant', { expiresAt: now }],
      ["another user's", { userId: 'contract-somebody-else' }],
      ["another purpose's", { purpose: 'backup-codes' }],
      ["an older epoch's", { epoch: 0 }],
    ] as const satisfies [string, Partial<Pending>][]
  ).map(([what, fields]) =>
    check(`openPending replaces a row that is ${what}`, async (storage) => {
      const wanted = newPending('enrolment', newUser(), { payload: 'wanted' });
      await storage.createPending({ ...wanted, payload: 'stale', failures: 3, ...fields });
      assert.deepEqual(await storage.openPending(wanted, now), wanted);
      assert.deepEqual(await storage.findPending(wanted.handleHash), wanted);
    }),
  ),

  check('openPending rejects where the row is of a newer epoch, and leaves it alone', async (storage) => {
    const late = newPending('step-up', newUser(), { epoch: 1 });
    const newer = { ...late, epoch: 2, failures: 4 };
    await storage.createPending(newer);
    await assert.rejects(storage.openPending(late, now));
    assert.deepEqual(await storage.findPending(late.handleHash), newer);
  }),

  check('deletePending tells whether there was a row', async (storage) => {
    const pending = await begin(storage, 'login', newUser());
    assert.equal(await storage.deletePending(pending.handleHash), true);
    assert.equal(await storage.deletePending(pending.handleHash), false);
    assert.equal(await storage.findPending(pending.handleHash), undefined);
  }),

  check('purgePending deletes what has expired, and counts it', async (storage) => {
    // Long past, so that rows of real users in a shared database are not touched.
    const userId = newUser();
    await storage.purgePending(2_000);
    const expired = [
      await begin(storage, 'login', userId, { expiresAt: 1_999 }),
      await begin(storage, 'enrolment', userId, { expiresAt: 2_000, completedAt: 1_500 }),
    ];
    const live = await begin(storage, 'login', userId, { expiresAt: 2_001 });
    assert.equal(await storage.purgePending(2_000), 2);
    for (const pending of expired) assert.equal(await storage.findPending(pending.handleHash), undefined);
    assert.deepEqual(await storage.findPending(live.handleHash), live);
    await storage.deletePending(live.handleHash);
  }),

  check('user ids and handles compare as bytes', async (storage) => {
    const prefix = newUser();
    const ids = lookalikes.map((id) => `${prefix}-${id}`);
    for (const id of ids) {
      assert.equal(await storage.findAccount(id), undefined);
      await enrol(storage, id);
      await begin(storage, 'login', id, { handleHash: id });
    }
    for (const id of ids) {
      assert.deepEqual(await storage.findAccount(id), accountOf(id));
      assert.deepEqual(
        (await storage.listAuthenticators(id)).map((authenticator) => authenticator.userId),
        [id],
      );
      assert.equal((await storage.findBackupCodeSet(id))?.userId, id);
      assert.equal((await storage.findPending(id))?.userId, id);
    }
    await storage.raiseEpoch(revocationOf(`${prefix}-abc`));
    assert.equal((await storage.findAccount(`${prefix}-Abc`))?.epoch, 1);
    assert.equal((await storage.findPending(`${prefix}-Abc`))?.userId, `${prefix}-Abc`);
  }),
];
