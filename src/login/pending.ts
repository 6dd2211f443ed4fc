import { sha256 } from '../crypto/hash.js';
import type { Pending, Purpose } from '../model.js';
import { PENDING_LIFETIME } from '../limits.js';
import type { PendingKey } from '../storage/storage.js';

/** Whose pending row: what a session and its stamp say, or a caller of the service. */
export interface Owner {
  userId: string;
  epoch: number;
  /** Random; who has it owns what waits under it. */
  handle: string;
}

/** The row of a login that waits: for an answer, or for a second factor to be set up. Neither can be used for the other. */
export function loginKey({ enrolBy, ...owner }: Owner & { enrolBy?: number | undefined }) {
  return enrolBy === undefined ? pendingKey('login', owner) : pendingKey('login-enrolment', owner);
}

/** The name of a pending row: the owner holds the handle, storage only this hash of it. */
export function pendingKey<P extends Purpose>(
  purpose: P,
  { userId, epoch, handle }: Owner,
): PendingKey & { purpose: P } {
  return { handleHash: hashHandle(purpose, handle), purpose, userId, epoch };
}

/** The row of a code that support has given to this user, which is its handle. */
export function supportCodeKey({ userId, epoch }: Omit<Owner, 'handle'>, code: string) {
  return pendingKey('support-code', { userId, epoch, handle: `${code}:${userId}` });
}

/** What storage knows of a handle. */
function hashHandle(purpose: Purpose, handle: string): string {
  return sha256(`${purpose}:${handle}`);
}

/** A fresh pending row. */
export function makePending<Key extends PendingKey>(
  key: Key,
  payload: string | null,
  now: number,
): Pending & Key {
  return {
    ...key,
    payload,
    failures: 0,
    createdAt: now,
    expiresAt: now + PENDING_LIFETIME,
    completedAt: null,
  };
}
