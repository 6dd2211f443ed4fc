import type { TotpParameters } from '../model.js';
import { type Chunks, readLines } from './lines.js';
import type { ImportRow } from './record.js';

/**
 * A list of key URIs, one a line: `otpauth://totp/Issuer:user?secret=…`, whose user is its label without the issuer; or with a leading
 * column, `user,otpauth://…` (comma or tab), which counts instead.
 */
export async function* parseOtpauth(
  chunks: Chunks,
  issuer?: string,
): AsyncGenerator<ImportRow, void, undefined> {
  for await (const { line, text } of readLines(chunks)) {
    if (text === undefined) yield { line, reason: 'row-too-long' };
    else yield { line, ...readUri(text, issuer) };
  }
}

/** What stands before a URI, and the URI; `undefined` where there is none. */
export function splitColumn(
  text: string,
  scheme: string,
): { user: string | undefined; uri: URL } | undefined {
  const start = text.search(new RegExp(`${scheme}://`, 'i'));
  const column = text.slice(0, Math.max(0, start)).replace(/^\uFEFF/, '');
  const rest = text.slice(start).trim();
  if (start < 0 || !URL.canParse(rest) || (column !== '' && !/[,\t]\s*$/.test(column))) return undefined;
  const user = column.replace(/[,\t]\s*$/, '').trim();
  return { user: column === '' ? undefined : user, uri: new URL(rest) };
}

/** `Issuer:user` → both; a label without a colon is a user's. */
export function splitLabel(label: string): { issuer: string | undefined; user: string } {
  const colon = label.indexOf(':');
  if (colon === -1) return { issuer: undefined, user: label.trim() };
  return { issuer: label.slice(0, colon).trim(), user: label.slice(colon + 1).trim() };
}

function readUri(text: string, wanted: string | undefined): ImportRow {
  const parts = splitColumn(text, 'otpauth');
  if (!parts) return { reason: 'row-malformed' };
  const { user, uri } = parts;
  if (uri.host.toLowerCase() !== 'totp') return { reason: 'type-unsupported' };
  const label = decode(uri.pathname.replace(/^\//, ''));
  if (label === undefined) return { reason: 'row-malformed' };
  const named = splitLabel(label);
  const { searchParams: given } = uri;
  if (wanted !== undefined && (given.get('issuer') ?? named.issuer) !== wanted)
    return { reason: 'other-issuer' };
  return {
    userId: user ?? named.user,
    secret: given.get('secret') ?? '',
    ...readParameters(given.get('algorithm'), given.get('digits'), given.get('period')),
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
