import assert from 'node:assert/strict';
import type { AuthenticatorRemoval } from '../storage/storage.js';
import {
  accountOf,
  authenticatorOf,
  begin,
  beginAll,
  check,
  enablingOf,
  enrol,
  enrolTwo,
  failedOnce,
  failOnce,
  newUser,
  secondAuthenticatorOf,
  snapshot,
  useStep,
  type StorageContractCase,
} from './storage-fixtures.js';

/** Of a user with two authenticators, at epoch 2. */
function refusesToRemove(
  title: string,
  expected: 'absent' | undefined,
  change: (strangerId: string) => Partial<AuthenticatorRemoval>,
): StorageContractCase {
  return check(`removeAuthenticator ${title}`, async (storage) => {
    const [userId, strangerId] = [await enrolTwo(storage), await enrolTwo(storage)];
    await failOnce(storage, userId, 2);
    const pending = await begin(storage, 'login', userId, { epoch: 2 });
    const removal = { userId, epoch: 2, authenticatorId: authenticatorOf(userId).id, events: [] };
    const before = [await snapshot(storage, userId, pending), await snapshot(storage, strangerId)];
    assert.equal(await storage.removeAuthenticator({ ...removal, ...change(strangerId) }), expected);
    assert.deepEqual([await snapshot(storage, userId, pending), await snapshot(storage, strangerId)], before);
    assert.equal(await storage.removeAuthenticator(removal), 3);
  });
}

export const removalCases: readonly StorageContractCase[] = [
  ...(
    [
      ['older', authenticatorOf, secondAuthenticatorOf],
      ['newer', secondAuthenticatorOf, authenticatorOf],
    ] as const
  ).map(([which, removedOf, leftOf]) =>
    check(`removeAuthenticator removes the ${which} of two and keeps the rest`, async (storage) => {
      const [userId, other] = [await enrolTwo(storage), await enrolTwo(storage)];
      const [removed, left] = [removedOf(userId), leftOf(userId)];
      await failOnce(storage, userId, 2);
      const [rows, kept] = [await beginAll(storage, userId, 2), await begin(storage, 'login', other)];
      const before = await snapshot(storage, other, kept);
      const backupCodes = await storage.findBackupCodeSet(userId);
      const removal = { userId, authenticatorId: removed.id, events: [] };
      assert.equal(await storage.removeAuthenticator({ ...removal, epoch: 2 }), 3);
      assert.deepEqual(await snapshot(storage, userId, ...rows), {
        account: accountOf(userId, { epoch: 3, lanes: failedOnce }),
        authenticators: [left],
        backupCodes,
        pendings: rows.map(() => undefined),
      });
      assert.deepEqual(await snapshot(storage, other, kept), before);
      assert.equal(await storage.removeAuthenticator({ ...removal, epoch: 3 }), 'absent');
      const login = await begin(storage, 'login', userId, { epoch: 3 });
      assert.equal(await storage.accept(useStep(login, 101, removed)), 'used');
      assert.equal(await storage.accept(useStep(login, 101, left)), 'accepted');
    }),
  ),

  check('removeAuthenticator keeps the last one, and then changes nothing', async (storage) => {
    const userId = await enrol(storage);
    await failOnce(storage, userId, 1);
    const pending = await begin(storage, 'login', userId);
    const before = await snapshot(storage, userId, pending);
    const removal = { userId, epoch: 1, authenticatorId: authenticatorOf(userId).id, events: [] };
    assert.equal(await storage.removeAuthenticator(removal), 'last');
    assert.equal(await storage.removeAuthenticator({ ...removal, authenticatorId: newUser() }), 'absent');
    assert.deepEqual(await snapshot(storage, userId, pending), before);
    assert.equal(await storage.accept(useStep(pending, 101)), 'accepted');
  }),

  refusesToRemove('refuses an older epoch', undefined, () => ({ epoch: 1 })),
  refusesToRemove('refuses an epoch to come', undefined, () => ({ epoch: 3 })),
  refusesToRemove('refuses a user without a row', undefined, () => ({ userId: newUser(), epoch: 0 })),
  refusesToRemove('finds none of another user', 'absent', (userId) => ({
    authenticatorId: authenticatorOf(userId).id,
  })),
  refusesToRemove('finds none that nobody has', 'absent', () => ({ authenticatorId: newUser() })),

  check('removeAuthenticator refuses a user whose second factor is off', async (storage) => {
    const userId = await enrolTwo(storage);
    await storage.reset(userId, []);
    const pending = await begin(storage, 'login', userId, { epoch: 3 });
    const before = await snapshot(storage, userId, pending);
    const removal = { userId, epoch: 3, authenticatorId: authenticatorOf(userId).id, events: [] };
    assert.equal(await storage.removeAuthenticator(removal), undefined);
    assert.deepEqual(await snapshot(storage, userId, pending), before);
  }),

  check('reset removes everything, sets the counters to 0 and raises the epoch', async (storage) => {
    const [userId, other] = [await enrolTwo(storage), await enrolTwo(storage)];
    await failOnce(storage, userId, 2);
    const [rows, kept] = [await beginAll(storage, userId, 2), await begin(storage, 'login', other)];
    const before = await snapshot(storage, other, kept);
    assert.equal(await storage.reset(userId, []), 3);
    assert.deepEqual(await snapshot(storage, userId, ...rows), {
      account: accountOf(userId, { enabledAt: null, epoch: 3, wasOn: true }),
      authenticators: [],
      backupCodes: undefined,
      pendings: rows.map(() => undefined),
    });
    assert.deepEqual(await snapshot(storage, other, kept), before);
    const enrolment = await begin(storage, 'enrolment', userId, { epoch: 3 });
    assert.equal(await storage.enable(enablingOf(enrolment)), 4, 'with the ids of before');
  }),

  check('reset changes nothing where there is no second factor', async (storage) => {
    const [unknown, disabled] = [newUser(), await enrol(storage)];
    await storage.reset(disabled, []);
    for (const [userId, epoch] of [
      [unknown, 0],
      [disabled, 2],
    ] as const) {
      const enrolment = await begin(storage, 'enrolment', userId, { epoch });
      const before = await snapshot(storage, userId, enrolment);
      assert.equal(await storage.reset(userId, []), undefined);
      assert.deepEqual(await snapshot(storage, userId, enrolment), before);
    }
  }),

  check('accept with disable removes every authenticator', async (storage) => {
    const userId = await enrolTwo(storage);
    const stepUp = await begin(storage, 'step-up', userId, { epoch: 2 });
    const proof = useStep(stepUp, 101, secondAuthenticatorOf(userId));
    assert.equal(await storage.accept({ ...proof, effect: 'disable' }), 'accepted');
    assert.deepEqual(await storage.listAuthenticators(userId), []);
  }),
];
