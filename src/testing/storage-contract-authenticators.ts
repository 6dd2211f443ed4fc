import assert from 'node:assert/strict';
import type { Pending } from '../model.js';
import type { Adding } from '../storage/storage.js';
import {
  accountOf,
  addingOf,
  authenticatorOf,
  begin,
  beginAll,
  check,
  enrol,
  enrolTwo,
  failedOnce,
  failOnce,
  newUser,
  now,
  secondAuthenticatorOf,
  snapshot,
  useStep,
  type StorageContractCase,
  renamingOf,
  revocationOf,
} from './storage-fixtures.js';

/** Refused, with every record as it was: the user's, those of a user with one authenticator, the pending row's. */
function refusesToAdd(
  title: string,
  row: Partial<Pending>,
  change: (strangerId: string) => Partial<Adding> = () => ({}),
  expected?: 'full',
): StorageContractCase {
  return check(`addAuthenticator ${title}`, async (storage) => {
    const [userId, strangerId] = [await enrol(storage), await enrol(storage)];
    await failOnce(storage, userId, 1);
    const pending = await begin(storage, 'enrolment', userId, row);
    const adding = addingOf({ ...pending, userId });
    const before = [await snapshot(storage, userId, pending), await snapshot(storage, strangerId)];
    const result = await storage.addAuthenticator({ ...adding, ...change(strangerId) });
    assert.equal(result, expected);
    assert.deepEqual([await snapshot(storage, userId, pending), await snapshot(storage, strangerId)], before);
    const retry = await begin(storage, 'enrolment', userId);
    assert.equal(await storage.addAuthenticator(addingOf(retry)), 2);
  });
}

