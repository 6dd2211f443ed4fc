import { sha256 } from '../crypto/hash.js';
import type { Pending, Purpose } from '../model.js';
import { PENDING_LIFETIME } from '../settings.js';
import type { PendingKey } from '../storage/storage.js';

/** The name of a pending row: the session holds the handle, storage only this hash of it. */
export function pendingKey(
  purpose: Purpose,
  session: { handle: string; userId: string; epoch: number },
): PendingKey {
  return {
    handleHash: hashHandle(purpose, session.handle),
    purpose,
    userId: session.userId,
    epoch: session.epoch,
  };
}

/** What storage knows of a handle. */
export function hashHandle(purpose: Purpose, handle: string): string {
  return sha256(`${purpose}:${handle}`);
}

/** A fresh pending row. */
export function makePending(key: PendingKey, payload: string | null, now: number): Pending {
  return {
    ...key,
    payload,
    failures: 0,
    createdAt: now,
    expiresAt: now + PENDING_LIFETIME,
    completedAt: null,
  };
}
