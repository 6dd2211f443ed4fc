import { type FreshCodes, generateCodes, hashCodes } from '../backup-codes/code-set.js';
import { openProposal, sealProposal } from '../backup-codes/proposal.js';
import type { KeyRing } from '../crypto/key-ring.js';
import { makePending, type Owner, pendingKey } from '../login/pending.js';
import type { Account, Authenticator, BackupCodeSet, Lane } from '../model.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';

/** What a person may see of their second factor; nothing secret. */
export interface Overview {
  enabledAt: number | null;
  authenticators: Omit<Authenticator, 'userId' | 'sealedSecret' | 'lastStep'>[];
  backupCodes: Pick<BackupCodeSet, 'left' | 'total' | 'createdAt'> | undefined;
  /** Whether codes of a kind are looked at now. */
  lanes: Record<Lane, LaneState>;
}

export type LaneState = { kind: 'open' } | { kind: 'delayed'; until: number } | { kind: 'suspended' };

export interface ReadableCodes {
  codes: string[];
  /** Whether they work already: the first codes do, a renewal only once it is saved. */
  areLive: boolean;
  expiresAt: number;
}

/** `last`: the only one goes by turning off. `absent`: there is no such authenticator. */
export type Removal =
  { kind: 'removed'; epoch: number } | { kind: 'last' } | { kind: 'absent' } | { kind: 'expired' };

export interface ManagementFlow {
  overview(userId: string): Promise<Overview>;
  /** Proposes new backup codes to this owner; the old ones stay live until `saveCodes`. Parallel calls agree. */
  proposeCodes(owner: Owner): Promise<ReadableCodes>;
  /** The codes this owner may still read: its proposal until it is saved or 10 minutes old. */
  readCodes(owner: Owner): Promise<ReadableCodes | undefined>;
  /**
   * The person has saved the codes: a proposed set goes live in place of the old one, and the codes are never shown
   * again. @returns the user's epoch from now on, or `undefined` where there was no proposal (any more).
   */
  saveCodes(owner: Owner): Promise<number | undefined>;
  /** @returns whether the user has such an authenticator. */
  rename(userId: string, authenticatorId: string, name: string): Promise<boolean>;
  remove(owner: Omit<Owner, 'handle'>, authenticatorId: string): Promise<Removal>;
  /** Turns a second factor off without a proof, for an administrator. @returns whether there was one. */
  reset(userId: string): Promise<boolean>;
}

export function createManagementFlow(settings: Settings, storage: Storage, ring: KeyRing): ManagementFlow {
  const { clock, limits } = settings;

  async function findProposal(owner: Owner): Promise<(FreshCodes & { expiresAt: number }) | undefined> {
    const pending = await storage.findPending(pendingKey('backup-codes', owner).handleHash);
    // A handle of another user's is a caller's mistake or an attack, and no broken storage.
    const isOwn = pending?.userId === owner.userId && pending.epoch === owner.epoch;
    if (!isOwn || pending.expiresAt <= clock()) return undefined;
    return { ...openProposal(ring, pending), expiresAt: pending.expiresAt };
  }

  async function isLiveSet(userId: string, setId: string): Promise<boolean> {
    const set = await storage.findBackupCodeSet(userId);
    return set?.id === setId;
  }

  function judgeLane(account: Account | undefined, lane: Lane): LaneState {
    const { failures, delayedUntil } = account?.lanes[lane] ?? { failures: 0, delayedUntil: 0 };
    if (failures >= limits.cap) return { kind: 'suspended' };
    return delayedUntil > clock() ? { kind: 'delayed', until: delayedUntil } : { kind: 'open' };
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
        authenticators: authenticators.map(hideSecrets),
        backupCodes: set && { left: set.left, total: set.total, createdAt: set.createdAt },
        lanes: { totp: judgeLane(account, 'totp'), 'backup-code': judgeLane(account, 'backup-code') },
      };
    },

    async proposeCodes(owner) {
      const now = clock();
      const key = pendingKey('backup-codes', owner);
      const sealed = sealProposal(ring, key, generateCodes());
      const pending = await storage.openPending(makePending(key, sealed, now), now);
      const { codes, setId } = openProposal(ring, pending);
      return { codes, areLive: await isLiveSet(owner.userId, setId), expiresAt: pending.expiresAt };
    },

    async readCodes(owner) {
      const fresh = await findProposal(owner);
      if (!fresh) return undefined;
      const { codes, setId, expiresAt } = fresh;
      return { codes, areLive: await isLiveSet(owner.userId, setId), expiresAt };
    },

    async saveCodes(owner) {
      const fresh = await findProposal(owner);
      if (!fresh) return undefined;
      const key = pendingKey('backup-codes', owner);
      if (await isLiveSet(owner.userId, fresh.setId)) {
        // The first codes went live with the second factor itself.
        await storage.deletePending(key.handleHash);
        return owner.epoch;
      }
      const backupCodes = hashCodes(ring, owner.userId, fresh);
      return storage.renewBackupCodes({ ...key, purpose: 'backup-codes', backupCodes, now: clock() });
    },

    rename: (userId, authenticatorId, name) => storage.renameAuthenticator(userId, authenticatorId, name),

    async remove({ userId, epoch }, authenticatorId) {
      const result = await storage.removeAuthenticator({ userId, epoch, authenticatorId });
      if (typeof result === 'number') return { kind: 'removed', epoch: result };
      return { kind: result ?? 'expired' };
    },

    reset: async (userId) => (await storage.reset(userId)) !== undefined,
  };
}

function hideSecrets(authenticator: Authenticator): Overview['authenticators'][number] {
  const { id, name, algorithm, digits, period, createdAt, lastUsedAt } = authenticator;
  return { id, name, algorithm, digits, period, createdAt, lastUsedAt };
}