export const authenticatorCases: readonly StorageContractCase[] = [
  check('listAuthenticators lists who was created first, then by the bytes of the id', async (storage) => {
    const userId = await enrol(storage);
    const added = ['b', 'a', 'B', 'á', '😀', 'ｚ', 'oldest'].map((end) =>
      authenticatorOf(userId, { id: `${userId}-${end}`, createdAt: end === 'oldest' ? now - 1 : now + 1 }),
    );
    for (const [index, authenticator] of added.entries()) {
      const enrolment = await begin(storage, 'enrolment', userId, { epoch: index + 1 });
      await storage.addAuthenticator(addingOf(enrolment, { authenticator, most: 8 }));
    }
    const ends = ['oldest', 'authenticator', 'B', 'a', 'b', 'á', 'ｚ', '😀'];
    assert.deepEqual(
      (await storage.listAuthenticators(userId)).map(({ id }) => id),
      ends.map((end) => `${userId}-${end}`),
    );
  }),

  check('accept keeps a last step for each authenticator', async (storage) => {
    const userId = await enrolTwo(storage);
    const [first, second] = [authenticatorOf(userId), secondAuthenticatorOf(userId)];
    const accept = async (step: number, authenticator: typeof first) =>
      storage.accept(useStep(await begin(storage, 'login', userId, { epoch: 2 }), step, authenticator));
    assert.equal(await accept(105, first), 'accepted');
    assert.deepEqual(await storage.listAuthenticators(userId), [
      { ...first, lastStep: 105, lastUsedAt: now },
      second,
    ]);
    assert.equal(await accept(103, second), 'accepted');
    assert.equal(await accept(105, second), 'accepted');
    assert.equal(await accept(105, first), 'used');
    assert.equal(await accept(105, second), 'used');
  }),

  check('addAuthenticator adds one, raises the epoch and deletes all that is pending', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrolTwo(storage)];
    await failOnce(storage, userId, 1);
    const [rows, kept] = [await beginAll(storage, userId, 1), await begin(storage, 'enrolment', other)];
    const before = await snapshot(storage, other, kept);
    const backupCodes = await storage.findBackupCodeSet(userId);
    const enrolment = await begin(storage, 'enrolment', userId, { expiresAt: now + 8 });
    const authenticator = authenticatorOf(userId, {
      id: newUser(),
      name: 'Téléphone',
      algorithm: 'sha512',
      digits: 8,
      period: 60,
      sealedSecret: 'another-secret',
      lastStep: 7,
      createdAt: now + 7,
    });
    assert.equal(await storage.addAuthenticator(addingOf(enrolment, { authenticator, now: now + 7 })), 2);
    assert.deepEqual(await snapshot(storage, userId, ...rows, enrolment), {
      account: accountOf(userId, { epoch: 2, lanes: failedOnce }),
      authenticators: [authenticatorOf(userId), authenticator],
      backupCodes,
      pendings: [...rows, enrolment].map(() => undefined),
    });
    assert.deepEqual(await snapshot(storage, other, kept), before);
    assert.equal(await storage.addAuthenticator(addingOf(enrolment, { epoch: 2 })), undefined, 'used up');
  }),

  refusesToAdd('refuses the pending enrolment of another user', { userId: 'contract-somebody-else' }),
  refusesToAdd('refuses a row of another purpose', { purpose: 'step-up' }),
  refusesToAdd('refuses an expired enrolment, at that very instant', { expiresAt: now }),
  refusesToAdd('refuses an enrolment that is completed', { completedAt: now }),
  refusesToAdd('refuses an enrolment of another epoch', { epoch: 0 }, () => ({ epoch: 1 })),
  refusesToAdd('refuses an epoch that is not the account’s', { epoch: 0 }),
  refusesToAdd('refuses an enrolment that is not there', {}, () => ({ handleHash: newUser() })),
  refusesToAdd('refuses an enrolment for a user whose it is not', {}, (userId) => ({ userId })),
  refusesToAdd('is full at `most` and keeps the pending row', {}, () => ({ most: 1 }), 'full'),

  check('addAuthenticator is full where there are more than `most`', async (storage) => {
    const enrolment = await begin(storage, 'enrolment', await enrolTwo(storage), { epoch: 2 });
    const authenticator = authenticatorOf(enrolment.userId, { id: newUser() });
    const before = await snapshot(storage, enrolment.userId, enrolment);
    assert.equal(await storage.addAuthenticator(addingOf(enrolment, { authenticator, most: 1 })), 'full');
    assert.deepEqual(await snapshot(storage, enrolment.userId, enrolment), before);
    assert.equal(await storage.addAuthenticator(addingOf(enrolment, { authenticator, most: 3 })), 3);
  }),

  check(
    'addAuthenticator puts none over one that is there, whose ever, and then changes nothing',
    async (storage) => {
      const [userId, owner] = [await enrol(storage), await enrol(storage)];
      const enrolment = await begin(storage, 'enrolment', userId);
      const before = [await snapshot(storage, userId, enrolment), await snapshot(storage, owner)];
      for (const { id } of [authenticatorOf(owner), authenticatorOf(userId)]) {
        const authenticator = authenticatorOf(userId, { id, name: 'Mine' });
        await assert.rejects(storage.addAuthenticator(addingOf(enrolment, { authenticator })));
        assert.deepEqual(
          [await snapshot(storage, userId, enrolment), await snapshot(storage, owner)],
          before,
        );
      }
    },
  ),

  check('addAuthenticator refuses a user whose second factor is off', async (storage) => {
    const userId = newUser();
    for (const epoch of [0, 1]) {
      const enrolment = await begin(storage, 'enrolment', userId, { epoch });
      const before = await snapshot(storage, userId, enrolment);
      assert.equal(await storage.addAuthenticator(addingOf(enrolment)), undefined);
      assert.deepEqual(await snapshot(storage, userId, enrolment), before);
      await storage.raiseEpoch(revocationOf(userId));
    }
  }),

  check('renameAuthenticator changes the name and nothing else', async (storage) => {
    const [userId, other] = [await enrolTwo(storage), await enrolTwo(storage)];
    await failOnce(storage, userId, 2);
    const rows = await beginAll(storage, userId, 2);
    const before = [await snapshot(storage, userId, ...rows), await snapshot(storage, other)];
    const { id } = secondAuthenticatorOf(userId);
    for (const name of [
      `'"; -- \\ % _ ? $1 :a 😀 ñ n\u0303\n`,
      'x'.repeat(5_000),
      'x'.repeat(5_000),
      'Tablet',
    ]) {
      assert.equal(await storage.renameAuthenticator(renamingOf(userId, id, name)), true);
      assert.deepEqual(await storage.listAuthenticators(userId), [
        authenticatorOf(userId),
        { ...secondAuthenticatorOf(userId), name },
      ]);
    }
    assert.deepEqual([await snapshot(storage, userId, ...rows), await snapshot(storage, other)], before);
  }),

  check('renameAuthenticator finds none of another user, and none that nobody has', async (storage) => {
    const [userId, other] = [await enrolTwo(storage), await enrolTwo(storage)];
    const before = [await snapshot(storage, userId), await snapshot(storage, other)];
    for (const { id } of [authenticatorOf(other), authenticatorOf(newUser())]) {
      assert.equal(await storage.renameAuthenticator(renamingOf(userId, id, 'Mine')), false);
      assert.equal(await storage.renameAuthenticator(renamingOf(newUser(), id, 'Mine')), false);
    }
    assert.deepEqual([await snapshot(storage, userId), await snapshot(storage, other)], before);
  }),
];
