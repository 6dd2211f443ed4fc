import { keyIdOf } from '../crypto/key-ring.js';
import type { SecondFactorEvent } from '../events.js';
import type { Authenticator, BackupCodeSet, Pending, TrustedBrowser } from '../model.js';
import {
  type AccountRecord,
  countFailure,
  countWrongAnswers,
  freshLane,
  freshLanes,
  matches,
  refuseAttempt,
} from './memory-attempts.js';
import { inspectRecords } from './memory-inspection.js';
import type {
  Acceptance,
  EventCursor,
  FactorImport,
  NewBackupCodeSet,
  PendingKey,
  Resealing,
  SealedRecord,
  Storage,
} from './storage.js';

interface BackupCodeRecord extends Omit<BackupCodeSet, 'total' | 'left' | 'usedAt'> {
  /** Code hash to when it was used. */
  codes: Map<string, number | null>;
}

/** Keeps everything in this process, for tests and for trying out: a restart turns every second factor off. */
export function memoryStorage(): Storage {
  const accounts = new Map<string, AccountRecord>();
  const authenticators = new Map<string, Authenticator>();
  const pendings = new Map<string, Pending>();
  const backupCodes = new Map<string, BackupCodeRecord>();
  const browsers = new Map<string, TrustedBrowser>();
  const events = new Map<string, SecondFactorEvent>();
  const canaries = new Map<string, string>();

  const accountOf = (userId: string): AccountRecord =>
    accounts.get(userId) ?? {
      userId,
      enabledAt: null,
      epoch: 0,
      lanes: freshLanes(),
      suspectedAt: null,
      enrolBy: null,
      wasOn: false,
      passwordChangedAt: 0,
    };

  function record(happened: readonly SecondFactorEvent[]): void {
    for (const event of happened) events.set(event.id, structuredClone(event));
  }

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

  function findSupportCode(userId: string): Pending | undefined {
    return [...pendings.values()].find(
      (pending) => pending.userId === userId && pending.purpose === 'support-code',
    );
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

  function disable(account: AccountRecord): void {
    const { userId, epoch, enabledAt, wasOn } = account;
    Object.assign(account, { enabledAt: null, epoch: epoch + 1, lanes: freshLanes() });
    account.wasOn = wasOn || enabledAt !== null;
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
    const codes = new Map(codeHashes.map((hash) => [hash, null]));
    backupCodes.set(userId, { id, userId, sealedKey, createdAt: now, codes });
  }

  /** @returns how to use the proof, or `undefined` where it was used or never was this user's. */
  function prepareProof({ proof, userId, epoch, now }: Acceptance): (() => void) | undefined {
    if (proof.lane === 'totp') {
      const authenticator = authenticators.get(proof.authenticatorId);
      if (authenticator?.userId !== userId || authenticator.lastStep >= proof.step) return undefined;
      return () => Object.assign(authenticator, { lastStep: proof.step, lastUsedAt: now });
    }
    if ('supportCodeHash' in proof) {
      const handleHash = proof.supportCodeHash;
      if (!findLive({ handleHash, purpose: 'support-code', userId, epoch }, now)) return undefined;
      return () => pendings.delete(handleHash);
    }
    const set = backupCodes.get(userId);
    if (set?.id !== proof.setId || set.codes.get(proof.codeHash) !== null) return undefined;
    return () => set.codes.set(proof.codeHash, now);
  }

  function listSealed(): SealedRecord[] {
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

  /** @returns whether the record still was as it had been read. */
  function resealOne({ kind, userId, id, sealed, fresh }: Resealing): boolean {
    if (kind === 'authenticator') {
      const authenticator = authenticators.get(id);
      if (authenticator?.userId !== userId || authenticator.sealedSecret !== sealed) return false;
      authenticator.sealedSecret = fresh;
      return true;
    }
    const set = backupCodes.get(userId);
    if (set?.id !== id || set.sealedKey !== sealed) return false;
    set.sealedKey = fresh;
    return true;
  }

  // No verb awaits anything, so each is one step that no other caller can see half of.
  return {
    async migrate() {},

    async findAccount(userId) {
      const account = accounts.get(userId);
      if (!account) return undefined;
      const { enabledAt, epoch, lanes, suspectedAt, enrolBy, wasOn } = structuredClone(account);
      return { userId, enabledAt, epoch, lanes, suspectedAt, enrolBy, wasOn };
    },

    async listAuthenticators(userId) {
      return listOf(userId)
        .sort((a, b) => a.createdAt - b.createdAt || compareBytes(a.id, b.id))
        .map((authenticator) => ({ ...authenticator }));
    },

    async findBackupCodeSet(userId) {
      const record = backupCodes.get(userId);
      if (!record) return undefined;
      const { codes, ...set } = record;
      const usedAt = [...codes.values()].flatMap((at) => at ?? []).sort((a, b) => a - b);
      return { ...set, total: codes.size, left: codes.size - usedAt.length, usedAt };
    },

    async raiseEpoch({ userId, epoch, passwordChangedAt, events: happened }) {
      const account = accountOf(userId);
      if (epoch !== null && account.epoch !== epoch) return undefined;
      const stepUps = [...pendings.values()].filter(
        (pending) =>
          pending.userId === userId && pending.purpose === 'step-up' && pending.epoch === account.epoch,
      );
      account.epoch += 1;
      if (passwordChangedAt !== null) Object.assign(account, { passwordChangedAt, suspectedAt: null });
      accounts.set(userId, account);
      record(happened);
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
      const { lane, now, limits } = attempt;
      const account = accountOf(attempt.userId);
      const pending = pendings.get(attempt.handleHash);
      const wrongAnswers = countWrongAnswers(events.values(), account, attempt);
      const refusal = refuseAttempt(attempt, account, pending, wrongAnswers);
      if (refusal || !pending) return refusal ?? { kind: 'gone' };
      if (events.has(attempt.event.id)) throw new Error('There is an event with this id.');
      pending.failures += 1;
      record([attempt.event]);
      const left = limits.perPending - pending.failures;
      if (lane === null) return { kind: 'spent', left, failures: 0, answers: 0 };
      countFailure(account, lane, attempt);
      const answers = wrongAnswers + 1;
      if (answers === limits.budget.answers) account.suspectedAt = now;
      return { kind: 'spent', left, failures: account.lanes[lane].failures, answers };
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
      const applyProof = prepareProof(acceptance);
      if (!applyProof) return 'used';
      applyProof();
      account.lanes[proof.lane] = freshLane();
      account.suspectedAt = null;
      if (purpose === 'login') pending.completedAt = now;
      else pendings.delete(handleHash);
      if (acceptance.effect === 'disable') disable(account);
      record(acceptance.events);
      return 'accepted';
    },

    async enable(enabling) {
      const { userId, authenticator, proposal, now } = enabling;
      const account = accountOf(userId);
      if (account.epoch !== enabling.epoch || account.enabledAt !== null || !findLive(enabling, now))
        return undefined;
      if (enabling.login && !findLive(enabling.login, now)) return undefined;
      if (authenticators.has(authenticator.id)) throw new Error('There is an authenticator with this id.');
      const epoch = account.epoch + 1;
      const stale = pendings.get(proposal.handleHash);
      if (stale && stale.userId !== userId) throw new Error('There is a pending row with this handle.');
      deletePendingsOf(userId);
      insertPending({ ...proposal, epoch });
      accounts.set(userId, Object.assign(account, { enabledAt: now, epoch, lanes: freshLanes() }));
      authenticators.set(authenticator.id, { ...authenticator });
      setBackupCodes(userId, enabling.backupCodes, now);
      record(enabling.events);
      return epoch;
    },

    async importFactors(imports) {
      const isTaken = ({ authenticator }: FactorImport): boolean => authenticators.has(authenticator.id);
      if (imports.some(isTaken)) throw new Error('There is an authenticator with this id.');
      return imports.map(({ userId, authenticator, backupCodes: codes, now, events: happened }) => {
        const account = accountOf(userId);
        if (account.enabledAt !== null || account.wasOn) return false;
        Object.assign(account, { enabledAt: now, epoch: account.epoch + 1, lanes: freshLanes() });
        accounts.set(userId, account);
        deletePendingsOf(userId);
        authenticators.set(authenticator.id, { ...authenticator });
        if (codes) setBackupCodes(userId, codes, now);
        record(happened);
        return true;
      });
    },

    async renewBackupCodes(renewal) {
      const { userId, now } = renewal;
      const account = accountOf(userId);
      if (account.epoch !== renewal.epoch || account.enabledAt === null || !findLive(renewal, now))
        return undefined;
      account.epoch += 1;
      account.lanes['backup-code'] = freshLane();
      deletePendingsOf(userId);
      setBackupCodes(userId, renewal.backupCodes, now);
      record(renewal.events);
      return account.epoch;
    },

    async issueSupportCode({ pending, events: happened }) {
      const { userId, epoch } = pending;
      const account = accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return false;
      const earlier = findSupportCode(userId);
      insertPending(pending);
      if (earlier) pendings.delete(earlier.handleHash);
      account.lanes['backup-code'] = freshLane();
      record(happened);
      return true;
    },

    async findSupportCode(userId) {
      const pending = findSupportCode(userId);
      return pending && { ...pending };
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
        account.lanes.totp = freshLane();
      }
      authenticators.set(authenticator.id, { ...authenticator });
      record(adding.events);
      return account.epoch;
    },

    async renameAuthenticator({ userId, authenticatorId, name, events: happened }) {
      const authenticator = listOf(userId).find(({ id }) => id === authenticatorId);
      if (!authenticator) return false;
      authenticator.name = name;
      record(happened);
      return true;
    },

    async removeAuthenticator({ userId, epoch, authenticatorId, events: happened }) {
      const account = accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return undefined;
      const owned = listOf(userId);
      if (!owned.some(({ id }) => id === authenticatorId)) return 'absent';
      if (owned.length === 1) return 'last';
      account.epoch += 1;
      deletePendingsOf(userId);
      authenticators.delete(authenticatorId);
      record(happened);
      return account.epoch;
    },

    async trustBrowser({ browser, replaces, events: happened }) {
      const { userId, epoch } = browser;
      const account = accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return false;
      if (browsers.has(browser.id)) throw new Error('There is a trusted browser with this id.');
      const isReplaced = ({ id, epoch: then }: TrustedBrowser): boolean => then !== epoch || id === replaces;
      deleteBrowsers((other) => other.userId === userId && isReplaced(other));
      browsers.set(browser.id, { ...browser });
      record(happened);
      return true;
    },

    async useToken({ id, userId, epoch, tokenHash, nextHash, grace, now, events: happened }) {
      const browser = browsers.get(id);
      if (browser?.userId !== userId || browser.epoch !== epoch || browser.expiresAt <= now) return 'gone';
      const { previousHash, lastUsedAt } = browser;
      const isPresent = browser.tokenHash === tokenHash;
      const isRecent = previousHash === tokenHash && now - (lastUsedAt ?? 0) < grace;
      record([isPresent || isRecent ? happened.trusted : happened.stolen]);
      if (isPresent)
        Object.assign(browser, { tokenHash: nextHash, previousHash: tokenHash, lastUsedAt: now });
      if (isPresent || isRecent) return isPresent ? 'rotated' : 'recent';
      browsers.delete(id);
      return 'stolen';
    },

    async listTrustedBrowsers(userId) {
      return [...browsers.values()]
        .filter((browser) => browser.userId === userId)
        .sort((a, b) => b.createdAt - a.createdAt || compareBytes(a.id, b.id))
        .map((browser) => ({ ...browser }));
    },

    async deleteTrustedBrowsers({ userId, id, events: happened }) {
      const count = deleteBrowsers(
        (browser) => browser.userId === userId && (id === null || browser.id === id),
      );
      if (count > 0) record(happened);
      return count;
    },

    async purgeTrustedBrowsers(now) {
      deleteBrowsers(({ userId, epoch, expiresAt }) => expiresAt <= now || accountOf(userId).epoch !== epoch);
    },

    async setEnrolBy(userId, enrolBy) {
      const account = accountOf(userId);
      account.enrolBy = Math.min(account.enrolBy ?? enrolBy, enrolBy);
      accounts.set(userId, account);
      return account.enrolBy;
    },

    async summarise(userIds) {
      return userIds.flatMap((userId) => {
        const account = accounts.get(userId);
        if (!account) return [];
        const codes = backupCodes.get(userId)?.codes.values() ?? [];
        const used = [...listOf(userId).map(({ lastUsedAt }) => lastUsedAt), ...codes];
        const lastUsedAt = used.reduce((last, at) => (at !== null && at > (last ?? 0) ? at : last), null);
        const { enabledAt, enrolBy } = account;
        return [{ userId, enabledAt, enrolBy, lastUsedAt }];
      });
    },

    async forget(userId) {
      const account = accountOf(userId);
      accounts.set(userId, account);
      disable(account);
      Object.assign(account, { enrolBy: null, wasOn: false });
      for (const event of events.values()) if (event.userId === userId) events.delete(event.id);
    },

    async reset(userId, happened) {
      const account = accountOf(userId);
      if (account.enabledAt === null) return undefined;
      disable(account);
      record(happened);
      return account.epoch;
    },

    async recordEvents(happened) {
      record(happened);
    },

    async listEvents(userId, limit, from) {
      return [...events.values()]
        .filter((event) => event.userId === userId && (!from || isOlder(event, from)))
        .sort((a, b) => (isOlder(a, b) ? 1 : -1))
        .slice(0, limit)
        .map((event) => structuredClone(event));
    },

    async purgeEvents(before) {
      const old = [...events.values()].filter(({ at }) => at < before);
      for (const { id } of old) events.delete(id);
      return old.length;
    },

    async listKeyIds() {
      return [...new Set(listSealed().map(({ sealed }) => keyIdOf(sealed)))].slice(0, 1_000);
    },

    async listSealed({ kind, keyId, after, limit }) {
      return listSealed()
        .filter((sealed) => sealed.kind === kind && keyIdOf(sealed.sealed) === keyId)
        .filter(({ id }) => after === null || compareBytes(id, after) > 0)
        .sort((a, b) => compareBytes(a.id, b.id))
        .slice(0, limit);
    },

    async reseal(resealings) {
      return resealings.filter(resealOne).length;
    },

    async findCanary(keyId) {
      return canaries.get(keyId);
    },

    async keepCanary(keyId, sealed) {
      const kept = canaries.get(keyId) ?? sealed;
      canaries.set(keyId, kept);
      return kept;
    },

    async inspect(clock, cap) {
      const maps = { accounts, authenticators, pendings, backupCodes, browsers, events, canaries };
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

function isOlder(a: EventCursor, b: EventCursor): boolean {
  return a.at < b.at || (a.at === b.at && compareBytes(a.id, b.id) < 0);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
