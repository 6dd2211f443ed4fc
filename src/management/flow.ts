import type { Journal } from '../audit/journal.js';
import { generateCode } from '../backup-codes/code.js';
import { type FreshCodes, generateCodes, hashCodes } from '../backup-codes/code-set.js';
import { openProposal, sealProposal } from '../backup-codes/proposal.js';
import type { KeyRing } from '../crypto/key-ring.js';
import type { EventDetails, SecondFactorEvent } from '../events.js';
import type { Source } from '../http/source.js';
import { makePending, type Owner, pendingKey, supportCodeKey } from '../login/pending.js';
import { type Account, type Authenticator, type BackupCodeSet, isOn, type Lane } from '../model.js';
import type { Settings } from '../settings.js';
import type { EventCursor, Storage } from '../storage/storage.js';

/** What a person may see of their second factor; nothing secret. */
export interface Overview {
  /** Raised by every security change of the user; that of a user who never had a second factor nor a changed password is 0. */
  epoch: number;
  /** Milliseconds since the Unix epoch, as all times; `null` where there is none. */
  enabledAt: number | null;
  /** Until when one has to be set up, once the policy has asked for it; it stays afterwards. */
  enrolBy: number | null;
  /** In the order in which they were added. */
  authenticators: Omit<Authenticator, 'userId' | 'sealedSecret' | 'lastStep'>[];
  /** The set that works; `undefined` where there is none. */
  backupCodes: Pick<BackupCodeSet, 'left' | 'total' | 'createdAt' | 'usedAt'> | undefined;
  /** Whether codes of a kind are looked at now. */
  lanes: Record<Lane, LaneState>;
  /** When so many codes were wrong that logins wait for a changed password; `null` where they do not. */
  suspectedAt: number | null;
}

/** Whether codes of a kind are looked at: at once, from a time on (milliseconds since the Unix epoch), or not before a backup code or an administrator has helped. */
export type LaneState = { kind: 'open' } | { kind: 'delayed'; until: number } | { kind: 'suspended' };

export interface ReadableCodes {
  codes: string[];
  /** Whether they work already: the first codes do, a renewal only once it is saved. */
  areLive: boolean;
  expiresAt: number;
}

/** What has happened to a second factor, newest first. */
export interface Activity {
  events: SecondFactorEvent[];
  /** Where older ones begin; `undefined` where there are none. */
  next: EventCursor | undefined;
}

/** Events that a page of activity shows. */
const ACTIVITY_PAGE = 50;

/** `last`: the only one goes by turning off. `absent`: there is no such authenticator. */
export type Removal =
  { kind: 'removed'; epoch: number } | { kind: 'last' } | { kind: 'absent' } | { kind: 'expired' };

/** A code of the form of a backup code, to be shown once. `expired`: the account was changed in that moment. */
export type SupportCode =
  { kind: 'issued'; code: string; expiresAt: number } | { kind: 'not-enabled' | 'suspected' | 'expired' };

export interface ManagementFlow {
  overview(userId: string): Promise<Overview>;
  /** @param from where the page before has ended. */
  activity(userId: string, from?: EventCursor): Promise<Activity>;
  /** Proposes new backup codes to this owner; the old ones stay live until `saveCodes`. Parallel calls agree. */
  proposeCodes(owner: Owner): Promise<ReadableCodes>;
  /** The codes this owner may still read: its proposal until it is saved or 10 minutes old. */
  readCodes(owner: Owner): Promise<ReadableCodes | undefined>;
  /**
   * The person has saved the codes: a proposed set goes live in place of the old one, and the codes are never shown
   * again. @returns the user's epoch from now on, or `undefined` where there was no proposal (any more).
   */
  saveCodes(owner: Owner, source: Source): Promise<number | undefined>;
  /** @returns whether the user has such an authenticator. */
  rename(userId: string, authenticatorId: string, name: string, source: Source): Promise<boolean>;
  remove(owner: Omit<Owner, 'handle'>, authenticatorId: string, source: Source): Promise<Removal>;
  /**
   * Turns a second factor off without a proof, for an administrator. @param details who, and why. @returns whether there was one.
   */
  reset(userId: string, details: EventDetails['factor.reset'], source: Source): Promise<boolean>;
  /** Gives a code that stands in for a backup code once, in the place of an earlier one. @param lifetime in milliseconds. */
  issueSupportCode(
    userId: string,
    lifetime: number,
    details: Omit<EventDetails['support-code.issued'], 'expiresAt'>,
    source: Source,
  ): Promise<SupportCode>;
}

