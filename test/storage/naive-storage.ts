import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SecondFactorEvent } from '../../src/events.js';
import type { Account, Authenticator, LaneCounter, Pending, TrustedBrowser } from '../../src/model.js';
import { keyIdOf } from '../../src/crypto/key-ring.js';
import { inspectRecords } from '../../src/storage/memory/inspection.js';
import type { NewBackupCodeSet, PendingKey, SealedRecord, Storage } from '../../src/storage/storage.js';

interface UserRecord extends Account {
  passwordChangedAt: number;
  authenticators: Authenticator[];
  backupCodes: { set: NewBackupCodeSet; createdAt: number; used: Record<string, number> } | null;
}

/** A table as most code uses one: read a record, change it, write it back. */
export interface NaiveTable<Row> {
  find(id: string): Promise<Row | undefined>;
  save(id: string, row: Row): Promise<void>;
  delete(id: string): Promise<void>;
  list(): Promise<Row[]>;
}

/** Each access takes its time. */
class MemoryTable<Row> implements NaiveTable<Row> {
  readonly #rows = new Map<string, Row>();

  async find(id: string): Promise<Row | undefined> {
    const row = this.#rows.get(id);
    await nextTurn();
    return structuredClone(row);
  }

  async save(id: string, row: Row): Promise<void> {
    await nextTurn();
    this.#rows.set(id, structuredClone(row));
  }

  async delete(id: string): Promise<void> {
    await nextTurn();
    this.#rows.delete(id);
  }

  async list(): Promise<Row[]> {
    await nextTurn();
    return structuredClone([...this.#rows.values()]);
  }
}

/** Follows every rule of the interface for one caller at a time, and none for two: the contract must find out. */
export function naiveStorage(
  openTable: <Row>(name: string) => NaiveTable<Row> = () => new MemoryTable(),
): Storage {
  const users = openTable<UserRecord>('users');
  const pendings = openTable<Pending>('pendings');
  const browsers = openTable<TrustedBrowser>('browsers');
  const events = openTable<SecondFactorEvent>('events');
  const canaries = openTable<string>('canaries');

  const freshLane = (): LaneCounter => ({
    failures: 0,
    delayedUntil: 0,
    known: { failures: 0, delayedUntil: 0 },
  });
  const freshLanes = (): UserRecord['lanes'] => ({ totp: freshLane(), 'backup-code': freshLane() });
  const record = async (happened: readonly SecondFactorEvent[]): Promise<void> => {
    for (const event of happened) await events.save(event.id, event);
  };
  const isOlder = (a: Pick<SecondFactorEvent, 'at' | 'id'>, b: typeof a): boolean =>
    a.at < b.at || (a.at === b.at && Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)) < 0);
  const findUser = async (userId: string): Promise<UserRecord> => {
    const nobody = {
      userId,
      enabledAt: null,
      epoch: 0,
      lanes: freshLanes(),
      suspectedAt: null,
      enrolBy: null,
      wasOn: false,
      passwordChangedAt: 0,
      authenticators: [],
      backupCodes: null,
    };
    return (await users.find(userId)) ?? nobody;
  };
  const matches = (row: Pending, key: PendingKey): boolean =>
    row.purpose === key.purpose && row.userId === key.userId && row.epoch === key.epoch;
  const isLive = (row: Pending | undefined, key: PendingKey, now: number): row is Pending =>
    row !== undefined && matches(row, key) && row.completedAt === null && row.expiresAt > now;

  async function deletePendings(isDoomed: (pending: Pending) => boolean): Promise<number> {
    const doomed = (await pendings.list()).filter(isDoomed);
    for (const { handleHash } of doomed) await pendings.delete(handleHash);
    return doomed.length;
  }

  async function deleteBrowsers(isDoomed: (browser: TrustedBrowser) => boolean): Promise<number> {
    const doomed = (await browsers.list()).filter(isDoomed);
    for (const { id } of doomed) await browsers.delete(id);
    return doomed.length;
  }

  async function disable(user: UserRecord): Promise<void> {
    user.wasOn ||= user.enabledAt !== null;
    Object.assign(user, { enabledAt: null, epoch: user.epoch + 1, lanes: freshLanes() });
    Object.assign(user, { authenticators: [], backupCodes: null });
    await deletePendings((pending) => pending.userId === user.userId);
    await deleteBrowsers((browser) => browser.userId === user.userId);
  }

