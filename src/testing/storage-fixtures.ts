import assert from 'node:assert/strict';
import { randomId } from '../crypto/random.js';
import type { SecondFactorEvent } from '../events.js';
import type { Account, Authenticator, LaneCounter, Pending, Purpose, TrustedBrowser } from '../model.js';
import type {
  Adding,
  Attempt,
  AttemptLimits,
  AuthenticatorRenaming,
  Enabling,
  FactorImport,
  NewBackupCodeSet,
  PendingKey,
  Revocation,
  Storage,
  SupportCodeIssue,
  TokenUse,
  Trusting,
} from '../storage/storage.js';

/** One rule of the storage interface, as a test that any framework can run. */
export interface StorageContractCase {
  title: string;
  /**
   * Rejects where the rule is broken. Users are fresh and random, so cases may share a database.
   * @param open resolves with the migrated storage under test; every call must reach the same records.
   */
  run: (open: () => Promise<Storage>) => Promise<void>;
}

/** The instant of every case. Storage is told the time and never looks at a clock. */
export const now = 1_800_000_000_000;
export const minute = 60_000;

export const limits: AttemptLimits = {
  perPending: 5,
  delayFrom: 5,
  delays: [30_000, minute],
  cap: 8,
  budget: { answers: 20, within: 1_000 * minute },
};

export function check(title: string, body: (storage: Storage) => Promise<void>): StorageContractCase {
  return { title, run: async (open) => body(await open()) };
}

export function newUser(): string {
  return `contract-${randomId()}`;
}

export function newPending(purpose: Purpose, userId: string, fields: Partial<Pending> = {}): Pending {
  return {
    handleHash: `handle-${randomId()}`,
    purpose,
    userId,
    epoch: 1,
    payload: null,
    failures: 0,
    createdAt: now,
    expiresAt: now + 10 * minute,
    completedAt: null,
    ...fields,
  };
}

export function keyOf({ handleHash, purpose, userId, epoch }: Pending): PendingKey {
  return { handleHash, purpose, userId, epoch };
}

export async function begin(
  storage: Storage,
  purpose: Purpose,
  userId: string,
  fields: Partial<Pending> = {},
): Promise<Pending> {
  const pending = newPending(purpose, userId, fields);
  await storage.createPending(pending);
  return pending;
}

/** A wrong answer at `now`, unless something else is said. */
export function eventOf(userId: string, fields: Partial<SecondFactorEvent> = {}): SecondFactorEvent {
  return {
    id: `event-${randomId()}`,
    userId,
    kind: 'answer.rejected',
    at: now,
    address: '192.0.2.1',
    browser: 'Browser/1.0',
    node: 'node-1',
    details: { factor: 'totp', purpose: 'login' },
    ...fields,
  } as SecondFactorEvent;
}

/** Its event is of the instant of the attempt, and another one each time. */
export function attemptOn(pending: Pending, fields: Partial<Attempt> = {}): Attempt {
  const kind = fields.lane === null ? 'password.rejected' : 'answer.rejected';
  const event = eventOf(pending.userId, { kind, at: fields.now ?? now });
  return { ...keyOf(pending), lane: 'totp', isKnown: false, now, limits, event, ...fields };
}

export function revocationOf(userId: string, fields: Partial<Revocation> = {}): Revocation {
  return { userId, epoch: null, passwordChangedAt: null, events: [], ...fields };
}

export function renamingOf(userId: string, authenticatorId: string, name: string): AuthenticatorRenaming {
  return { userId, authenticatorId, name, events: [] };
}

export const freshLane: LaneCounter = {
  failures: 0,
  delayedUntil: 0,
  known: { failures: 0, delayedUntil: 0 },
};

/** An account whose counters are at 0; enabled at `now`, epoch 1. */
export function accountOf(userId: string, fields: Partial<Account> = {}): Account {
  const lanes = { totp: freshLane, 'backup-code': freshLane };
  return {
    userId,
    enabledAt: now,
    epoch: 1,
    lanes,
    suspectedAt: null,
    enrolBy: null,
    wasOn: false,
    ...fields,
  };
}

/** The records of an enrolled user follow from the id alone, so that another process can name them too. */
export function authenticatorOf(userId: string, fields: Partial<Authenticator> = {}): Authenticator {
  return {
    id: `${userId}-authenticator`,
    userId,
    name: 'Phone',
    algorithm: 'sha1',
    digits: 6,
    period: 30,
    sealedSecret: 'sealed-secret',
    lastStep: 100,
    createdAt: now,
    lastUsedAt: null,
    ...fields,
  };
}

export function backupCodesOf(userId: string, id = `${userId}-codes`): NewBackupCodeSet {
  const codeHashes = Array.from({ length: 10 }, (_, index) => `${id}-hash-${index}`);
  return { id, sealedKey: 'sealed-key', codeHashes };
}

export function enablingOf(enrolment: Pending, fields: Partial<Enabling> = {}): Enabling {
  const { userId } = enrolment;
  return {
    ...keyOf(enrolment),
    purpose: 'enrolment',
    login: null,
    authenticator: authenticatorOf(userId),
    backupCodes: backupCodesOf(userId),
    proposal: newPending('backup-codes', userId, { payload: 'sealed-codes' }),
    now,
    events: [],
    ...fields,
  };
}

export function importOf(userId: string, fields: Partial<FactorImport> = {}): FactorImport {
  const records = { authenticator: authenticatorOf(userId), backupCodes: backupCodesOf(userId) };
  return { userId, ...records, now, events: [], ...fields };
}

