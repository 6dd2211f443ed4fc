import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

export function hmacSha256(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** Compares two texts without telling, by the time it takes, where they differ. */
export function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
}

/** Joins parts so that no two different lists give the same text. */
export function joinParts(parts: readonly string[]): string {
  return JSON.stringify(parts);
}