  async function listAllSealed(): Promise<SealedRecord[]> {
    return (await users.list()).flatMap(({ userId, authenticators, backupCodes }): SealedRecord[] => {
      const secrets = authenticators.map(
        ({ id, sealedSecret }) => ({ kind: 'authenticator', userId, id, sealed: sealedSecret }) as const,
      );
      if (!backupCodes) return secrets;
      const { id, sealedKey } = backupCodes.set;
      return [...secrets, { kind: 'backup-codes', userId, id, sealed: sealedKey }];
    });
  }

  return {
    async migrate() {},
    async findAccount(userId) {
      const user = await users.find(userId);
      if (!user) return undefined;
      const { enabledAt, epoch, lanes, suspectedAt, enrolBy, wasOn } = user;
      return { userId, enabledAt, epoch, lanes, suspectedAt, enrolBy, wasOn };
    },
    async listAuthenticators(userId) {
      const { authenticators } = await findUser(userId);
      return authenticators.sort(
        (a, b) => a.createdAt - b.createdAt || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)),
      );
    },
    async findBackupCodeSet(userId) {
      const { backupCodes } = await findUser(userId);
      if (!backupCodes) return undefined;
      const { set, createdAt, used } = backupCodes;
      const total = set.codeHashes.length;
      return {
        id: set.id,
        userId,
        sealedKey: set.sealedKey,
        createdAt,
        total,
        left: total - Object.keys(used).length,
        usedAt: Object.values(used).sort((a, b) => a - b),
      };
    },
    async raiseEpoch({ userId, epoch, passwordChangedAt, events: happened }) {
      const user = await findUser(userId);
      if (epoch !== null && user.epoch !== epoch) return undefined;
      user.epoch += 1;
      if (passwordChangedAt !== null) Object.assign(user, { passwordChangedAt, suspectedAt: null });
      await users.save(userId, user);
      await record(happened);
      const isStepUp = (pending: Pending): boolean =>
        pending.purpose === 'step-up' && pending.epoch === user.epoch - 1;
      const stepUps = (await pendings.list()).filter(
        (pending) => pending.userId === userId && isStepUp(pending),
      );
      await deletePendings((pending) => pending.userId === userId);
      for (const pending of stepUps)
        await pendings.save(pending.handleHash, { ...pending, epoch: user.epoch });
      return user.epoch;
    },
    async createPending(pending) {
      if (await pendings.find(pending.handleHash)) throw new Error('Taken.');
      await pendings.save(pending.handleHash, pending);
    },
    async openPending(pending, now) {
      const row = await pendings.find(pending.handleHash);
      if (row && row.expiresAt > now) {
        if (matches(row, pending)) return row;
        if (matches(row, { ...pending, epoch: row.epoch }) && row.epoch > pending.epoch)
          throw new Error('Late.');
      }
      await pendings.save(pending.handleHash, pending);
      return { ...pending };
    },
    findPending: (handleHash) => pendings.find(handleHash),
    async deletePending(handleHash) {
      const row = await pendings.find(handleHash);
      await pendings.delete(handleHash);
      return row !== undefined;
    },
    purgePending: (now) => deletePendings((pending) => pending.expiresAt <= now),
    async spendAttempt({ lane, isKnown, limits, now, event, ...key }) {
      const user = await findUser(key.userId);
      const row = await pendings.find(key.handleHash);
      if (!row || !matches(row, key) || user.epoch !== key.epoch) return { kind: 'gone' };
      if (lane !== null && user.enabledAt === null) return { kind: 'gone' };
      if (row.completedAt !== null) return { kind: 'completed' };
      if (row.expiresAt <= now) return { kind: 'gone' };
      if (row.failures >= limits.perPending) return { kind: 'exhausted' };
      if (await events.find(event.id)) throw new Error('Taken.');
      let [failures, answers] = [0, 0];
      if (lane !== null) {
        const since = Math.max(now - limits.budget.within, user.passwordChangedAt);
        const wrong = (await events.list()).filter(({ userId, kind, at }) => {
          return userId === key.userId && kind === 'answer.rejected' && at > since;
        });
        answers = wrong.length + 1;
        if (user.suspectedAt !== null || answers > limits.budget.answers) return { kind: 'suspected' };
        const counter = isKnown ? user.lanes[lane].known : user.lanes[lane];
        if (user.lanes[lane].failures >= limits.cap) return { kind: 'suspended' };
        if (now < counter.delayedUntil) return { kind: 'delayed', until: counter.delayedUntil };
        counter.failures += 1;
        if (isKnown) user.lanes[lane].failures += 1;
        const delay = limits.delays[Math.min(counter.failures - limits.delayFrom, limits.delays.length - 1)];
        if (delay !== undefined) counter.delayedUntil = now + delay;
        if (answers === limits.budget.answers) user.suspectedAt = now;
        failures = user.lanes[lane].failures;
        await users.save(key.userId, user);
      }
      row.failures += 1;
      await pendings.save(key.handleHash, row);
      await record([event]);
      return { kind: 'spent', left: limits.perPending - row.failures, failures, answers };
    },
    async accept({ proof, effect, now, events: happened, ...key }) {
      const user = await findUser(key.userId);
      if (user.epoch !== key.epoch || user.enabledAt === null) return 'gone';
      const row = await pendings.find(key.handleHash);
      if (!row) return key.purpose === 'step-up' ? 'completed' : 'gone';
      if (matches(row, key) && row.completedAt !== null) return 'completed';
      if (!isLive(row, key, now)) return 'gone';
      if (proof.lane === 'totp') {
        const authenticator = user.authenticators.find(({ id }) => id === proof.authenticatorId);
        if (!authenticator || authenticator.lastStep >= proof.step) return 'used';
        Object.assign(authenticator, { lastStep: proof.step, lastUsedAt: now });
      } else if ('supportCodeHash' in proof) {
        const code = await pendings.find(proof.supportCodeHash);
        if (!isLive(code, { ...key, purpose: 'support-code' }, now)) return 'used';
        await pendings.delete(proof.supportCodeHash);
      } else {
        const codes = user.backupCodes;
        if (codes?.set.id !== proof.setId || !codes.set.codeHashes.includes(proof.codeHash)) return 'used';
        if (proof.codeHash in codes.used) return 'used';
        codes.used[proof.codeHash] = now;
      }
      user.lanes[proof.lane] = freshLane();
      user.suspectedAt = null;
      if (key.purpose === 'login') await pendings.save(key.handleHash, { ...row, completedAt: now });
      else await pendings.delete(key.handleHash);
      if (effect === 'disable') await disable(user);
      await users.save(key.userId, user);
      await record(happened);
      return 'accepted';
    },
    async enable({ login, authenticator, backupCodes, proposal, now, events: happened, ...key }) {
      const user = await findUser(key.userId);
      if (user.epoch !== key.epoch || user.enabledAt !== null) return undefined;
      if (!isLive(await pendings.find(key.handleHash), key, now)) return undefined;
      if (login && !isLive(await pendings.find(login.handleHash), login, now)) return undefined;
      const others = (await users.list()).flatMap((other) => other.authenticators);
      if (others.some(({ id }) => id === authenticator.id)) throw new Error('Taken.');
      const epoch = user.epoch + 1;
      Object.assign(user, { enabledAt: now, epoch, lanes: freshLanes(), authenticators: [authenticator] });
      user.backupCodes = { set: backupCodes, createdAt: now, used: {} };
      await users.save(key.userId, user);
      await deletePendings((pending) => pending.userId === key.userId);
      await pendings.save(proposal.handleHash, { ...proposal, epoch });
      await record(happened);
      return epoch;
    },
    async importFactors(imports) {
      const outcomes: boolean[] = [];
      const taken = (await users.list()).flatMap(({ authenticators }) => authenticators.map(({ id }) => id));
      if (imports.some(({ authenticator }) => taken.includes(authenticator.id))) throw new Error('Taken.');
      for (const { userId, authenticator, backupCodes, now, events: happened } of imports) {
        const user = await findUser(userId);
        outcomes.push(user.enabledAt === null && !user.wasOn);
        if (!outcomes.at(-1)) continue;
        Object.assign(user, { enabledAt: now, epoch: user.epoch + 1, lanes: freshLanes() });
        user.authenticators = [authenticator];
        user.backupCodes = backupCodes && { set: backupCodes, createdAt: now, used: {} };
        await users.save(userId, user);
        await deletePendings((pending) => pending.userId === userId);
        await record(happened);
      }
      return outcomes;
    },
    async renewBackupCodes({ backupCodes, now, events: happened, ...key }) {
      const user = await findUser(key.userId);
      if (user.epoch !== key.epoch || user.enabledAt === null) return undefined;
      if (!isLive(await pendings.find(key.handleHash), key, now)) return undefined;
      user.epoch += 1;
      user.lanes['backup-code'] = freshLane();
      user.backupCodes = { set: backupCodes, createdAt: now, used: {} };
      await users.save(key.userId, user);
      await record(happened);
      await deletePendings((pending) => pending.userId === key.userId);
      return user.epoch;
    },
    async issueSupportCode({ pending, events: happened }) {
      const user = await findUser(pending.userId);
      if (user.epoch !== pending.epoch || user.enabledAt === null) return false;
      if (await pendings.find(pending.handleHash)) throw new Error('Taken.');
      user.lanes['backup-code'] = freshLane();
      await users.save(pending.userId, user);
      await deletePendings(({ userId, purpose }) => userId === pending.userId && purpose === pending.purpose);
      await pendings.save(pending.handleHash, pending);
      await record(happened);
      return true;
    },
    async findSupportCode(userId) {
      return (await pendings.list()).find(
        (pending) => pending.userId === userId && pending.purpose === 'support-code',
      );
    },
    async addAuthenticator({ authenticator, replaces, most, now, events: happened, ...key }) {
      const user = await findUser(key.userId);
      if (user.epoch !== key.epoch || user.enabledAt === null) return undefined;
      if (!isLive(await pendings.find(key.handleHash), key, now)) return undefined;
      const rest = user.authenticators.filter(({ id }) => id !== replaces);
      if (replaces !== null && rest.length === user.authenticators.length) return 'absent';
      if (rest.length >= most) return 'full';
      const others = (await users.list()).flatMap((other) => other.authenticators);
      if (others.some(({ id }) => id === authenticator.id)) throw new Error('Taken.');
      user.epoch += 1;
      user.authenticators = [...rest, authenticator];
      if (replaces !== null) user.lanes.totp = freshLane();
      await users.save(key.userId, user);
      await record(happened);
      await deletePendings((pending) => pending.userId === key.userId);
      return user.epoch;
    },
    async renameAuthenticator({ userId, authenticatorId, name, events: happened }) {
      const user = await findUser(userId);
      const authenticator = user.authenticators.find(({ id }) => id === authenticatorId);
      if (!authenticator) return false;
      authenticator.name = name;
      await users.save(userId, user);
      await record(happened);
      return true;
    },
    async removeAuthenticator({ userId, epoch, authenticatorId, events: happened }) {
      const user = await findUser(userId);
      if (user.epoch !== epoch || user.enabledAt === null) return undefined;
      const others = user.authenticators.filter(({ id }) => id !== authenticatorId);
      if (others.length === user.authenticators.length) return 'absent';
      if (others.length === 0) return 'last';
      Object.assign(user, { epoch: epoch + 1, authenticators: others });
      await users.save(userId, user);
      await record(happened);
      await deletePendings((pending) => pending.userId === userId);
      return user.epoch;
    },
    async trustBrowser({ browser, replaces, events: happened }) {
      const { userId, epoch } = browser;
      const user = await findUser(userId);
      if (user.epoch !== epoch || user.enabledAt === null) return false;
      if (await browsers.find(browser.id)) throw new Error('Taken.');
      const isReplaced = (other: TrustedBrowser): boolean => other.epoch !== epoch || other.id === replaces;
      await deleteBrowsers((other) => other.userId === userId && isReplaced(other));
      await browsers.save(browser.id, browser);
      await record(happened);
      return true;
    },
    async useToken({ id, userId, epoch, tokenHash, nextHash, grace, now, events: happened }) {
      const browser = await browsers.find(id);
      if (browser?.userId !== userId || browser.epoch !== epoch || browser.expiresAt <= now) return 'gone';
      const { previousHash, lastUsedAt } = browser;
      const isPresent = browser.tokenHash === tokenHash;
      const isRecent = previousHash === tokenHash && now - (lastUsedAt ?? 0) < grace;
      if (isPresent)
        await browsers.save(id, {
          ...browser,
          tokenHash: nextHash,
          previousHash: tokenHash,
          lastUsedAt: now,
        });
      else if (!isRecent) await browsers.delete(id);
      await record([isPresent || isRecent ? happened.trusted : happened.stolen]);
      if (isPresent) return 'rotated';
      return isRecent ? 'recent' : 'stolen';
    },
    async listTrustedBrowsers(userId) {
      return (await browsers.list())
        .filter((browser) => browser.userId === userId)
        .sort((a, b) => b.createdAt - a.createdAt || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
    },
    async deleteTrustedBrowsers({ userId, id, events: happened }) {
      const count = await deleteBrowsers(
        (browser) => browser.userId === userId && (id === null || browser.id === id),
      );
      if (count > 0) await record(happened);
      return count;
    },
    async purgeTrustedBrowsers(now) {
      const epochs = new Map((await users.list()).map((user) => [user.userId, user.epoch]));
      await deleteBrowsers(
        ({ userId, epoch, expiresAt }) => expiresAt <= now || epochs.get(userId) !== epoch,
      );
    },
    async setEnrolBy(userId, enrolBy) {
      const user = await findUser(userId);
      user.enrolBy = Math.min(user.enrolBy ?? enrolBy, enrolBy);
      await users.save(userId, user);
      return user.enrolBy;
    },
    async summarise(userIds) {
      const found = (await users.list()).filter(({ userId }) => userIds.includes(userId));
      return found.map(({ userId, enabledAt, enrolBy, authenticators, backupCodes }) => {
        const uses = [
          ...authenticators.flatMap(({ lastUsedAt }) => lastUsedAt ?? []),
          ...Object.values(backupCodes?.used ?? {}),
        ];
        return { userId, enabledAt, enrolBy, lastUsedAt: uses.length > 0 ? Math.max(...uses) : null };
      });
    },
    async forget(userId) {
      const user = await findUser(userId);
      await disable(user);
      Object.assign(user, { enrolBy: null, wasOn: false });
      await users.save(userId, user);
      const own = (await events.list()).filter((event) => event.userId === userId);
      for (const { id } of own) await events.delete(id);
    },
    async reset(userId, happened) {
      const user = await findUser(userId);
      if (user.enabledAt === null) return undefined;
      await disable(user);
      await users.save(userId, user);
      await record(happened);
      return user.epoch;
    },
    recordEvents: record,
    async listEvents(userId, limit, from) {
      return (await events.list())
        .filter((event) => event.userId === userId && (!from || isOlder(event, from)))
        .sort((a, b) => (isOlder(a, b) ? 1 : -1))
        .slice(0, limit);
    },
    async purgeEvents(before) {
      const old = (await events.list()).filter(({ at }) => at < before);
      for (const { id } of old) await events.delete(id);
      return old.length;
    },
    async listKeyIds() {
      return [...new Set((await listAllSealed()).map(({ sealed }) => keyIdOf(sealed)))];
    },
    async listSealed({ kind, keyId, after, limit }) {
      return (await listAllSealed())
        .filter((record) => record.kind === kind && keyIdOf(record.sealed) === keyId)
        .filter(({ id }) => after === null || Buffer.compare(Buffer.from(id), Buffer.from(after)) > 0)
        .sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)))
        .slice(0, limit);
    },
    async reseal(resealings) {
      let count = 0;
      for (const { kind, userId, id, sealed, fresh } of resealings) {
        const user = await findUser(userId);
        const authenticator = user.authenticators.find((each) => each.id === id);
        const set = user.backupCodes?.set;
        if (kind === 'authenticator' && authenticator?.sealedSecret === sealed)
          authenticator.sealedSecret = fresh;
        else if (kind === 'backup-codes' && set?.id === id && set.sealedKey === sealed) set.sealedKey = fresh;
        else continue;
        await users.save(userId, user);
        count += 1;
      }
      return count;
    },
    findCanary: (keyId) => canaries.find(keyId),
    async keepCanary(keyId, sealed) {
      const kept = (await canaries.find(keyId)) ?? sealed;
      await canaries.save(keyId, kept);
      return kept;
    },
    async inspect(clock, cap) {
      const [accounts, rows, sealed] = [await users.list(), await pendings.list(), await listAllSealed()];
      return {
        clockAhead: undefined,
        schema: { there: 0, known: 0 },
        tables: [
          { name: 'users', rows: accounts.length },
          { name: 'pendings', rows: rows.length },
        ],
        records: inspectRecords({ accounts, pendings: rows, sealed }, clock(), cap),
      };
    },
  };
}
