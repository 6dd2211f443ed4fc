import type { Storage } from '../storage.js';
import { matches, type Tables } from './tables.js';

export function pendingVerbs(tables: Tables) {
  return {
    async createPending(pending) {
      tables.insertPending(pending);
    },

    async openPending(pending, now) {
      const existing = tables.pendings.get(pending.handleHash);
      if (existing && existing.expiresAt > now) {
        if (matches(existing, pending)) return { ...existing };
        if (matches(existing, { ...pending, epoch: existing.epoch }) && existing.epoch > pending.epoch)
          throw new Error('This handle has a row of a newer epoch.');
      }
      tables.pendings.set(pending.handleHash, { ...pending });
      return { ...pending };
    },

    async findPending(handleHash) {
      const pending = tables.pendings.get(handleHash);
      return pending && { ...pending };
    },

    async deletePending(handleHash) {
      return tables.pendings.delete(handleHash);
    },

    async purgePending(now) {
      const expired = [...tables.pendings.values()].filter((pending) => pending.expiresAt <= now);
      for (const pending of expired) tables.pendings.delete(pending.handleHash);
      return expired.length;
    },

    async findSupportCode(userId) {
      const pending = tables.supportCodeOf(userId);
      return pending && { ...pending };
    },
  } satisfies Partial<Storage>;
}
