import type { FactorImport, Storage } from '../storage.js';
import { freshLane, freshLanes, type Tables } from './tables.js';

export function changeVerbs(tables: Tables) {
  return {
    async enable(enabling) {
      const { userId, authenticator, proposal, now } = enabling;
      const account = tables.accountOf(userId);
      if (account.epoch !== enabling.epoch || account.enabledAt !== null || !tables.findLive(enabling, now))
        return undefined;
      if (enabling.login && !tables.findLive(enabling.login, now)) return undefined;
      if (tables.authenticators.has(authenticator.id))
        throw new Error('There is an authenticator with this id.');
      const epoch = account.epoch + 1;
      const stale = tables.pendings.get(proposal.handleHash);
      if (stale && stale.userId !== userId) throw new Error('There is a pending row with this handle.');
      tables.deletePendingsOf(userId);
      tables.insertPending({ ...proposal, epoch });
      tables.accounts.set(userId, Object.assign(account, { enabledAt: now, epoch, lanes: freshLanes() }));
      tables.authenticators.set(authenticator.id, { ...authenticator });
      tables.setBackupCodes(userId, enabling.backupCodes, now);
      tables.record(enabling.events);
      return epoch;
    },

    async importFactors(imports) {
      const isTaken = ({ authenticator }: FactorImport): boolean =>
        tables.authenticators.has(authenticator.id);
      if (imports.some(isTaken)) throw new Error('There is an authenticator with this id.');
      return imports.map(({ userId, authenticator, backupCodes, now, events }) => {
        const account = tables.accountOf(userId);
        if (account.enabledAt !== null || account.wasOn) return false;
        Object.assign(account, { enabledAt: now, epoch: account.epoch + 1, lanes: freshLanes() });
        tables.accounts.set(userId, account);
        tables.deletePendingsOf(userId);
        tables.authenticators.set(authenticator.id, { ...authenticator });
        if (backupCodes) tables.setBackupCodes(userId, backupCodes, now);
        tables.record(events);
        return true;
      });
    },

    async renewBackupCodes(renewal) {
      const { userId, now } = renewal;
      const account = tables.accountOf(userId);
      if (account.epoch !== renewal.epoch || account.enabledAt === null || !tables.findLive(renewal, now))
        return undefined;
      account.epoch += 1;
      account.lanes['backup-code'] = freshLane();
      tables.deletePendingsOf(userId);
      tables.setBackupCodes(userId, renewal.backupCodes, now);
      tables.record(renewal.events);
      return account.epoch;
    },

    async issueSupportCode({ pending, events }) {
      const { userId, epoch } = pending;
      const account = tables.accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return false;
      const earlier = tables.supportCodeOf(userId);
      tables.insertPending(pending);
      if (earlier) tables.pendings.delete(earlier.handleHash);
      account.lanes['backup-code'] = freshLane();
      tables.record(events);
      return true;
    },

    async addAuthenticator(adding) {
      const { userId, authenticator, now } = adding;
      const account = tables.accountOf(userId);
      if (account.epoch !== adding.epoch || account.enabledAt === null || !tables.findLive(adding, now))
        return undefined;
      const { replaces } = adding;
      const others = tables.authenticatorsOf(userId).filter(({ id }) => id !== replaces);
      if (replaces !== null && others.length === tables.authenticatorsOf(userId).length) return 'absent';
      if (others.length >= adding.most) return 'full';
      if (tables.authenticators.has(authenticator.id))
        throw new Error('There is an authenticator with this id.');
      account.epoch += 1;
      tables.deletePendingsOf(userId);
      if (replaces !== null) {
        tables.authenticators.delete(replaces);
        account.lanes.totp = freshLane();
      }
      tables.authenticators.set(authenticator.id, { ...authenticator });
      tables.record(adding.events);
      return account.epoch;
    },

    async renameAuthenticator({ userId, authenticatorId, name, events }) {
      const authenticator = tables.authenticatorsOf(userId).find(({ id }) => id === authenticatorId);
      if (!authenticator) return false;
      authenticator.name = name;
      tables.record(events);
      return true;
    },

    async removeAuthenticator({ userId, epoch, authenticatorId, events }) {
      const account = tables.accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return undefined;
      const owned = tables.authenticatorsOf(userId);
      if (!owned.some(({ id }) => id === authenticatorId)) return 'absent';
      if (owned.length === 1) return 'last';
      account.epoch += 1;
      tables.deletePendingsOf(userId);
      tables.authenticators.delete(authenticatorId);
      tables.record(events);
      return account.epoch;
    },

    async reset(userId, events) {
      const account = tables.accountOf(userId);
      if (account.enabledAt === null) return undefined;
      tables.disable(account);
      tables.record(events);
      return account.epoch;
    },

    async forget(userId) {
      const account = tables.accountOf(userId);
      tables.accounts.set(userId, account);
      tables.disable(account);
      Object.assign(account, { enrolBy: null, wasOn: false });
      for (const event of tables.events.values()) if (event.userId === userId) tables.events.delete(event.id);
    },
  } satisfies Partial<Storage>;
}
