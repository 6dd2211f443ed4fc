import assert from 'node:assert/strict';
import type { Lane } from '../model.js';
import type { Adding } from '../storage/storage.js';
import {
  accountOf,
  addingOf,
  attemptOn,
  authenticatorOf,
  begin,
  beginAll,
  check,
  enrol,
  enrolTwo,
  limits,
  newUser,
  now,
  secondAuthenticatorOf,
  snapshot,
  useStep,
  type StorageContractCase,
} from './storage-fixtures.js';

/** The only authenticator makes room for another. */
function replacementOf(userId: string): Partial<Adding> {
  return { replaces: authenticatorOf(userId).id, most: 1 };
}

export const replacementCases: readonly StorageContractCase[] = [
  check('addAuthenticator puts one in the place of another, which is dead from then on', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrol(storage)];
    const rows = await beginAll(storage, userId, 1);
    const enrolment = await begin(storage, 'enrolment', userId);
    const { backupCodes } = (await snapshot(storage, userId)) as Record<string, unknown>;
    const before = await snapshot(storage, other);
    assert.equal(await storage.addAuthenticator(addingOf(enrolment, replacementOf(userId))), 2);
    assert.deepEqual(await snapshot(storage, userId, ...rows, enrolment), {
      account: accountOf(userId, { epoch: 2 }),
      authenticators: [secondAuthenticatorOf(userId)],
      backupCodes,
      pendings: [...rows, enrolment].map(() => undefined),
    });
    assert.deepEqual(await snapshot(storage, other), before);
    const login = await begin(storage, 'login', userId, { epoch: 2 });
    assert.equal(await storage.accept(useStep(login, 101)), 'used', 'a code of the old one');
    assert.equal(await storage.accept(useStep(login, 101, secondAuthenticatorOf(userId))), 'accepted');
  }),

  check('addAuthenticator that replaces lifts the suspension of TOTP codes alone', async (storage) => {
    const userId = await enrol(storage);
    const harsh = { ...limits, cap: 1 };
    const spend = async (lane: Lane, epoch: number): Promise<string> => {
      const pending = await begin(storage, 'login', userId, { epoch });
      return (await storage.spendAttempt(attemptOn(pending, { lane, limits: harsh }))).kind;
    };
    for (const lane of ['totp', 'backup-code'] as const) await spend(lane, 1);
    const enrolment = await begin(storage, 'enrolment', userId);
    assert.equal(await storage.addAuthenticator(addingOf(enrolment, replacementOf(userId))), 2);
    assert.deepEqual([await spend('totp', 2), await spend('backup-code', 2)], ['spent', 'suspended']);
  }),

  check(
    'addAuthenticator replaces none that the user does not have, and changes nothing then',
    async (storage) => {
      const [userId, other] = [await enrol(storage), await enrol(storage)];
      const enrolment = await begin(storage, 'enrolment', userId);
      const before = [await snapshot(storage, userId, enrolment), await snapshot(storage, other)];
      for (const replaces of [
        authenticatorOf(other).id,
        newUser(),
        authenticatorOf(userId).id.toUpperCase(),
      ]) {
        assert.equal(await storage.addAuthenticator(addingOf(enrolment, { replaces, most: 5 })), 'absent');
      }
      assert.deepEqual([await snapshot(storage, userId, enrolment), await snapshot(storage, other)], before);
    },
  ),

  check('addAuthenticator that replaces is full where there were more than `most`', async (storage) => {
    const userId = await enrolTwo(storage);
    const enrolment = await begin(storage, 'enrolment', userId, { epoch: 2 });
    const authenticator = authenticatorOf(userId, { id: `${userId}-third`, createdAt: now + 1 });
    const adding = addingOf(enrolment, { ...replacementOf(userId), authenticator });
    const before = await snapshot(storage, userId, enrolment);
    assert.equal(await storage.addAuthenticator(adding), 'full');
    assert.deepEqual(await snapshot(storage, userId, enrolment), before);
    assert.equal(await storage.addAuthenticator({ ...adding, most: 2 }), 3);
    const left = (await storage.listAuthenticators(userId)).map(({ id }) => id);
    assert.deepEqual(left, [secondAuthenticatorOf(userId).id, authenticator.id]);
  }),

  check('forget deletes everything of a user but the epoch, which is raised', async (storage) => {
    const [userId, other, unknown] = [await enrolTwo(storage), await enrol(storage), newUser()];
    const [rows, before] = [await beginAll(storage, userId, 2), await snapshot(storage, other)];
    await storage.forget(userId);
    assert.deepEqual(await snapshot(storage, userId, ...rows), {
      account: accountOf(userId, { enabledAt: null, epoch: 3 }),
      authenticators: [],
      backupCodes: undefined,
      pendings: rows.map(() => undefined),
    });
    await storage.forget(userId);
    await storage.forget(unknown);
    assert.equal((await storage.findAccount(userId))?.epoch, 4);
    assert.deepEqual(await storage.findAccount(unknown), accountOf(unknown, { enabledAt: null, epoch: 1 }));
    assert.deepEqual(await snapshot(storage, other), before);
  }),
];
