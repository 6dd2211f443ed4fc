import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Account, Authenticator, Pending, TrustedBrowser } from '../../src/model.js';
import { inspectRecords } from '../../src/storage/memory-inspection.js';
import type { NewBackupCodeSet, PendingKey, Storage } from '../../src/storage/storage.js';

interface UserRecord extends Account {
  authenticators: Authenticator[];
  backupCodes: { set: NewBackupCodeSet; createdAt: number; used: string[] } | null;
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

  const freshLanes = (): UserRecord['lanes'] => ({
    totp: { failures: 0, delayedUntil: 0 },
    'backup-code': { failures: 0, delayedUntil: 0 },
  });
  const findUser = async (userId: string): Promise<UserRecord> => {
    const nobody = {
      userId,
      enabledAt: null,
      epoch: 0,
      lanes: freshLanes(),
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
    Object.assign(user, { enabledAt: null, epoch: user.epoch + 1, lanes: freshLanes() });
    Object.assign(user, { authenticators: [], backupCodes: null });
    await deletePendings((pending) => pending.userId === user.userId);
    await deleteBrowsers((browser) => browser.userId === user.userId);
  }

  return {
    async migrate() {},
    async findAccount(userId) {
      const user = await users.find(userId);
      return user && { userId, enabledAt: user.enabledAt, epoch: user.epoch, lanes: user.lanes };
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
      return { id: set.id, userId, sealedKey: set.sealedKey, createdAt, total, left: total - used.length };
    },
    async raiseEpoch(userId) {
      const user = await findUser(userId);
      user.epoch += 1;
      await users.save(userId, user);
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
    async spendAttempt({ lane, limits, now, ...key }) {
      const user = await findUser(key.userId);
      const row = await pendings.find(key.handleHash);
      if (!row || !matches(row, key) || user.epoch !== key.epoch) return { kind: 'gone' };
      if (lane !== null && user.enabledAt === null) return { kind: 'gone' };
      if (row.completedAt !== null) return { kind: 'completed' };
      if (row.expiresAt <= now) return { kind: 'gone' };
      if (row.failures >= limits.perPending) return { kind: 'exhausted' };
      if (lane !== null) {
        const counter = user.lanes[lane];
        if (counter.failures >= limits.cap) return { kind: 'suspended' };
        if (now < counter.delayedUntil) return { kind: 'delayed', until: counter.delayedUntil };
        counter.failures += 1;
        const delay = limits.delays[Math.min(counter.failures - limits.delayFrom, limits.delays.length - 1)];
        if (delay !== undefined) counter.delayedUntil = now + delay;
        await users.save(key.userId, user);
      }
      row.failures += 1;
      await pendings.save(key.handleHash, row);
      return { kind: 'spent', left: limits.perPending - row.failures };
    },
    async accept({ proof, effect, now, ...key }) {
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
      } else {
        const codes = user.backupCodes;
        if (codes?.set.id !== proof.setId || !codes.set.codeHashes.includes(proof.codeHash)) return 'used';
        if (codes.used.includes(proof.codeHash)) return 'used';
        codes.used.push(proof.codeHash);
      }
      user.lanes[proof.lane] = { failures: 0, delayedUntil: 0 };
      if (key.purpose === 'login') await pendings.save(key.handleHash, { ...row, completedAt: now });
      else await pendings.delete(key.handleHash);
      if (effect === 'disable') await disable(user);
      await users.save(key.userId, user);
      return 'accepted';
    },
    async enable({ authenticator, backupCodes, proposal, now, ...key }) {
      const user = await findUser(key.userId);
      if (user.epoch !== key.epoch || user.enabledAt !== null) return undefined;
      if (!isLive(await pendings.find(key.handleHash), key, now)) return undefined;
      const others = (await users.list()).flatMap((other) => other.authenticators);
      if (others.some(({ id }) => id === authenticator.id)) throw new Error('Taken.');
      const epoch = user.epoch + 1;
      Object.assign(user, { enabledAt: now, epoch, lanes: freshLanes(), authenticators: [authenticator] });
      user.backupCodes = { set: backupCodes, createdAt: now, used: [] };
      await users.save(key.userId, user);
      await deletePendings((pending) => pending.userId === key.userId);
      await pendings.save(proposal.handleHash, { ...proposal, epoch });
      return epoch;
    },
    async renewBackupCodes({ backupCodes, now, ...key }) {
      const user = await findUser(key.userId);
      if (user.epoch !== key.epoch || user.enabledAt === null) return undefined;
      if (!isLive(await pendings.find(key.handleHash), key, now)) return undefined;
      user.epoch += 1;
      user.lanes['backup-code'] = { failures: 0, delayedUntil: 0 };
      user.backupCodes = { set: backupCodes, createdAt: now, used: [] };
      await users.save(key.userId, user);
      await deletePendings((pending) => pending.userId === key.userId);
      return user.epoch;
    },
    async addAuthenticator({ authenticator, replaces, most, now, ...key }) {
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
      if (replaces !== null) user.lanes.totp = { failures: 0, delayedUntil: 0 };
      await users.save(key.userId, user);
      await deletePendings((pending) => pending.userId === key.userId);
      return user.epoch;
    },
    async renameAuthenticator(userId, authenticatorId, name) {
      const user = await findUser(userId);
      const authenticator = user.authenticators.find(({ id }) => id === authenticatorId);
      if (!authenticator) return false;
      authenticator.name = name;
      await users.save(userId, user);
      return true;
    },
    async removeAuthenticator({ userId, epoch, authenticatorId }) {
      const user = await findUser(userId);
      if (user.epoch !== epoch || user.enabledAt === null) return undefined;
      const others = user.authenticators.filter(({ id }) => id !== authenticatorId);
      if (others.length === user.authenticators.length) return 'absent';
      if (others.length === 0) return 'last';
      Object.assign(user, { epoch: epoch + 1, authenticators: others });
      await users.save(userId, user);
      await deletePendings((pending) => pending.userId === userId);
      return user.epoch;
    },
    async trustBrowser(browser, replaces) {
      const { userId, epoch } = browser;
      const user = await findUser(userId);
      if (user.epoch !== epoch || user.enabledAt === null) return false;
      if (await browsers.find(browser.id)) throw new Error('Taken.');
      const isReplaced = (other: TrustedBrowser): boolean => other.epoch !== epoch || other.id === replaces;
      await deleteBrowsers((other) => other.userId === userId && isReplaced(other));
      await browsers.save(browser.id, browser);
      return true;
    },
    async useToken({ id, userId, epoch, tokenHash, nextHash, grace, now }) {
      const browser = await browsers.find(id);
      if (browser?.userId !== userId || browser.epoch !== epoch || browser.expiresAt <= now)
        return { kind: 'gone' };
      const { name, previousHash, lastUsedAt } = browser;
      if (browser.tokenHash === tokenHash) {
        const rotated = { tokenHash: nextHash, previousHash: tokenHash, lastUsedAt: now };
        await browsers.save(id, { ...browser, ...rotated });
        return { kind: 'rotated', name };
      }
      if (previousHash === tokenHash && now - (lastUsedAt ?? 0) < grace) return { kind: 'recent', name };
      await browsers.delete(id);
      return { kind: 'stolen', name };
    },
    async listTrustedBrowsers(userId) {
      return (await browsers.list())
        .filter((browser) => browser.userId === userId)
        .sort((a, b) => b.createdAt - a.createdAt || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
    },
    deleteTrustedBrowsers: (userId, id) =>
      deleteBrowsers((browser) => browser.userId === userId && (id === null || browser.id === id)),
    async purgeTrustedBrowsers(now) {
      const epochs = new Map((await users.list()).map((user) => [user.userId, user.epoch]));
      await deleteBrowsers(
        ({ userId, epoch, expiresAt }) => expiresAt <= now || epochs.get(userId) !== epoch,
      );
    },
    async forget(userId) {
      const user = await findUser(userId);
      await disable(user);
      await users.save(userId, user);
    },
    async reset(userId) {
      const user = await findUser(userId);
      if (user.enabledAt === null) return undefined;
      await disable(user);
      await users.save(userId, user);
      return user.epoch;
    },
    async inspect(clock, cap) {
      const [accounts, rows] = [await users.list(), await pendings.list()];
      const sealed = accounts.flatMap(({ userId, authenticators, backupCodes }) => [
        ...authenticators.map(
          ({ id, sealedSecret }) => ({ kind: 'authenticator', userId, id, sealed: sealedSecret }) as const,
        ),
        ...(backupCodes
          ? [
              {
                kind: 'backup-codes',
                userId,
                id: backupCodes.set.id,
                sealed: backupCodes.set.sealedKey,
              } as const,
            ]
          : []),
      ]);
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
