import type {
  Account,
  Authenticator,
  BackupCodeSet,
  LaneCounter,
  Pending,
  TrustedBrowser,
} from '../model.js';
import { inspectRecords } from './memory-inspection.js';
import type { Attempt, AttemptResult, NewBackupCodeSet, PendingKey, Proof, Storage } from './storage.js';

interface BackupCodeRecord extends Omit<BackupCodeSet, 'total' | 'left'> {
  /** Code hash to "was used". */
  codes: Map<string, boolean>;
}

/** Keeps everything in this process, for tests and for trying out: a restart turns every second factor off. */
export function memoryStorage(): Storage {
  const accounts = new Map<string, Account>();
  const authenticators = new Map<string, Authenticator>();
  const pendings = new Map<string, Pending>();
  const backupCodes = new Map<string, BackupCodeRecord>();
  const browsers = new Map<string, TrustedBrowser>();

  const accountOf = (userId: string): Account =>
    accounts.get(userId) ?? { userId, enabledAt: null, epoch: 0, lanes: freshLanes() };

  function findLive(key: PendingKey, now: number): Pending | undefined {
    const pending = pendings.get(key.handleHash);
    return pending && matches(pending, key) && pending.expiresAt > now && pending.completedAt === null
      ? pending
      : undefined;
  }

  function insertPending(pending: Pending): void {
    if (pendings.has(pending.handleHash)) throw new Error('There is a pending row with this handle.');
    pendings.set(pending.handleHash, { ...pending });
  }

  function deletePendingsOf(userId: string): void {
    for (const pending of pendings.values()) {
      if (pending.userId === userId) pendings.delete(pending.handleHash);
    }
  }

  function deleteBrowsers(isDoomed: (browser: TrustedBrowser) => boolean): number {
    const doomed = [...browsers.values()].filter(isDoomed);
    for (const { id } of doomed) browsers.delete(id);
    return doomed.length;
  }

  function listOf(userId: string): Authenticator[] {
    return [...authenticators.values()].filter((authenticator) => authenticator.userId === userId);
  }

  function disable(account: Account): void {
    const { userId, epoch } = account;
    Object.assign(account, { enabledAt: null, epoch: epoch + 1, lanes: freshLanes() });
    for (const { id } of listOf(userId)) authenticators.delete(id);
    backupCodes.delete(userId);
    deleteBrowsers((browser) => browser.userId === userId);
    deletePendingsOf(userId);
  }

  function setBackupCodes(
    userId: string,
    { id, sealedKey, codeHashes }: NewBackupCodeSet,
    now: number,
  ): void {
    const codes = new Map(codeHashes.map((hash) => [hash, false]));
    backupCodes.set(userId, { id, userId, sealedKey, createdAt: now, codes });
  }

  function refuseAttempt(attempt: Attempt, account: Account): AttemptResult | undefined {
    const { lane, limits, now } = attempt;
    const pending = pendings.get(attempt.handleHash);
    if (!pending || !matches(pending, attempt) || account.epoch !== attempt.epoch) return { kind: 'gone' };
    if (lane !== null && account.enabledAt === null) return { kind: 'gone' };
    if (pending.completedAt !== null) return { kind: 'completed' };
    if (pending.expiresAt <= now) return { kind: 'gone' };
    if (pending.failures >= limits.perPending) return { kind: 'exhausted' };
    if (lane === null) return undefined;
    const { failures, delayedUntil } = account.lanes[lane];
    if (failures >= limits.cap) return { kind: 'suspended' };
    return now < delayedUntil ? { kind: 'delayed', until: delayedUntil } : undefined;
  }

  /** @returns how to use the proof, or `undefined` where it was used or never was this user's. */
  function prepareProof(proof: Proof, userId: string, now: number): (() => void) | undefined {
    if (proof.lane === 'totp') {
      const authenticator = authenticators.get(proof.authenticatorId);
      if (authenticator?.userId !== userId || authenticator.lastStep >= proof.step) return undefined;
      return () => Object.assign(authenticator, { lastStep: proof.step, lastUsedAt: now });
    }
    const set = backupCodes.get(userId);
    if (set?.id !== proof.setId || set.codes.get(proof.codeHash) !== false) return undefined;
    return () => set.codes.set(proof.codeHash, true);
  }

  function listSealed() {
    return [
      ...[...authenticators.values()].map(
        ({ userId, id, sealedSecret }) =>
          ({ kind: 'authenticator', userId, id, sealed: sealedSecret }) as const,
      ),
      ...[...backupCodes.values()].map(
        ({ userId, id, sealedKey }) => ({ kind: 'backup-codes', userId, id, sealed: sealedKey }) as const,
      ),
    ];
  }

  // No verb awaits anything, so each is one step that no other caller can see half of.
  return {
    async migrate() {},

    async findAccount(userId) {
      const account = accounts.get(userId);
      return structuredClone(account);
    },

    async listAuthenticators(userId) {
      return listOf(userId)
        .sort((a, b) => a.createdAt - b.createdAt || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)))
        .map((authenticator) => ({ ...authenticator }));
    },

    async findBackupCodeSet(userId) {
      const record = backupCodes.get(userId);
      if (!record) return undefined;
      const { codes, ...set } = record;
      return { ...set, total: codes.size, left: [...codes.values()].filter((used) => !used).length };
    },

    async raiseEpoch(userId) {
      const account = accountOf(userId);
      const stepUps = [...pendings.values()].filter(
        (pending) =>
          pending.userId === userId && pending.purpose === 'step-up' && pending.epoch === account.epoch,
      );
      account.epoch += 1;
      accounts.set(userId, account);
      deletePendingsOf(userId);
      for (const pending of stepUps) insertPending({ ...pending, epoch: account.epoch });
      return account.epoch;
    },

    async createPending(pending) {
      insertPending(pending);
    },

    async openPending(pending, now) {
      const existing = pendings.get(pending.handleHash);
      if (existing && existing.expiresAt > now) {
        if (matches(existing, pending)) return { ...existing };
        if (matches(existing, { ...pending, epoch: existing.epoch }) && existing.epoch > pending.epoch)
          throw new Error('This handle has a row of a newer epoch.');
      }
      pendings.set(pending.handleHash, { ...pending });
      return { ...pending };
    },

    async findPending(handleHash) {
      const pending = pendings.get(handleHash);
      return pending && { ...pending };
    },

    async deletePending(handleHash) {
      return pendings.delete(handleHash);
    },

    async purgePending(now) {
      const expired = [...pendings.values()].filter((pending) => pending.expiresAt <= now);
      for (const pending of expired) pendings.delete(pending.handleHash);
      return expired.length;
    },

    async spendAttempt(attempt) {
      const account = accountOf(attempt.userId);
      const pending = findLive(attempt, attempt.now);
      const refusal = refuseAttempt(attempt, account);
      if (refusal || !pending) return refusal ?? { kind: 'gone' };
      if (attempt.lane !== null) countFailure(account.lanes[attempt.lane], attempt);
      pending.failures += 1;
      return { kind: 'spent', left: attempt.limits.perPending - pending.failures };
    },

    async accept(acceptance) {
      const { userId, epoch, purpose, handleHash, proof, now } = acceptance;
      const account = accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return 'gone';
      const pending = findLive(acceptance, now);
      if (!pending) {
        const row = pendings.get(handleHash);
        if (!row) return purpose === 'step-up' ? 'completed' : 'gone';
        return matches(row, acceptance) && row.completedAt !== null ? 'completed' : 'gone';
      }
      const applyProof = prepareProof(proof, userId, now);
      if (!applyProof) return 'used';
      applyProof();
      account.lanes[proof.lane] = { failures: 0, delayedUntil: 0 };
      if (purpose === 'login') pending.completedAt = now;
      else pendings.delete(handleHash);
      if (acceptance.effect === 'disable') disable(account);
      return 'accepted';
    },

    async enable(enabling) {
      const { userId, authenticator, proposal, now } = enabling;
      const account = accountOf(userId);
      if (account.epoch !== enabling.epoch || account.enabledAt !== null || !findLive(enabling, now))
        return undefined;
      if (authenticators.has(authenticator.id)) throw new Error('There is an authenticator with this id.');
      const epoch = account.epoch + 1;
      const stale = pendings.get(proposal.handleHash);
      if (stale && stale.userId !== userId) throw new Error('There is a pending row with this handle.');
      deletePendingsOf(userId);
      insertPending({ ...proposal, epoch });
      accounts.set(userId, { userId, enabledAt: now, epoch, lanes: freshLanes() });
      authenticators.set(authenticator.id, { ...authenticator });
      setBackupCodes(userId, enabling.backupCodes, now);
      return epoch;
    },

    async renewBackupCodes(renewal) {
      const { userId, now } = renewal;
      const account = accountOf(userId);
      if (account.epoch !== renewal.epoch || account.enabledAt === null || !findLive(renewal, now))
        return undefined;
      account.epoch += 1;
      account.lanes['backup-code'] = { failures: 0, delayedUntil: 0 };
      deletePendingsOf(userId);
      setBackupCodes(userId, renewal.backupCodes, now);
      return account.epoch;
    },

    async addAuthenticator(adding) {
      const { userId, authenticator, now } = adding;
      const account = accountOf(userId);
      if (account.epoch !== adding.epoch || account.enabledAt === null || !findLive(adding, now))
        return undefined;
      const { replaces } = adding;
      const others = listOf(userId).filter(({ id }) => id !== replaces);
      if (replaces !== null && others.length === listOf(userId).length) return 'absent';
      if (others.length >= adding.most) return 'full';
      if (authenticators.has(authenticator.id)) throw new Error('There is an authenticator with this id.');
      account.epoch += 1;
      deletePendingsOf(userId);
      if (replaces !== null) {
        authenticators.delete(replaces);
        account.lanes.totp = { failures: 0, delayedUntil: 0 };
      }
      authenticators.set(authenticator.id, { ...authenticator });
      return account.epoch;
    },

    async renameAuthenticator(userId, authenticatorId, name) {
      const authenticator = listOf(userId).find(({ id }) => id === authenticatorId);
      if (authenticator) authenticator.name = name;
      return authenticator !== undefined;
    },

    async removeAuthenticator({ userId, epoch, authenticatorId }) {
      const account = accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return undefined;
      const owned = listOf(userId);
      if (!owned.some(({ id }) => id === authenticatorId)) return 'absent';
      if (owned.length === 1) return 'last';
      account.epoch += 1;
      deletePendingsOf(userId);
      authenticators.delete(authenticatorId);
      return account.epoch;
    },

    async trustBrowser(browser, replaces) {
      const { userId, epoch } = browser;
      const account = accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return false;
      if (browsers.has(browser.id)) throw new Error('There is a trusted browser with this id.');
      const isReplaced = ({ id, epoch: then }: TrustedBrowser): boolean => then !== epoch || id === replaces;
      deleteBrowsers((other) => other.userId === userId && isReplaced(other));
      browsers.set(browser.id, { ...browser });
      return true;
    },

    async useToken({ id, userId, epoch, tokenHash, nextHash, grace, now }) {
      const browser = browsers.get(id);
      if (browser?.userId !== userId || browser.epoch !== epoch || browser.expiresAt <= now)
        return { kind: 'gone' };
      const { name, previousHash, lastUsedAt } = browser;
      if (browser.tokenHash === tokenHash) {
        Object.assign(browser, { tokenHash: nextHash, previousHash: tokenHash, lastUsedAt: now });
        return { kind: 'rotated', name };
      }
      if (previousHash === tokenHash && now - (lastUsedAt ?? 0) < grace) return { kind: 'recent', name };
      browsers.delete(id);
      return { kind: 'stolen', name };
    },

    async listTrustedBrowsers(userId) {
      return [...browsers.values()]
        .filter((browser) => browser.userId === userId)
        .sort((a, b) => b.createdAt - a.createdAt || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)))
        .map((browser) => ({ ...browser }));
    },

    async deleteTrustedBrowsers(userId, id) {
      return deleteBrowsers((browser) => browser.userId === userId && (id === null || browser.id === id));
    },

    async purgeTrustedBrowsers(now) {
      deleteBrowsers(({ userId, epoch, expiresAt }) => expiresAt <= now || accountOf(userId).epoch !== epoch);
    },

    async forget(userId) {
      const account = accountOf(userId);
      accounts.set(userId, account);
      disable(account);
    },

    async reset(userId) {
      const account = accountOf(userId);
      if (account.enabledAt === null) return undefined;
      disable(account);
      return account.epoch;
    },
    async inspect(clock, cap) {
      const maps = { accounts, authenticators, pendings, backupCodes, browsers };
      return {
        clockAhead: undefined,
        schema: { there: 0, known: 0 },
        tables: Object.entries(maps).map(([name, { size }]) => ({ name, rows: size })),
        records: inspectRecords(
          { accounts: [...accounts.values()], pendings: [...pendings.values()], sealed: listSealed() },
          clock(),
          cap,
        ),
      };
    },
  };
}

function freshLanes(): Account['lanes'] {
  return { totp: { failures: 0, delayedUntil: 0 }, 'backup-code': { failures: 0, delayedUntil: 0 } };
}

function matches(pending: Pending, key: PendingKey): boolean {
  return pending.purpose === key.purpose && pending.userId === key.userId && pending.epoch === key.epoch;
}

function countFailure(counter: LaneCounter, { limits: { delayFrom, delays }, now }: Attempt): void {
  counter.failures += 1;
  const rung = Math.min(counter.failures - delayFrom, delays.length - 1);
  const delay = delays[rung];
  if (delay !== undefined) counter.delayedUntil = now + delay;
}
