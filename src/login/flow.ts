import { randomToken } from '../crypto/random.js';
import type { Account, Method } from '../model.js';
import type { Settings } from '../options.js';
import type { PendingKey, Storage } from '../storage/storage.js';
import { hashHandle, makePending, pendingKey } from './pending.js';
import type { Stamp } from './stamp.js';

/** What the first factor has led to. */
export type Decision =
  | { kind: 'complete'; stamp: Stamp }
  | { kind: 'hold'; handle: string; epoch: number; expiresAt: number; firstFactorAt: number };

export interface LoginFlow {
  /** Decides about a login after its first factor: one read, and one insert where it is held. */
  begin(userId: string): Promise<Decision>;
  /** Whether a stamp's epoch is its user's at this moment. One read. */
  isCurrent(stamp: Stamp): Promise<boolean>;
  /** Whether a pending login can still be answered. */
  isLive(key: PendingKey): Promise<boolean>;
  cancel(handle: string): Promise<void>;
  hasSecondFactor(userId: string): Promise<boolean>;
}

export function makeStamp(
  userId: string,
  epoch: number,
  proofs: Partial<Record<Method, number>>,
  now: number,
): Stamp {
  return { userId, epoch, proofs, completedAt: now, handle: randomToken() };
}

export function createLoginFlow(settings: Settings, storage: Storage): LoginFlow {
  const { clock, enabled } = settings;

  async function hold(account: Account): Promise<Decision> {
    const now = clock();
    const handle = randomToken();
    const { userId, epoch } = account;
    const pending = makePending(pendingKey('login', { handle, userId, epoch }), null, now);
    await storage.createPending(pending);
    return { kind: 'hold', handle, epoch, expiresAt: pending.expiresAt, firstFactorAt: now };
  }

  return {
    async begin(userId) {
      const account = await storage.findAccount(userId);
      if (enabled && account && account.enabledAt !== null) return hold(account);
      const now = clock();
      return { kind: 'complete', stamp: makeStamp(userId, account?.epoch ?? 0, { pwd: now }, now) };
    },

    async isCurrent(stamp) {
      const account = await storage.findAccount(stamp.userId);
      return (account?.epoch ?? 0) === stamp.epoch;
    },

    async isLive(key) {
      const pending = await storage.findPending(key.handleHash);
      return (
        pending?.completedAt === null &&
        pending.userId === key.userId &&
        pending.epoch === key.epoch &&
        pending.expiresAt > clock() &&
        pending.failures < settings.limits.perPending
      );
    },

    async cancel(handle) {
      await storage.deletePending(hashHandle('login', handle));
    },

    async hasSecondFactor(userId) {
      const account = await storage.findAccount(userId);
      return account !== undefined && account.enabledAt !== null;
    },
  };
}
