import assert from 'node:assert/strict';
import type { Pending } from '../model.js';
import type { Acceptance, Storage } from '../storage/storage.js';
import {
  accountOf,
  attemptOn,
  begin,
  check,
  enrol,
  eventOf,
  failedOnce,
  failOnce,
  freshLane,
  importOf,
  minute,
  newUser,
  now,
  revocationOf,
  snapshot,
  type StorageContractCase,
  support,
  supportCodeOf,
  useCode,
  useSupportCode,
} from './storage-fixtures.js';

const issued = (userId: string) =>
  eventOf(userId, {
    kind: 'support-code.issued',
    details: { actor: 'grace', reason: 'lost phone', expiresAt: now + 10 * minute },
  });

/** A login that the code is refused at, with everything as it was. */
async function refuses(
  storage: Storage,
  userId: string,
  code: Pending,
  fields: Partial<Acceptance> = {},
): Promise<void> {
  const login = await begin(storage, 'login', userId);
  const before = await snapshot(storage, userId, login, code);
  assert.equal(await storage.accept({ ...useSupportCode(login, code), ...fields }), 'used');
  assert.deepEqual(await snapshot(storage, userId, login, code), before);
}

export const supportCodeCases: readonly StorageContractCase[] = [
  check(
    'issueSupportCode keeps the row, opens the lane of backup codes alone and writes the events',
    async (storage) => {
      const userId = await enrol(storage);
      await failOnce(storage, userId, 1);
      const event = issued(userId);
      const pending = supportCodeOf(userId);
      assert.equal(await storage.issueSupportCode({ pending, events: [event] }), true);
      assert.deepEqual(await storage.findPending(pending.handleHash), pending);
      assert.deepEqual(await storage.findSupportCode(userId), pending);
      const lanes = { ...failedOnce, 'backup-code': freshLane };
      assert.deepEqual(await storage.findAccount(userId), accountOf(userId, { lanes }));
      assert.ok((await storage.listEvents(userId, 10)).some(({ id }) => id === event.id));
    },
  ),

  check('issueSupportCode lets a suspended lane of backup codes be used again', async (storage) => {
    const userId = await enrol(storage);
    const failing = await begin(storage, 'login', userId);
    const strict = { limits: { ...attemptOn(failing).limits, cap: 1 }, lane: 'backup-code' } as const;
    for (const isKnown of [true, false])
      await storage.spendAttempt(attemptOn(failing, { ...strict, isKnown }));
    assert.equal((await storage.spendAttempt(attemptOn(failing, strict))).kind, 'suspended');
    await support(storage, userId);
    assert.equal((await storage.spendAttempt(attemptOn(failing, strict))).kind, 'spent');
  }),

  check('issueSupportCode ends the earlier code of this user, and of no other', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrol(storage)];
    const [first, theirs] = [await support(storage, userId), await support(storage, other)];
    const login = await begin(storage, 'login', userId);
    const second = await support(storage, userId);
    assert.equal(await storage.findPending(first.handleHash), undefined);
    assert.deepEqual(await storage.findSupportCode(userId), second);
    assert.deepEqual(await storage.findSupportCode(other), theirs);
    assert.equal(await storage.accept(useSupportCode(login, first)), 'used');
    assert.equal(await storage.accept(useSupportCode(login, second)), 'accepted');
  }),

  check(
    'issueSupportCode does nothing where the second factor is off, or the epoch another',
    async (storage) => {
      const [nobody, userId, reset] = [newUser(), await enrol(storage), await enrol(storage)];
      await storage.reset(reset, []);
      await failOnce(storage, userId, 1);
      const earlier = await support(storage, userId);
      await storage.spendAttempt(attemptOn(await begin(storage, 'login', userId), { lane: 'backup-code' }));
      for (const [id, epoch] of [
        [nobody, 0],
        [userId, 0],
        [userId, 2],
        [reset, 2],
      ] as const) {
        const pending = supportCodeOf(id, { epoch });
        const before = await snapshot(storage, id, earlier);
        const events = [issued(id)];
        assert.equal(await storage.issueSupportCode({ pending, events }), false);
        assert.equal(await storage.findPending(pending.handleHash), undefined);
        assert.deepEqual(await snapshot(storage, id, earlier), before);
        assert.ok((await storage.listEvents(id, 10)).every(({ kind }) => kind !== 'support-code.issued'));
      }
    },
  ),

  check(
    'issueSupportCode never takes over the row of somebody else, and then changes nothing',
    async (storage) => {
      const [userId, other] = [await enrol(storage), await enrol(storage)];
      const login = await begin(storage, 'login', other);
      await failOnce(storage, userId, 1);
      const before = await snapshot(storage, userId, login);
      const pending = supportCodeOf(userId, { handleHash: login.handleHash });
      await assert.rejects(storage.issueSupportCode({ pending, events: [issued(userId)] }));
      assert.deepEqual(await snapshot(storage, userId, login), before);
    },
  ),

  ...(['login', 'step-up'] as const).map((purpose) =>
    check(
      `accept uses a support code up once (${purpose}), opens its lane, and leaves the set`,
      async (storage) => {
        const userId = await enrol(storage);
        const code = await support(storage, userId);
        await failOnce(storage, userId, 1);
        const pending = await begin(storage, purpose, userId);
        assert.equal(await storage.accept(useSupportCode(pending, code)), 'accepted');
        const lanes = { ...failedOnce, 'backup-code': freshLane };
        assert.deepEqual(await storage.findAccount(userId), accountOf(userId, { lanes }));
        assert.equal(await storage.findPending(code.handleHash), undefined);
        assert.equal(await storage.findSupportCode(userId), undefined);
        assert.equal((await storage.findBackupCodeSet(userId))?.left, 10);
        await refuses(storage, userId, code);
      },
    ),
  ),

  check('accept takes a support code where there is no set', async (storage) => {
    const userId = newUser();
    await storage.importFactors([importOf(userId, { backupCodes: null })]);
    const code = await support(storage, userId);
    const login = await begin(storage, 'login', userId);
    assert.equal(await storage.accept(useSupportCode(login, code)), 'accepted');
  }),

  check('accept with disable takes a support code', async (storage) => {
    const userId = await enrol(storage);
    const code = await support(storage, userId);
    const stepUp = await begin(storage, 'step-up', userId);
    assert.equal(await storage.accept({ ...useSupportCode(stepUp, code), effect: 'disable' }), 'accepted');
    assert.equal((await storage.findAccount(userId))?.enabledAt, null);
  }),

  check('accept refuses a support code that is expired, at that very instant', async (storage) => {
    const userId = await enrol(storage);
    const code = await support(storage, userId, { expiresAt: now + minute });
    await refuses(storage, userId, code, { now: now + minute });
    const login = await begin(storage, 'login', userId);
    assert.equal(await storage.accept({ ...useSupportCode(login, code), now: now + minute - 1 }), 'accepted');
  }),

  check('accept refuses the support code of another user, and leaves it to them', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrol(storage)];
    const code = await support(storage, other);
    await refuses(storage, userId, code);
    const login = await begin(storage, 'login', other);
    assert.equal(await storage.accept(useSupportCode(login, code)), 'accepted');
  }),

  check('accept takes no row of another purpose for a support code, its own neither', async (storage) => {
    const userId = await enrol(storage);
    for (const purpose of ['login', 'step-up', 'enrolment', 'backup-codes', 'resume'] as const)
      await refuses(storage, userId, await begin(storage, purpose, userId));
    const login = await begin(storage, 'login', userId);
    assert.equal(await storage.accept(useSupportCode(login, login)), 'used');
    const stepUp = await begin(storage, 'step-up', userId);
    assert.equal(await storage.accept(useSupportCode(stepUp, stepUp)), 'used');
  }),

  check('accept leaves a support code where the login is over', async (storage) => {
    const userId = await enrol(storage);
    const code = await support(storage, userId);
    const login = await begin(storage, 'login', userId);
    await storage.accept(useCode(login, 0));
    assert.equal(await storage.accept(useSupportCode(login, code)), 'completed');
    assert.deepEqual(await storage.findSupportCode(userId), code);
  }),

  check('a support code is dead after a change, also where its row would come back', async (storage) => {
    const userId = await enrol(storage);
    const code = await support(storage, userId);
    await storage.raiseEpoch(revocationOf(userId));
    assert.equal(await storage.findSupportCode(userId), undefined);
    await storage.createPending(code);
    const login = await begin(storage, 'login', userId, { epoch: 2 });
    assert.equal(await storage.accept(useSupportCode(login, code)), 'used');
  }),

  check('purgePending takes an expired support code', async (storage) => {
    const userId = await enrol(storage);
    const code = await support(storage, userId, { expiresAt: 1 });
    await storage.purgePending(1);
    assert.equal(await storage.findPending(code.handleHash), undefined);
  }),
];
