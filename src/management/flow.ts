import { type FreshCodes, generateCodes, hashCodes } from '../backup-codes/code-set.js';
import { openProposal, sealProposal } from '../backup-codes/proposal.js';
import type { KeyRing } from '../crypto/key-ring.js';
import { makePending, pendingKey } from '../login/pending.js';
import type { Stamp } from '../login/stamp.js';
import type { Authenticator, BackupCodeSet } from '../model.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';

/** What a person may see of their second factor; nothing secret. */
export interface Overview {
  enabledAt: number | null;
  authenticators: Pick<Authenticator, 'name' | 'createdAt' | 'lastUsedAt'>[];
  backupCodes: Pick<BackupCodeSet, 'left' | 'total'> | undefined;
}

export interface ReadableCodes {
  codes: string[];
  /** Whether they work already: the first codes do, a renewal only once it is saved. */
  areLive: boolean;
}

export interface ManagementFlow {
  overview(userId: string): Promise<Overview>;
  /** Proposes new backup codes to this session; the old ones stay live until `saveCodes`. Parallel calls agree. */
  proposeCodes(stamp: Stamp): Promise<void>;
  /** The codes this session may still read: its proposal until it is saved or 10 minutes old. */
  readCodes(stamp: Stamp): Promise<ReadableCodes | undefined>;
  /**
   * The person has saved the codes: a proposed set goes live in place of the old one, and the codes are never shown
   * again. @returns the user's epoch from now on, or `undefined` where there was no proposal (any more).
   */
  saveCodes(stamp: Stamp): Promise<number | undefined>;
}

export function createManagementFlow(settings: Settings, storage: Storage, ring: KeyRing): ManagementFlow {
  const { clock } = settings;

  async function findProposal(stamp: Stamp): Promise<FreshCodes | undefined> {
    const pending = await storage.findPending(pendingKey('backup-codes', stamp).handleHash);
    const isLive = pending !== undefined && pending.expiresAt > clock() && pending.epoch === stamp.epoch;
    return isLive ? openProposal(ring, pending) : undefined;
  }

  async function isLiveSet(userId: string, setId: string): Promise<boolean> {
    const set = await storage.findBackupCodeSet(userId);
    return set?.id === setId;
  }

  return {
    async overview(userId) {
      const [account, authenticators, set] = await Promise.all([
        storage.findAccount(userId),
        storage.listAuthenticators(userId),
        storage.findBackupCodeSet(userId),
      ]);
      return {
        enabledAt: account?.enabledAt ?? null,
        authenticators: authenticators.map(({ name, createdAt, lastUsedAt }) => ({
          name,
          createdAt,
          lastUsedAt,
        })),
        backupCodes: set && { left: set.left, total: set.total },
      };
    },

    async proposeCodes(stamp) {
      const now = clock();
      const key = pendingKey('backup-codes', stamp);
      const sealed = sealProposal(ring, key, generateCodes());
      await storage.openPending(makePending(key, sealed, now), now);
    },

    async readCodes(stamp) {
      const fresh = await findProposal(stamp);
      return fresh && { codes: fresh.codes, areLive: await isLiveSet(stamp.userId, fresh.setId) };
    },

    async saveCodes(stamp) {
      const fresh = await findProposal(stamp);
      if (!fresh) return undefined;
      const key = pendingKey('backup-codes', stamp);
      if (await isLiveSet(stamp.userId, fresh.setId)) {
        // The first codes went live with the second factor itself.
        await storage.deletePending(key.handleHash);
        return stamp.epoch;
      }
      const backupCodes = hashCodes(ring, stamp.userId, fresh);
      return storage.renewBackupCodes({ ...key, purpose: 'backup-codes', backupCodes, now: clock() });
    },
  };
}
