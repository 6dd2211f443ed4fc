import { ScureBase32Plugin } from '@otplib/plugin-base32-scure';
import { generateTOTP } from '@otplib/uri';
import type { TotpParameters } from '../model.js';

/** The secret as people type it: base32 without padding (RFC 4648 §6). */
export function encodeKey(secret: Uint8Array): string {
  return new ScureBase32Plugin().encode(secret, { padding: false });
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * Reads a secret in base32 as people and other systems write it: case, spaces, dashes and padding do not matter. Bits that are left
 * over at the end are dropped, as authenticator apps do.
 * @returns `undefined` where it is no base32.
 */
export function decodeKey(text: string): Buffer | undefined {
  const symbols = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  // One, three or six symbols over are of no whole byte: something is missing.
  if (symbols === '' || [1, 3, 6].includes(symbols.length % 8)) return undefined;
  const bytes: number[] = [];
  let [bits, value] = [0, 0];
  for (const symbol of symbols) {
    const digit = BASE32.indexOf(symbol);
    if (digit === -1) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((value >> (bits -= 8)) & 0xff);
  }
  return Buffer.from(bytes);
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
  return generateTOTP({ issuer, label: cleanLabel(label), secret: encodeKey(secret), ...parameters });
}

function cleanLabel(label: string): string {
  // Control characters, and halves of characters, which cannot be encoded.
  const clean = label
    .replace(/[\p{Cc}\p{Cs}]/gu, '')
    .replace(/:/g, '_')
    .trim();
  return clean === '' ? 'account' : [...clean].slice(0, 100).join('');
}

/** What a key URI says. */
export interface KeyUri {
  /** `''` where it is not named apart from the label. */
  issuer: string;
  /** `user` or `Issuer:user`. */
  label: string;
  /** Base32, unchecked; `''` where there is none. */
  secret: string;
  /** Unchecked; what it leaves out is left out. */
  parameters: Partial<TotpParameters>;
}

/** Reads what `buildKeyUri` writes, and others write. @returns `undefined` where its label cannot be decoded. */
export function readKeyUri(uri: URL): KeyUri | undefined {
  const label = decode(uri.pathname.replace(/^\//, ''));
  if (label === undefined) return undefined;
  const { searchParams: given } = uri;
  return {
    issuer: given.get('issuer') ?? '',
    label,
    secret: given.get('secret') ?? '',
    parameters: readParameters(given.get('algorithm'), given.get('digits'), given.get('period')),
  };
}

/** As text has them, unchecked; what is not there is left out. */
export function readParameters(
  algorithm: string | null | undefined,
  digits: string | null | undefined,
  period: string | null | undefined,
): Partial<TotpParameters> {
  const isGiven = (value: string | null | undefined): value is string => (value ?? '') !== '';
  return {
    ...(isGiven(algorithm) && { algorithm: readAlgorithm(algorithm) }),
    ...(isGiven(digits) && { digits: readNumber(digits) as TotpParameters['digits'] }),
    ...(isGiven(period) && { period: readNumber(period) }),
  };
}

/** `SHA1`, `SHA-256`, `HmacSHA512` are all in use. */
function readAlgorithm(text: string): TotpParameters['algorithm'] {
  return text.toLowerCase().replace(/^hmac/, '').replace(/[-_]/g, '') as TotpParameters['algorithm'];
}

function readNumber(text: string): number {
  return /^\d{1,4}$/.test(text.trim()) ? Number(text) : Number.NaN;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
