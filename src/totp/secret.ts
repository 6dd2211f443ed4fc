import type { KeyRing } from '../crypto/key-ring.js';
import { randomSecret } from '../crypto/random.js';

/** 160 bits, the length of the HMAC's output (RFC 4226 §4 R6). */
export function generateSecret(): Buffer {
  return randomSecret(20);
}

interface Owner {
  userId: string;
  id: string;
}

/** A live authenticator's secret: sealed for this user and authenticator, and for no other state. */
export function sealSecret(ring: KeyRing, owner: Owner, secret: Uint8Array): string {
  return ring.seal(secret, secretContext(owner));
}

export function openSecret(ring: KeyRing, owner: Owner & { sealedSecret: string }): Buffer {
  return ring.open(owner.sealedSecret, secretContext(owner));
}

/** What a live authenticator's secret is bound to. */
export function secretContext({ userId, id }: Owner): string[] {
  return ['authenticator', userId, id];
}