export function createManagementFlow(
  settings: Settings,
  storage: Storage,
  ring: KeyRing,
  journal: Journal,
): ManagementFlow {
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
        epoch: account?.epoch ?? 0,
        enabledAt: account?.enabledAt ?? null,
        enrolBy: account?.enrolBy ?? null,
        authenticators: authenticators.map(hideSecrets),
        backupCodes: set && {
          left: set.left,
          total: set.total,
          createdAt: set.createdAt,
          usedAt: set.usedAt,
        },
        lanes: { totp: judgeLane(account, 'totp'), 'backup-code': judgeLane(account, 'backup-code') },
        suspectedAt: account?.suspectedAt ?? null,
      };
    },

    async activity(userId, from) {
      const found = await storage.listEvents(userId, ACTIVITY_PAGE + 1, from);
      const events = found.slice(0, ACTIVITY_PAGE);
      return { events, next: found.length > ACTIVITY_PAGE ? events.at(-1) : undefined };
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

    async saveCodes(owner, source) {
      const fresh = await findProposal(owner);
      if (!fresh) return undefined;
      const key = pendingKey('backup-codes', owner);
      if (await isLiveSet(owner.userId, fresh.setId)) {
        // The first codes went live with the second factor itself.
        await storage.deletePending(key.handleHash);
        return owner.epoch;
      }
      const backupCodes = hashCodes(ring, owner.userId, fresh);
      const events = [journal.draft('backup-codes.renewed', owner.userId, source, {})];
      const epoch = await storage.renewBackupCodes({ ...key, backupCodes, now: clock(), events });
      if (epoch !== undefined) journal.publish(events);
      return epoch;
    },

    async rename(userId, authenticatorId, name, source) {
      const owned = await storage.listAuthenticators(userId);
      if (owned.some((authenticator) => authenticator.id === authenticatorId && authenticator.name === name))
        return true;
      const events = [journal.draft('authenticator.renamed', userId, source, { authenticator: name })];
      const isRenamed = await storage.renameAuthenticator({ userId, authenticatorId, name, events });
      if (isRenamed) journal.publish(events);
      return isRenamed;
    },

    async remove({ userId, epoch }, authenticatorId, source) {
      const owned = await storage.listAuthenticators(userId);
      const authenticator = owned.find(({ id }) => id === authenticatorId)?.name ?? '';
      const events = [journal.draft('authenticator.removed', userId, source, { authenticator })];
      const result = await storage.removeAuthenticator({ userId, epoch, authenticatorId, events });
      if (typeof result !== 'number') return { kind: result ?? 'expired' };
      journal.publish(events);
      return { kind: 'removed', epoch: result };
    },

    async reset(userId, details, source) {
      const events = [journal.draft('factor.reset', userId, source, details)];
      const epoch = await storage.reset(userId, events);
      if (epoch !== undefined) journal.publish(events);
      return epoch !== undefined;
    },

    async issueSupportCode(userId, lifetime, details, source) {
      const account = await storage.findAccount(userId);
      if (!isOn(account)) return { kind: 'not-enabled' };
      // It would die with the password that has to be changed first.
      if (account.suspectedAt !== null) return { kind: 'suspected' };
      const code = generateCode();
      const now = clock();
      const expiresAt = now + lifetime;
      const pending = { ...makePending(supportCodeKey(account, code), null, now), expiresAt };
      const events = [journal.draft('support-code.issued', userId, source, { ...details, expiresAt })];
      if (!(await storage.issueSupportCode({ pending, events }))) return { kind: 'expired' };
      journal.publish(events);
      return { kind: 'issued', code, expiresAt };
    },
  };
}

function hideSecrets(authenticator: Authenticator): Overview['authenticators'][number] {
  const { id, name, algorithm, digits, period, createdAt, lastUsedAt } = authenticator;
  return { id, name, algorithm, digits, period, createdAt, lastUsedAt };
}
