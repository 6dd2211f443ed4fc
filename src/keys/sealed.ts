import { keyContext } from '../backup-codes/code-set.js';
import type { KeyRing } from '../crypto/key-ring.js';
import type { Resealing, SealedRecord } from '../storage/storage.js';
import { secretContext } from '../totp/secret.js';

/** @throws SecondFactorError as `KeyRing.open`. */
export function openRecord(ring: KeyRing, record: SealedRecord): Buffer {
  return ring.open(record.sealed, contextOf(record));
}

/**
 * What is to stand in the place of a record's sealed value; `undefined` where the first key has sealed it already.
 * @throws SecondFactorError as `KeyRing.open`.
 */
export function resealRecord(ring: KeyRing, record: SealedRecord): Resealing | undefined {
  const fresh = ring.reseal(record.sealed, contextOf(record));
  return fresh === undefined ? undefined : { ...record, fresh };
}

export function opens(open: () => unknown): boolean {
  try {
    open();
    return true;
  } catch {
    return false;
  }
}

export function isKeyId(text: string): boolean {
  return /^[\w-]{1,32}$/.test(text);
}

/** What is no id may be a value that was never sealed, which nobody is to see. */
export function showKeyId(text: string): string {
  return isKeyId(text) ? text : '?';
}

/** Bound to the user and to the record, as when it was sealed first: what was moved does not open, and is not sealed anew. */
function contextOf({ kind, userId, id }: SealedRecord): string[] {
  return kind === 'authenticator' ? secretContext({ userId, id }) : keyContext(userId, id);
}
