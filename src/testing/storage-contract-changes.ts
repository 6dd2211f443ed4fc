import assert from 'node:assert/strict';
import type { Pending } from '../model.js';
import type { Enabling, Renewal, Storage } from '../storage/storage.js';
import {
  accountOf,
  attemptOn,
  authenticatorOf,
  backupCodesOf,
  begin,
  check,
  enablingOf,
  enrol,
  revocationOf,
} from './storage-fixtures.js';
import { eventOf, keyOf, limits, newUser, now, snapshot, useCode, useStep } from './storage-fixtures.js';
import type { StorageContractCase } from './storage-fixtures.js';

function renewalOf(pending: Pending, fields: Partial<Renewal> = {}): Renewal {
  const backupCodes = backupCodesOf(pending.userId, `${pending.userId}-renewed`);
  return { ...keyOf(pending), purpose: 'backup-codes', backupCodes, now, events: [], ...fields };
}

async function suspend(storage: Storage, userId: string, epoch: number): Promise<void> {
  const pending = await begin(storage, 'login', userId, { epoch });
  const harsh = { ...limits, cap: 1 };
  for (const lane of ['totp', 'backup-code'] as const) {
    assert.equal((await storage.spendAttempt(attemptOn(pending, { lane, limits: harsh }))).kind, 'spent');
    assert.equal((await storage.spendAttempt(attemptOn(pending, { lane, limits: harsh }))).kind, 'suspended');
  }
}

function refusesToEnable(
  title: string,
  row: Partial<Pending>,
  change: (enabling: Enabling) => Partial<Enabling> = () => ({}),
): StorageContractCase {
  return check(`enable ${title}`, async (storage) => {
    const userId = newUser();
    const pending = await begin(storage, 'enrolment', userId, { epoch: 0, ...row });
    const enabling = enablingOf({ ...pending, userId, epoch: 0 });
    const before = await snapshot(storage, userId, pending);
    assert.equal(await storage.enable({ ...enabling, ...change(enabling) }), undefined);
    assert.deepEqual(await snapshot(storage, userId, pending, enabling.proposal as Pending), {
      ...(before as object),
      pendings: [pending, undefined],
    });
  });
}

function refusesToRenew(
  title: string,
  row: Partial<Pending>,
  change: Partial<Renewal> = {},
): StorageContractCase {
  return check(`renewBackupCodes ${title}`, async (storage) => {
    const userId = await enrol(storage);
    const pending = await begin(storage, 'backup-codes', userId, row);
    const before = await snapshot(storage, userId, pending);
    assert.equal(await storage.renewBackupCodes(renewalOf({ ...pending, userId }, change)), undefined);
    assert.deepEqual(await snapshot(storage, userId, pending), before);
    assert.equal(await storage.accept(useCode(await begin(storage, 'login', userId), 0)), 'accepted');
  });
}

