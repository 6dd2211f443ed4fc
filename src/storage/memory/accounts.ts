import type { Storage } from '../storage.js';
import { compareBytes, type Tables } from './tables.js';

export function accountVerbs(tables: Tables) {
  return {
    async findAccount(userId) {
      const account = tables.accounts.get(userId);
      if (!account) return undefined;
      const { enabledAt, epoch, lanes, suspectedAt, enrolBy, wasOn } = structuredClone(account);
      return { userId, enabledAt, epoch, lanes, suspectedAt, enrolBy, wasOn };
    },

    async listAuthenticators(userId) {
      return tables
        .authenticatorsOf(userId)
        .sort((a, b) => a.createdAt - b.createdAt || compareBytes(a.id, b.id))
        .map((authenticator) => ({ ...authenticator }));
    },

    async findBackupCodeSet(userId) {
      const record = tables.backupCodes.get(userId);
      if (!record) return undefined;
      const { codes, ...set } = record;
      const usedAt = [...codes.values()].flatMap((at) => at ?? []).sort((a, b) => a - b);
      return { ...set, total: codes.size, left: codes.size - usedAt.length, usedAt };
    },

    async raiseEpoch({ userId, epoch, passwordChangedAt, events }) {
      const account = tables.accountOf(userId);
      if (epoch !== null && account.epoch !== epoch) return undefined;
      const stepUps = [...tables.pendings.values()].filter(
        (pending) =>
          pending.userId === userId && pending.purpose === 'step-up' && pending.epoch === account.epoch,
      );
      account.epoch += 1;
      if (passwordChangedAt !== null) Object.assign(account, { passwordChangedAt, suspectedAt: null });
      tables.accounts.set(userId, account);
      tables.record(events);
      tables.deletePendingsOf(userId);
      for (const pending of stepUps) tables.insertPending({ ...pending, epoch: account.epoch });
      return account.epoch;
    },

    async setEnrolBy(userId, enrolBy) {
      const account = tables.accountOf(userId);
      account.enrolBy = Math.min(account.enrolBy ?? enrolBy, enrolBy);
      tables.accounts.set(userId, account);
      return account.enrolBy;
    },

    async summarise(userIds) {
      return userIds.flatMap((userId) => {
        const account = tables.accounts.get(userId);
        if (!account) return [];
        const codes = tables.backupCodes.get(userId)?.codes.values() ?? [];
        const used = [...tables.authenticatorsOf(userId).map(({ lastUsedAt }) => lastUsedAt), ...codes];
        const lastUsedAt = used.reduce((last, at) => (at !== null && at > (last ?? 0) ? at : last), null);
        const { enabledAt, enrolBy } = account;
        return [{ userId, enabledAt, enrolBy, lastUsedAt }];
      });
    },
  } satisfies Partial<Storage>;
}
