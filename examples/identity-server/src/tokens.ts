import { createHash, randomBytes } from 'node:crypto';

/** A text that nobody guesses: 256 random bits, fit for an address, a cookie and a header. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a token. A plain hash is enough where nobody could try all inputs; passwords need another one. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