export const changeCases: readonly StorageContractCase[] = [
  check(
    'findAccount, listAuthenticators and findBackupCodeSet find nothing of an unknown user',
    async (storage) => {
      const userId = newUser();
      assert.deepEqual(await snapshot(storage, userId), {
        account: undefined,
        authenticators: [],
        backupCodes: undefined,
        pendings: [],
      });
    },
  ),

  check('raiseEpoch starts at 0 without a row and turns no second factor on', async (storage) => {
    const userId = newUser();
    assert.equal(await storage.raiseEpoch(revocationOf(userId)), 1);
    assert.equal(await storage.raiseEpoch(revocationOf(userId)), 2);
    assert.deepEqual(await storage.findAccount(userId), accountOf(userId, { enabledAt: null, epoch: 2 }));
  }),

  check('raiseEpoch deletes every pending row of the user and keeps the rest', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrol(storage)];
    const rows = [
      await begin(storage, 'login', userId),
      await begin(storage, 'step-up', userId, { epoch: 0 }),
    ];
    const kept = await begin(storage, 'login', other);
    const { backupCodes, authenticators } = (await snapshot(storage, userId)) as Record<string, unknown>;
    assert.equal(await storage.raiseEpoch(revocationOf(userId)), 2);
    assert.deepEqual(await snapshot(storage, userId, ...rows), {
      account: accountOf(userId, { epoch: 2 }),
      authenticators,
      backupCodes,
      pendings: [undefined, undefined],
    });
    assert.deepEqual(await storage.findPending(kept.handleHash), kept);
    assert.equal((await storage.findAccount(other))?.epoch, 1);
  }),

  check('raiseEpoch does nothing where the account is at another epoch than was said', async (storage) => {
    const userId = await enrol(storage);
    const login = await begin(storage, 'login', userId);
    const before = await snapshot(storage, userId, login);
    for (const epoch of [0, 2]) {
      const revocation = revocationOf(userId, { epoch, events: [eventOf(userId)], passwordChangedAt: now });
      assert.equal(await storage.raiseEpoch(revocation), undefined);
    }
    assert.deepEqual(await snapshot(storage, userId, login), before);
    assert.deepEqual(await storage.listEvents(userId, 10), []);
    assert.equal(await storage.raiseEpoch(revocationOf(userId, { epoch: 1 })), 2);
    const unknown = newUser();
    assert.equal(await storage.raiseEpoch(revocationOf(unknown, { epoch: 1 })), undefined);
    assert.equal(await storage.raiseEpoch(revocationOf(unknown, { epoch: 0 })), 1);
  }),

  check('raiseEpoch keeps how many answers a step-up has taken', async (storage) => {
    const userId = await enrol(storage);
    const stepUp = await begin(storage, 'step-up', userId, { failures: 4 });
    assert.equal(await storage.raiseEpoch(revocationOf(userId)), 2);
    const of = { ...stepUp, epoch: 2 };
    assert.deepEqual(await storage.findPending(stepUp.handleHash), of);
    assert.deepEqual(await storage.spendAttempt(attemptOn(stepUp, { lane: null })), { kind: 'gone' });
    const last = { kind: 'spent', left: 0, failures: 0, answers: 0 };
    assert.deepEqual(await storage.spendAttempt(attemptOn(of, { lane: null })), last);
    assert.deepEqual(await storage.spendAttempt(attemptOn(of, { lane: null })), { kind: 'exhausted' });
    await storage.forget(userId);
    assert.equal(await storage.findPending(stepUp.handleHash), undefined);
  }),

  check('enable turns the second factor on and deletes what else was pending', async (storage) => {
    const userId = newUser();
    const rows = [
      await begin(storage, 'login', userId, { epoch: 0 }),
      await begin(storage, 'enrolment', userId),
    ];
    const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
    const enabling = enablingOf(enrolment, {
      authenticator: authenticatorOf(userId, {
        algorithm: 'sha512',
        digits: 8,
        period: 60,
        name: 'Téléphone',
      }),
      now: now + 7,
    });
    assert.equal(await storage.enable(enabling), 1);
    const { id, sealedKey } = enabling.backupCodes;
    assert.deepEqual(
      await snapshot(storage, userId, ...rows, enrolment, { ...enrolment, ...enabling.proposal }),
      {
        account: accountOf(userId, { enabledAt: now + 7 }),
        authenticators: [enabling.authenticator],
        backupCodes: { id, userId, sealedKey, createdAt: now + 7, total: 10, left: 10, usedAt: [] },
        pendings: [undefined, undefined, undefined, { ...enabling.proposal, epoch: 1 }],
      },
    );
  }),

  check('enable works after the second factor was turned off, with every counter at 0', async (storage) => {
    const userId = await enrol(storage);
    await suspend(storage, userId, 1);
    const stepUp = await begin(storage, 'step-up', userId);
    assert.equal(await storage.accept({ ...useStep(stepUp, 101), effect: 'disable' }), 'accepted');
    const enrolment = await begin(storage, 'enrolment', userId, { epoch: 2 });
    assert.equal(await storage.enable(enablingOf(enrolment)), 3);
    await suspend(storage, userId, 3);
  }),

  check('enable is refused while there is a second factor', async (storage) => {
    const userId = await enrol(storage);
    const enrolment = await begin(storage, 'enrolment', userId);
    const before = await snapshot(storage, userId, enrolment);
    assert.equal(await storage.enable(enablingOf(enrolment)), undefined);
    assert.deepEqual(await snapshot(storage, userId, enrolment), before);
  }),

  refusesToEnable('refuses the pending enrolment of another user', { userId: 'contract-somebody-else' }),
  refusesToEnable('refuses a row of another purpose', { purpose: 'login' }),
  refusesToEnable('refuses an expired enrolment, at that very instant', { expiresAt: now }),
  refusesToEnable('refuses an enrolment that is completed', { completedAt: now }),
  refusesToEnable('refuses an enrolment of another epoch', { epoch: 1 }),
  refusesToEnable('refuses an epoch that is not the account’s', { epoch: 1 }, () => ({ epoch: 1 })),
  refusesToEnable('refuses an enrolment that is not there', {}, () => ({ handleHash: newUser() })),

  check(
    'enable never takes over the authenticator of another user, and then changes nothing',
    async (storage) => {
      const owner = await enrol(storage);
      const enrolment = await begin(storage, 'enrolment', newUser(), { epoch: 0 });
      const before = await snapshot(storage, enrolment.userId, enrolment);
      const authenticator = authenticatorOf(enrolment.userId, { id: `${owner}-authenticator` });
      await assert.rejects(storage.enable(enablingOf(enrolment, { authenticator })));
      assert.deepEqual(await snapshot(storage, enrolment.userId, enrolment), before);
      assert.equal((await storage.listAuthenticators(owner)).length, 1);
    },
  ),

  check(
    'renewBackupCodes replaces the codes, raises the epoch and keeps the authenticator',
    async (storage) => {
      const userId = await enrol(storage);
      const rows = [await begin(storage, 'login', userId), await begin(storage, 'backup-codes', userId)];
      await storage.accept(useCode(await begin(storage, 'login', userId), 0));
      const authenticators = await storage.listAuthenticators(userId);
      const proposal = await begin(storage, 'backup-codes', userId);
      const renewal = renewalOf(proposal, { now: now + 9 });
      assert.equal(await storage.renewBackupCodes(renewal), 2);
      const { id, sealedKey } = renewal.backupCodes;
      assert.deepEqual(await snapshot(storage, userId, ...rows, proposal), {
        account: accountOf(userId, { epoch: 2 }),
        authenticators,
        backupCodes: { id, userId, sealedKey, createdAt: now + 9, total: 10, left: 10, usedAt: [] },
        pendings: [undefined, undefined, undefined],
      });
      const login = await begin(storage, 'login', userId, { epoch: 2 });
      assert.equal(await storage.accept(useCode(login, 1)), 'used', 'a code of the old set');
      const codeHash = renewal.backupCodes.codeHashes[1] ?? '';
      assert.equal(
        await storage.accept({ ...useCode(login, 1), proof: { lane: 'backup-code', setId: id, codeHash } }),
        'accepted',
      );
    },
  ),

  check('renewBackupCodes lifts the suspension of backup codes and not of TOTP codes', async (storage) => {
    const userId = await enrol(storage);
    await suspend(storage, userId, 1);
    await storage.renewBackupCodes(renewalOf(await begin(storage, 'backup-codes', userId)));
    const login = await begin(storage, 'login', userId, { epoch: 2 });
    const harsh = { ...limits, cap: 1 };
    const spend = (lane: 'totp' | 'backup-code') =>
      storage.spendAttempt(attemptOn(login, { lane, limits: harsh }));
    assert.equal((await spend('totp')).kind, 'suspended');
    assert.equal((await spend('backup-code')).kind, 'spent');
  }),

  refusesToRenew('refuses the proposal of another user', { userId: 'contract-somebody-else' }),
  refusesToRenew('refuses a row of another purpose', { purpose: 'enrolment' }),
  refusesToRenew('refuses an expired proposal, at that very instant', { expiresAt: now }),
  refusesToRenew('refuses a proposal that is completed', { completedAt: now }),
  refusesToRenew('refuses a proposal of an older epoch', { epoch: 0 }, { epoch: 1 }),
  refusesToRenew('refuses an epoch that is not the account’s', { epoch: 0 }),
  refusesToRenew('refuses a proposal that is not there', {}, { handleHash: 'contract-nothing' }),

  check('renewBackupCodes refuses a user whose second factor is off', async (storage) => {
    const userId = newUser();
    for (const epoch of [0, 1]) {
      const proposal = await begin(storage, 'backup-codes', userId, { epoch });
      const before = await snapshot(storage, userId, proposal);
      assert.equal(await storage.renewBackupCodes(renewalOf(proposal)), undefined);
      assert.deepEqual(await snapshot(storage, userId, proposal), before);
      await storage.raiseEpoch(revocationOf(userId));
    }
  }),
];
