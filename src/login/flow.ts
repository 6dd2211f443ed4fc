import type { Journal } from '../audit/journal.js';
import { randomToken } from '../crypto/random.js';
import type { EventDetails } from '../events.js';
import type { Source } from '../http/source.js';
import { type Account, isOn, type Lane, type Method } from '../model.js';
import type { FirstFactor } from '../options.js';
import type { PolicyFlow } from '../policy/flow.js';
import type { Settings } from '../settings.js';
import type { PendingKey, Storage } from '../storage/storage.js';
import { loginKey, makePending, type Owner } from './pending.js';
import type { Stamp } from './stamp.js';

/** What the first factor has led to. */
export type Decision =
  /** The stamp has an `enrolBy` where the login goes on without a second factor that is required, in grace. */
  | { kind: 'complete'; stamp: Stamp }
  /** The second step, or, with `enrolBy`, a second factor that should have been set up by then. */
  | { kind: 'owed'; epoch: number; firstFactor: FirstFactor; enrolBy?: number };

/** What the host is asked about a login, where it matters. */
export interface Questions {
  /** Whether a login of somebody who has a second factor may go on without it. */
  isSkipped(account: Account): Promise<boolean>;
  /** Takes over what somebody who has none has in another system. @returns whether one was asked. */
  moveIn(): Promise<boolean>;
  /** Whether somebody who has none must have one. */
  isRequired(): Promise<boolean>;
}

/** A login that waits now. */
export interface Held {
  handle: string;
  epoch: number;
  expiresAt: number;
  firstFactorAt: number;
}

export type RevocationReason = EventDetails['sessions.revoked']['reason'];

export interface LoginFlow {
  /** Decides about a login after its first factor. One read, and one write where the policy asks for a second factor anew or one is taken over. */
  begin(userId: string, firstFactor: FirstFactor, questions: Questions): Promise<Decision>;
  /** Opens the pending login of somebody who owes the second step, or with `enrolBy` a second factor. One insert. */
  hold(userId: string, epoch: number, enrolBy?: number): Promise<Held>;
  /** Whether a stamp's epoch is its user's at this moment, and its impersonator's too, and no grace is over. One read for each. */
  isCurrent(stamp: Stamp): Promise<boolean>;
  /**
   * The same for letting a request in, and for nothing else: where epochs are cached, a cached one can say yes. That a stamp is dead
   * only SQL says: an epoch that is cached for too long must not end a login that is newer.
   */
  mayEnter(stamp: Stamp): Promise<boolean>;
  /** Whether a pending login can still be answered. */
  isLive(key: PendingKey): Promise<boolean>;
  /** Ends a pending login. @returns whether it was there: of parallel callers one is told so. */
  end(pending: PendingOwner): Promise<boolean>;
  /**
   * Ends every session and pending login of a user. A changed password also begins the budget of wrong answers anew.
   * @param epoch only where the user is at this one; `null` at whichever it is.
   * @returns the user's epoch from now on, or `undefined` where it was another one.
   */
  revoke(
    userId: string,
    epoch: number | null,
    reason: RevocationReason,
    source: Source,
  ): Promise<number | undefined>;
  hasSecondFactor(userId: string): Promise<boolean>;
  /** The kinds of code that this user can answer with: set up, or given by support, not suspended, not used up. Three reads. */
  usableLanes(userId: string): Promise<Lane[]>;
  /** The stamp with which a session from before the roll-out goes on; `undefined` where it must end. One read. */
  adopt(userId: string): Promise<Omit<Stamp, 'handle'> | undefined>;
  /** The stamp with which `actor` goes on as another user: nothing is proven in it. One read. */
  impersonate(actor: Stamp, userId: string): Promise<Stamp>;
  /** Writes down that `actor` goes on as another user. */
  noteImpersonation(actor: Stamp, userId: string, source: Source): Promise<void>;
}

/** Whose pending login, and of which kind. */
type PendingOwner = Owner & { enrolBy?: number | undefined };

export function makeStamp(
  userId: string,
  epoch: number,
  proofs: Partial<Record<Method, number>>,
  now: number,
  firstFactor?: FirstFactor,
): Stamp {
  return { userId, epoch, proofs, firstFactor, completedAt: now, handle: randomToken() };
}

