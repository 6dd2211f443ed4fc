import type { KeyRing } from '../crypto/key-ring.js';
import { randomSecret } from '../crypto/random.js';

/** 160 bits, the length of the HMAC's output (RFC 4226 §4 R6). */
export function generateSecret(): Buffer {
  return randomSecret(20);
}

/** A live authenticator's secret: sealed for this user and authenticator, and for no other state. */
export function sealSecret(ring: KeyRing, owner: { userId: string; id: string }, secret: Uint8Array): string {
  return ring.seal(secret, ['authenticator', owner.userId, owner.id]);
}

export function openSecret(
  ring: KeyRing,
  owner: { userId: string; id: string; sealedSecret: string },
): Buffer {
  return ring.open(owner.sealedSecret, ['authenticator', owner.userId, owner.id]);
}
