import { hmacSha256, joinParts } from '../crypto/hash.js';
import type { KeyRing } from '../crypto/key-ring.js';
import { randomId, randomSecret } from '../crypto/random.js';
import { generateCode } from './code.js';

const CODES_PER_SET = 10;

/** Codes in clear, as a person is to see them once. */
export interface FreshCodes {
  setId: string;
  codes: string[];
}

export function generateCodes(): FreshCodes {
  return { setId: randomId(), codes: Array.from({ length: CODES_PER_SET }, generateCode) };
}

/** Hashes fresh codes under a key of their own, which is sealed for this user and set. */
export function hashCodes(
  ring: KeyRing,
  userId: string,
  fresh: FreshCodes,
): { id: string; sealedKey: string; codeHashes: string[] } {
  const key = randomSecret(32);
  return {
    id: fresh.setId,
    sealedKey: ring.seal(key, keyContext(userId, fresh.setId)),
    codeHashes: fresh.codes.map((code) => hashWith(key, userId, fresh.setId, code)),
  };
}

/** The hash under which a typed code stands in this user's set, if it is one of its codes. */
export function hashCode(
  ring: KeyRing,
  set: { id: string; userId: string; sealedKey: string },
  code: string,
): string {
  const key = ring.open(set.sealedKey, keyContext(set.userId, set.id));
  return hashWith(key, set.userId, set.id, code);
}

/** User and set are hashed too: a row that is copied to another user or set matches nothing. */
function hashWith(key: Uint8Array, userId: string, setId: string, code: string): string {
  return hmacSha256(key, joinParts([userId, setId, code]));
}

/** What the key of a set is bound to. */
export function keyContext(userId: string, setId: string): string[] {
  return ['backup-code-key', userId, setId];
}