export function createLoginFlow(
  { clock, enabled, epochs, limits }: Settings,
  storage: Storage,
  policy: PolicyFlow,
  journal: Journal,
): LoginFlow {
  const isInTime = ({ enrolBy = Infinity }: Stamp): boolean => clock() < enrolBy;
  const readEpoch: ReadEpoch = async (userId) => epochOf(await storage.findAccount(userId));

  return {
    async begin(userId, firstFactor, host) {
      const found = await storage.findAccount(userId);
      // What was turned off here is not to come back from there.
      const mayMoveIn = enabled && !isOn(found) && found?.wasOn !== true;
      // Read again whatever the answer was: an import may have come first, and have left nothing there.
      const account = mayMoveIn && (await host.moveIn()) ? await storage.findAccount(userId) : found;
      const epoch = epochOf(account);
      if (enabled && isOn(account) && !(await host.isSkipped(account)))
        return { kind: 'owed', epoch, firstFactor };
      const mustEnrol = !isOn(account) && (await host.isRequired());
      const enrolBy = mustEnrol ? await policy.findEnrolBy(userId, account) : undefined;
      const now = clock();
      if (enrolBy !== undefined && enrolBy <= now) return { kind: 'owed', epoch, firstFactor, enrolBy };
      const stamp = makeStamp(userId, epoch, { pwd: now }, now, firstFactor);
      return { kind: 'complete', stamp: { ...stamp, enrolBy } };
    },

    async hold(userId, epoch, enrolBy) {
      const now = clock();
      const handle = randomToken();
      const pending = makePending(loginKey({ handle, userId, epoch, enrolBy }), null, now);
      await storage.createPending(pending);
      return { handle, epoch, expiresAt: pending.expiresAt, firstFactorAt: now };
    },

    isCurrent: async (stamp) => isInTime(stamp) && agrees(stamp, readEpoch),

    async mayEnter(stamp) {
      if (!isInTime(stamp)) return false;
      const isKnown =
        epochs && (await agrees(stamp, (userId) => epochs.find(userId, () => readEpoch(userId))));
      return isKnown === true || agrees(stamp, readEpoch);
    },

    async isLive(key) {
      const pending = await storage.findPending(key.handleHash);
      return (
        pending?.completedAt === null &&
        pending.userId === key.userId &&
        pending.epoch === key.epoch &&
        pending.expiresAt > clock() &&
        pending.failures < limits.perPending
      );
    },

    end: (pending) => storage.deletePending(loginKey(pending).handleHash),

    async revoke(userId, epoch, reason, source) {
      const events = [journal.draft('sessions.revoked', userId, source, { reason })];
      const passwordChangedAt = reason === 'password-changed' ? clock() : null;
      const raised = await storage.raiseEpoch({ userId, epoch, passwordChangedAt, events });
      if (raised !== undefined) journal.publish(events);
      return raised;
    },

    async hasSecondFactor(userId) {
      return isOn(await storage.findAccount(userId));
    },

    async usableLanes(userId) {
      const [account, codes, supportCode] = await Promise.all([
        storage.findAccount(userId),
        storage.findBackupCodeSet(userId),
        storage.findSupportCode(userId),
      ]);
      if (!isOn(account) || account.suspectedAt !== null) return [];
      const isOpen = (lane: Lane): boolean => account.lanes[lane].failures < limits.cap;
      const isGiven = supportCode?.epoch === account.epoch && supportCode.expiresAt > clock();
      const hasCodes = isGiven || (codes !== undefined && codes.left > 0);
      return (['totp', 'backup-code'] as const).filter(
        (lane) => isOpen(lane) && (lane === 'totp' || hasCodes),
      );
    },

    async adopt(userId) {
      const account = await storage.findAccount(userId);
      // Above epoch 0 there was a change of password or factor, which the session may be older than.
      if (isOn(account) || epochOf(account) > 0) return undefined;
      // When its password was given nobody knows: long ago, so that it is no fresh proof.
      return { userId, epoch: 0, proofs: { pwd: 0 }, completedAt: clock() };
    },

    async impersonate({ userId: actor, epoch, enrolBy }, userId) {
      const target = epochOf(await storage.findAccount(userId));
      return { ...makeStamp(userId, target, {}, clock()), enrolBy, impersonator: { userId: actor, epoch } };
    },

    noteImpersonation: (actor, userId, source) =>
      journal.record([journal.draft('login.impersonated', userId, source, { actor: actor.userId })]),
  };
}

type ReadEpoch = (userId: string) => Promise<number>;

/** Whether a stamp is of these epochs: its user's, and its impersonator's where it has one. */
async function agrees({ userId, epoch, impersonator }: Stamp, read: ReadEpoch): Promise<boolean> {
  if ((await read(userId)) !== epoch) return false;
  return impersonator === undefined || (await read(impersonator.userId)) === impersonator.epoch;
}

function epochOf(account: Account | undefined): number {
  return account?.epoch ?? 0;
}
