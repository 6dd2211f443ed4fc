import { randomBytes } from 'node:crypto';

/** The one source of randomness. */
export function randomSecret(bytes: number): Buffer {
  return randomBytes(bytes);
}

/** An unguessable name of 256 bits, safe in URLs, cookies and columns. */
export function randomToken(): string {
  return randomSecret(32).toString('base64url');
}

/** A name that need not be secret, only unique: 128 bits. */
export function randomId(): string {
  return randomSecret(16).toString('base64url');
}
