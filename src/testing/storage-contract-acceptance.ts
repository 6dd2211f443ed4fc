import assert from 'node:assert/strict';
import type { Lane, Pending, Purpose } from '../model.js';
import type { Acceptance, AcceptanceResult, Storage } from '../storage/storage.js';
import {
  accountOf,
  attemptOn,
  backupCodesOf,
  begin,
  check,
  enrol,
  limits,
  revocationOf,
} from './storage-fixtures.js';
import { newUser, now, snapshot, useCode, useStep, type StorageContractCase } from './storage-fixtures.js';

const oneMore = { ...limits, perPending: 100, delayFrom: 4 };

/** Shows that the lane's failures are 3: the next one arms the delay. */
async function assertThreeFailures(storage: Storage, userId: string, lane: Lane): Promise<void> {
  const probe = await begin(storage, 'step-up', userId);
  assert.equal((await storage.spendAttempt(attemptOn(probe, { lane, limits: oneMore }))).kind, 'spent');
  assert.equal((await storage.spendAttempt(attemptOn(probe, { lane, limits: oneMore }))).kind, 'delayed');
}

async function failThrice(storage: Storage, userId: string, lane: Lane): Promise<void> {
  const pending = await begin(storage, 'login', userId);
  for (let time = 0; time < 3; time += 1) await storage.spendAttempt(attemptOn(pending, { lane, limits }));
}

/** Refused, with every record as it was and the lane's failures kept. */
function refuses(
  title: string,
  expected: AcceptanceResult,
  row: { purpose?: Purpose } & Partial<Pending>,
  change: (acceptance: Acceptance, strangerId: string) => Partial<Acceptance> = () => ({}),
): readonly StorageContractCase[] {
  return (['totp', 'backup-code'] as const).map((lane) =>
    check(`accept (${lane}) ${title}`, async (storage) => {
      const [userId, strangerId] = [await enrol(storage), await enrol(storage)];
      await failThrice(storage, userId, lane);
      const pending = await begin(storage, row.purpose ?? 'login', userId, row);
      const theirs = { ...pending, userId };
      const acceptance = lane === 'totp' ? useStep(theirs, 101) : useCode(theirs, 0);
      const before = [await snapshot(storage, userId, pending), await snapshot(storage, strangerId)];
      assert.equal(await storage.accept({ ...acceptance, ...change(acceptance, strangerId) }), expected);
      assert.deepEqual(
        [await snapshot(storage, userId, pending), await snapshot(storage, strangerId)],
        before,
      );
      const fresh = await begin(storage, 'login', userId);
      await assertThreeFailures(storage, userId, lane);
      const retry = lane === 'totp' ? useStep(fresh, 101) : useCode(fresh, 0);
      assert.equal(await storage.accept(retry), 'accepted', 'the answer of a refused acceptance stays good');
    }),
  );
}

function proveAs(
  proof: (strangerId: string) => { authenticatorId: string; setId: string; codeHash: string },
) {
  return (acceptance: Acceptance, strangerId: string): Partial<Acceptance> => {
    const { authenticatorId, setId, codeHash } = proof(strangerId);
    return acceptance.proof.lane === 'totp'
      ? { proof: { lane: 'totp', authenticatorId, step: 999 } }
      : { proof: { lane: 'backup-code', setId, codeHash } };
  };
}

const proveAsStranger = proveAs((id) => ({
  authenticatorId: `${id}-authenticator`,
  setId: backupCodesOf(id).id,
  codeHash: backupCodesOf(id).codeHashes[0] ?? '',
}));