/** A user whose second factor is on: epoch 1, last step 100, ten codes. */
export async function enrol(storage: Storage, userId = newUser()): Promise<string> {
  const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
  await storage.enable(enablingOf(enrolment));
  return userId;
}

export function secondAuthenticatorOf(userId: string): Authenticator {
  return authenticatorOf(userId, { id: `${userId}-authenticator-2`, name: 'Tablet', createdAt: now + 1 });
}

export function addingOf(enrolment: Pending, fields: Partial<Adding> = {}): Adding {
  const authenticator = secondAuthenticatorOf(enrolment.userId);
  const rest = { purpose: 'enrolment', authenticator, replaces: null, most: 2, now, events: [] } as const;
  return { ...keyOf(enrolment), ...rest, ...fields };
}

/** A user with two authenticators: epoch 2. */
export async function enrolTwo(storage: Storage, userId = newUser()): Promise<string> {
  const enrolment = await begin(storage, 'enrolment', await enrol(storage, userId));
  await storage.addAuthenticator(addingOf(enrolment));
  return userId;
}

export function useStep(pending: Pending, step: number, { id } = authenticatorOf(pending.userId)) {
  const proof = { lane: 'totp', authenticatorId: id, step } as const;
  return { ...keyOf(pending), proof, effect: 'complete', now, events: [] } as const;
}

export function useCode(pending: Pending, index: number) {
  const { id, codeHashes } = backupCodesOf(pending.userId);
  const proof = { lane: 'backup-code', setId: id, codeHash: codeHashes[index] ?? '' } as const;
  return { ...keyOf(pending), proof, effect: 'complete', now, events: [] } as const;
}

export function supportCodeOf(userId: string, fields: Partial<Pending> = {}): SupportCodeIssue['pending'] {
  return { ...newPending('support-code', userId, fields), purpose: 'support-code' };
}

/** Issues a support code, of epoch 1 unless something else is said. */
export async function support(
  storage: Storage,
  userId: string,
  fields: Partial<Pending> = {},
): Promise<Pending> {
  const pending = supportCodeOf(userId, fields);
  assert.equal(await storage.issueSupportCode({ pending, events: [] }), true);
  return pending;
}

export function useSupportCode(pending: Pending, { handleHash }: Pick<Pending, 'handleHash'>) {
  const proof = { lane: 'backup-code', supportCodeHash: handleHash } as const;
  return { ...keyOf(pending), proof, effect: 'complete', now, events: [] } as const;
}

/** Trusted at `now` and epoch 1, with token number 0. */
export function browserOf(userId: string, fields: Partial<TrustedBrowser> = {}): TrustedBrowser {
  return {
    id: `${userId}-browser`,
    userId,
    epoch: 1,
    tokenHash: `${userId}-token-0`,
    previousHash: null,
    name: 'Firefox on Linux',
    createdAt: now,
    lastUsedAt: null,
    expiresAt: now + 10 * minute,
    ...fields,
  };
}

export function trust(
  storage: Storage,
  browser: TrustedBrowser,
  fields: Partial<Trusting> = {},
): Promise<boolean> {
  return storage.trustBrowser({ browser, replaces: null, events: [], ...fields });
}

/** Hands in token number `index` of `browserOf(userId)`. */
export function tokenOf(userId: string, index: number): TokenUse {
  const [tokenHash, nextHash] = [`${userId}-token-${index}`, `${userId}-token-${index + 1}`];
  const events = {
    trusted: eventOf(userId, { kind: 'login.trusted', details: { browser: 'Firefox' } }),
    stolen: eventOf(userId, { kind: 'browser.stolen', details: { browser: 'Firefox' } }),
  };
  return { id: browserOf(userId).id, userId, epoch: 1, tokenHash, nextHash, grace: 10_000, now, events };
}

/** Everything that can be read about a user, to show that a refusal changed nothing. */
export async function snapshot(storage: Storage, userId: string, ...pendings: Pending[]): Promise<unknown> {
  return {
    account: await storage.findAccount(userId),
    authenticators: await storage.listAuthenticators(userId),
    backupCodes: await storage.findBackupCodeSet(userId),
    pendings: await Promise.all(pendings.map((pending) => storage.findPending(pending.handleHash))),
  };
}

/** One of each purpose, and one that an older epoch has left. */
export async function beginAll(storage: Storage, userId: string, epoch: number): Promise<Pending[]> {
  const purposes: Purpose[] = [
    ...(['login', 'step-up', 'login-enrolment', 'enrolment', 'backup-codes', 'support-code'] as const),
  ];
  const rows = purposes.map((purpose) => begin(storage, purpose, userId, { epoch }));
  return Promise.all([...rows, begin(storage, 'login', userId, { epoch: epoch - 1 })]);
}

/** Leaves `failedOnce`: the TOTP lane is delayed, that of backup codes is not. */
export async function failOnce(storage: Storage, userId: string, epoch: number): Promise<void> {
  const pending = await begin(storage, 'login', userId, { epoch });
  await storage.spendAttempt(attemptOn(pending, { limits: { ...limits, delayFrom: 1 } }));
  await storage.spendAttempt(attemptOn(pending, { lane: 'backup-code' }));
}

export const failedOnce: Account['lanes'] = {
  totp: { ...freshLane, failures: 1, delayedUntil: now + 30_000 },
  'backup-code': { ...freshLane, failures: 1 },
};
