import type { SecondFactorEvent } from '../../events.js';
import type {
  Account,
  Authenticator,
  BackupCodeSet,
  LaneCounter,
  Pending,
  TrustedBrowser,
} from '../../model.js';
import type { NewBackupCodeSet, PendingKey } from '../storage.js';

/** An account with what only the verbs look at. */
export interface AccountRecord extends Account {
  passwordChangedAt: number;
}

interface BackupCodeRecord extends Omit<BackupCodeSet, 'total' | 'left' | 'usedAt'> {
  /** Code hash to when it was used. */
  codes: Map<string, number | null>;
}

/** All records of one storage, and what several verbs do with them. */
export class Tables {
  readonly accounts = new Map<string, AccountRecord>();
  readonly authenticators = new Map<string, Authenticator>();
  readonly pendings = new Map<string, Pending>();
  readonly backupCodes = new Map<string, BackupCodeRecord>();
  readonly browsers = new Map<string, TrustedBrowser>();
  readonly events = new Map<string, SecondFactorEvent>();
  readonly canaries = new Map<string, string>();

  accountOf(userId: string): AccountRecord {
    return (
      this.accounts.get(userId) ?? {
        userId,
        enabledAt: null,
        epoch: 0,
        lanes: freshLanes(),
        suspectedAt: null,
        enrolBy: null,
        wasOn: false,
        passwordChangedAt: 0,
      }
    );
  }

  authenticatorsOf(userId: string): Authenticator[] {
    return [...this.authenticators.values()].filter((authenticator) => authenticator.userId === userId);
  }

  supportCodeOf(userId: string): Pending | undefined {
    return [...this.pendings.values()].find(
      (pending) => pending.userId === userId && pending.purpose === 'support-code',
    );
  }

  findLive(key: PendingKey, now: number): Pending | undefined {
    const pending = this.pendings.get(key.handleHash);
    return pending && matches(pending, key) && pending.expiresAt > now && pending.completedAt === null
      ? pending
      : undefined;
  }

  insertPending(pending: Pending): void {
    if (this.pendings.has(pending.handleHash)) throw new Error('There is a pending row with this handle.');
    this.pendings.set(pending.handleHash, { ...pending });
  }

  deletePendingsOf(userId: string): void {
    for (const pending of this.pendings.values()) {
      if (pending.userId === userId) this.pendings.delete(pending.handleHash);
    }
  }

  /** @returns how many they were. */
  deleteBrowsers(isDoomed: (browser: TrustedBrowser) => boolean): number {
    const doomed = [...this.browsers.values()].filter(isDoomed);
    for (const { id } of doomed) this.browsers.delete(id);
    return doomed.length;
  }

  setBackupCodes(userId: string, { id, sealedKey, codeHashes }: NewBackupCodeSet, now: number): void {
    const codes = new Map(codeHashes.map((hash) => [hash, null]));
    this.backupCodes.set(userId, { id, userId, sealedKey, createdAt: now, codes });
  }

  record(events: readonly SecondFactorEvent[]): void {
    for (const event of events) this.events.set(event.id, structuredClone(event));
  }

  disable(account: AccountRecord): void {
    const { userId, epoch, enabledAt, wasOn } = account;
    Object.assign(account, { enabledAt: null, epoch: epoch + 1, lanes: freshLanes() });
    account.wasOn = wasOn || enabledAt !== null;
    for (const { id } of this.authenticatorsOf(userId)) this.authenticators.delete(id);
    this.backupCodes.delete(userId);
    this.deleteBrowsers((browser) => browser.userId === userId);
    this.deletePendingsOf(userId);
  }
}

export function freshLanes(): Account['lanes'] {
  return { totp: freshLane(), 'backup-code': freshLane() };
}

export function freshLane(): LaneCounter {
  return { failures: 0, delayedUntil: 0, known: { failures: 0, delayedUntil: 0 } };
}

export function matches(pending: Pending, key: PendingKey): boolean {
  return pending.purpose === key.purpose && pending.userId === key.userId && pending.epoch === key.epoch;
}

export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
