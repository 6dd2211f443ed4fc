import { generateURI, ScureBase32Plugin } from 'otplib';
import type { TotpParameters } from '../model.js';

/** The secret as people type it: base32 without padding (RFC 4648 §6). */
export function encodeKey(secret: Uint8Array): string {
  return new ScureBase32Plugin().encode(secret, { padding: false });
}

/** `ABCDEFGH` → `ABCD EFGH`: easier to type without losing one's place. */
export function groupKey(key: string): string {
  return key.replace(/(.{4})(?=.)/g, '$1 ');
}

/**
 * The `otpauth:` URI that authenticator apps read. A colon separates issuer and label, so the label's own are
 * replaced; the issuer has none (checked at start).
 */
export function buildKeyUri(
  issuer: string,
  label: string,
  secret: Uint8Array,
  parameters: TotpParameters,
): string {
  return generateURI({ issuer, label: cleanLabel(label), secret: encodeKey(secret), ...parameters });
}

function cleanLabel(label: string): string {
  // Control characters, and halves of characters, which cannot be encoded.
  const clean = label
    .replace(/[\p{Cc}\p{Cs}]/gu, '')
    .replace(/:/g, '_')
    .trim();
  return clean === '' ? 'account' : [...clean].slice(0, 100).join('');
}
