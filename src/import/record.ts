import { type Authenticator, isUserId, type TotpParameters } from '../model.js';
import type { LegacyFactor, LegacyRules } from '../options.js';
import { parseCode } from '../backup-codes/code.js';
import { decodeKey } from '../totp/key-uri.js';
import { defaultParameters } from '../totp/match-step.js';
import { cleanName, DEFAULT_NAME } from '../totp/name.js';

/** A second factor, and whose it is. */
export interface ImportRecord extends LegacyFactor {
  userId: string;
  /** Where it stands in a file; comes back in the result. */
  line?: number;
}

/** Something that was to be a record. */
export interface RefusedRow {
  line?: number;
  reason: RefusedReason;
}

/** A row to take over, or one that the reader of a file could make nothing of: its answer is the refusal. */
export type ImportRow = ImportRecord | RefusedRow;

/** Why a row is not taken over, in a sentence for a person. Nothing of the row is repeated in it: it could be a secret. */
export const refusedReasons = {
  'row-malformed': 'this is no row of this format',
  'row-too-long': 'the row is longer than 64 KiB',
  'user-invalid':
    'it names no user, one by more than 255 bytes, with white space at an end, or in a file that is not UTF-8',
  'label-ambiguous':
    'nobody says whether what stands before the colon is the issuer: name yours with --issuer',
  'secret-invalid': 'the secret is missing or no base32',
  'secret-short': 'the secret has less than 128 bits (RFC 4226 asks for that)',
  'secret-too-short': 'the secret has less than 80 bits',
  'secret-long': 'the secret has more than 512 bits',
  'type-unsupported': 'it is no TOTP: codes by counter (HOTP), Steam and others cannot be taken over',
  'algorithm-unsupported': 'the algorithm is none of SHA1, SHA256, SHA512',
  'digits-unsupported': 'its codes have neither 6 nor 8 digits',
  'period-unsupported': 'its codes do not change each 15 to 120 seconds',
  'other-issuer': 'it is of another issuer',
} as const;

/**
 * Why a row is not taken over; docs/migration.md says each in a sentence.
 * @useDeclaredType
 */
export type RefusedReason = keyof typeof refusedReasons;

/** A record that can be taken over, complete. */
export interface CheckedFactor extends TotpParameters, Pick<Authenticator, 'name'> {
  secret: Uint8Array;
  /** Upper-case symbols; `null` for none that work here. */
  backupCodes: string[] | null;
}

const [MIN_PERIOD, MAX_PERIOD] = [15, 120];

/** Symbols, white space and padding of a secret: before anything looks at each of them. */
const LONGEST_TEXT = 1_024;

/** Most backup codes of one user. */
const MOST_CODES = 100;

/** @returns the record, or why it cannot be taken over. */
export function checkRecord(record: ImportRecord, rules: LegacyRules): CheckedFactor | RefusedReason {
  const { userId } = record;
  // Of a damaged id nobody would know whose it was, and the user would be without a second factor.
  const isDamaged = !isUserId(userId) || userId !== userId.trim() || userId.includes('\uFFFD');
  return isDamaged ? 'user-invalid' : checkFactor(record, rules);
}

/** Nothing of it is trusted: it comes from files and from the host's tables. */
export function checkFactor(factor: LegacyFactor, rules: LegacyRules): CheckedFactor | RefusedReason {
  const { algorithm, digits, period } = { ...defaultParameters, ...defined(factor) };
  if (typeof factor.secret === 'string' && factor.secret.length > LONGEST_TEXT) return 'secret-long';
  const secret = readSecret(factor.secret);
  if (!secret) return 'secret-invalid';
  if (secret.length < 10) return 'secret-too-short';
  if (secret.length < 16 && rules.allowShortSecrets !== true) return 'secret-short';
  if (secret.length > 64) return 'secret-long';
  if (!['sha1', 'sha256', 'sha512'].includes(algorithm)) return 'algorithm-unsupported';
  if (![6, 8].includes(digits)) return 'digits-unsupported';
  if (!Number.isInteger(period) || period < MIN_PERIOD || period > MAX_PERIOD) return 'period-unsupported';
  const name = (typeof factor.name === 'string' ? cleanName(factor.name) : undefined) ?? DEFAULT_NAME;
  return { secret, algorithm, digits, period, name, backupCodes: readCodes(factor.backupCodes) };
}

function readSecret(secret: unknown): Uint8Array | undefined {
  if (typeof secret === 'string') return decodeKey(secret);
  return secret instanceof Uint8Array ? secret : undefined;
}

/** Ours, and all of them: with half a set its owner could not know which still work. */
function readCodes(codes: readonly unknown[] | undefined): string[] | null {
  if (!Array.isArray(codes) || codes.length === 0 || codes.length > MOST_CODES) return null;
  const parsed = codes.map((code: unknown) => (typeof code === 'string' ? parseCode(code) : undefined));
  const ours = parsed.flatMap((result) => (result?.kind === 'code' ? result.code : []));
  return ours.length === codes.length ? [...new Set(ours)] : null;
}

/** What is there and `undefined` is not there. */
function defined({ algorithm, digits, period }: Partial<TotpParameters>): Partial<TotpParameters> {
  return {
    ...(algorithm !== undefined && { algorithm }),
    ...(digits !== undefined && { digits }),
    ...(period !== undefined && { period }),
  };
}