export const acceptanceCases: readonly StorageContractCase[] = [
  check('accept completes a login, keeps its row and notes the step', async (storage) => {
    const pending = await begin(storage, 'login', await enrol(storage));
    assert.equal(await storage.accept({ ...useStep(pending, 101), now: now + 5 }), 'accepted');
    assert.deepEqual(await storage.findPending(pending.handleHash), { ...pending, completedAt: now + 5 });
    const [authenticator] = await storage.listAuthenticators(pending.userId);
    assert.deepEqual([authenticator?.lastStep, authenticator?.lastUsedAt], [101, now + 5]);
  }),

  ...(['step-up', 'enrolment', 'backup-codes'] as const).map((purpose) =>
    check(`accept deletes the row of purpose ${purpose}`, async (storage) => {
      const pending = await begin(storage, purpose, await enrol(storage));
      assert.equal(await storage.accept(useCode(pending, 3)), 'accepted');
      assert.equal(await storage.findPending(pending.handleHash), undefined);
    }),
  ),

  check('accept uses up a backup code for ever and leaves the others', async (storage) => {
    const userId = await enrol(storage);
    assert.equal(await storage.accept(useCode(await begin(storage, 'login', userId), 0)), 'accepted');
    const set = await storage.findBackupCodeSet(userId);
    assert.deepEqual([set?.total, set?.left, set?.usedAt], [10, 9, [now]]);
    const second = await begin(storage, 'login', userId);
    assert.equal(await storage.accept(useCode(second, 0)), 'used');
    assert.equal(await storage.accept(useCode(second, 1)), 'accepted');
  }),

  check('accept takes a step once, then neither it nor an older one, in any login', async (storage) => {
    const userId = await enrol(storage);
    const accept = async (step: number) =>
      storage.accept(useStep(await begin(storage, 'login', userId), step));
    assert.equal(await accept(105), 'accepted');
    assert.equal(await accept(105), 'used');
    assert.equal(await accept(104), 'used');
    assert.equal(await accept(106), 'accepted');
  }),

  check('accept takes no step that enrolment has used', async (storage) => {
    const pending = await begin(storage, 'login', await enrol(storage));
    assert.equal(await storage.accept(useStep(pending, 100)), 'used');
  }),

  check('accept says completed before it looks at the credential', async (storage) => {
    const pending = await begin(storage, 'login', await enrol(storage));
    assert.equal(await storage.accept(useStep(pending, 101)), 'accepted');
    assert.equal(await storage.accept(useStep(pending, 101)), 'completed');
    assert.equal(await storage.accept(useStep(pending, 102)), 'completed');
  }),

  ...(['totp', 'backup-code'] as const).map((lane) =>
    check(`accept (${lane}) takes back the failures and the delay of its lane only`, async (storage) => {
      const userId = await enrol(storage);
      const other = lane === 'totp' ? 'backup-code' : 'totp';
      const failing = await begin(storage, 'login', userId);
      const spend = (of: Lane) => storage.spendAttempt(attemptOn(failing, { lane: of, limits: oneMore }));
      for (let time = 0; time < 4; time += 1) await spend(lane);
      assert.equal((await spend(lane)).kind, 'delayed');
      await failThrice(storage, userId, other);
      const pending = await begin(storage, 'login', userId);
      assert.equal(
        await storage.accept(lane === 'totp' ? useStep(pending, 101) : useCode(pending, 0)),
        'accepted',
      );
      for (let time = 0; time < 4; time += 1) assert.equal((await spend(lane)).kind, 'spent');
      assert.equal((await spend(lane)).kind, 'delayed');
      await assertThreeFailures(storage, userId, other);
    }),
  ),

  ...refuses('refuses the credential of another user', 'used', {}, proveAsStranger),
  ...refuses(
    'refuses a credential that nobody has',
    'used',
    {},
    proveAs(() => ({ authenticatorId: newUser(), setId: newUser(), codeHash: newUser() })),
  ),
  ...refuses('refuses a login that was completed', 'completed', { completedAt: now }),
  ...refuses(
    'takes a step-up that is no longer there for settled',
    'completed',
    { purpose: 'step-up' },
    () => ({
      handleHash: newUser(),
    }),
  ),
  ...refuses('refuses a login that is no longer there', 'gone', {}, () => ({ handleHash: newUser() })),
  ...refuses('refuses an expired row, at that very instant', 'gone', { expiresAt: now }),
  ...refuses('refuses an expired step-up', 'gone', { purpose: 'step-up', expiresAt: now }),
  ...refuses('refuses a row of another purpose', 'gone', { purpose: 'step-up' }, () => ({
    purpose: 'login',
  })),
  ...refuses('refuses a row of another user', 'gone', { userId: 'contract-somebody-else' }),
  ...refuses('refuses a row of an older epoch', 'gone', { epoch: 0 }, () => ({ epoch: 1 })),
  ...refuses('refuses an epoch that is not the account’s', 'gone', { epoch: 0 }),

  check('accept refuses a user whose second factor is off', async (storage) => {
    const userId = newUser();
    for (const epoch of [0, 1]) {
      const pending = await begin(storage, 'login', userId, { epoch });
      assert.equal(await storage.accept(useStep(pending, 101)), 'gone');
      assert.deepEqual(await storage.findPending(pending.handleHash), pending);
      await storage.raiseEpoch(revocationOf(userId));
    }
  }),

  check('accept with disable removes everything, raises the epoch and says so once', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrol(storage)];
    const kept = await begin(storage, 'login', other);
    const before = await snapshot(storage, other, kept);
    await failThrice(storage, userId, 'totp');
    const rows = [await begin(storage, 'login', userId), await begin(storage, 'backup-codes', userId)];
    const stepUp = await begin(storage, 'step-up', userId);
    assert.equal(await storage.accept({ ...useCode(stepUp, 0), effect: 'disable' }), 'accepted');
    assert.deepEqual(await snapshot(storage, userId, ...rows, stepUp), {
      account: accountOf(userId, { enabledAt: null, epoch: 2, wasOn: true }),
      authenticators: [],
      backupCodes: undefined,
      pendings: [undefined, undefined, undefined],
    });
    assert.deepEqual(await snapshot(storage, other, kept), before);
    assert.equal(await storage.accept({ ...useCode(stepUp, 1), effect: 'disable' }), 'gone');
  }),

  check('accept with disable changes nothing where the row is not live', async (storage) => {
    const userId = await enrol(storage);
    const expired = await begin(storage, 'step-up', userId, { expiresAt: now });
    const before = await snapshot(storage, userId, expired);
    assert.equal(await storage.accept({ ...useStep(expired, 101), effect: 'disable' }), 'gone');
    assert.deepEqual(await snapshot(storage, userId, expired), before);
  }),
];
