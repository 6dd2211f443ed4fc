import { type Chunks, readLines } from './lines.js';
import { readUser, splitColumn } from './otpauth.js';
import { readFields } from './protobuf.js';
import type { LegacyFactor } from '../options.js';
import type { ImportRow } from './record.js';

/** Fields of the messages `MigrationPayload` and `OtpParameters`, which the app writes; described by others, such as Aegis (`google_auth.proto`). */
const ENTRY = 1;
const [SECRET, NAME, ISSUER, ALGORITHM, DIGITS, TYPE] = [1, 2, 3, 4, 5, 6];

/** By the numbers of the export; 0 is "not said". */
const algorithms: readonly unknown[] = ['sha1', 'sha1', 'sha256', 'sha512', 'md5'];
const digitCounts: readonly unknown[] = [6, 6, 8];
const TOTP = 2;

/**
 * What "Transfer accounts" of Google Authenticator shows as QR codes, one URI a line: `otpauth-migration://offline?data=…`, with a leading
 * column as in a list of key URIs. Each may hold several entries; their period is 30 seconds.
 */
export async function* parseGoogle(
  chunks: Chunks,
  issuer?: string,
): AsyncGenerator<ImportRow, void, undefined> {
  for await (const { line, text } of readLines(chunks)) {
    if (text === undefined) yield { line, reason: 'row-too-long' };
    else for (const row of readExport(text, issuer)) yield { line, ...row };
  }
}

function readExport(text: string, issuer: string | undefined): ImportRow[] {
  const parts = splitColumn(text, 'otpauth-migration');
  // A plus sign that nobody has escaped was read as a space.
  const data = parts?.uri.searchParams.get('data')?.replaceAll(' ', '+') ?? '';
  if (!parts || !/^[\w+/-]+={0,2}$/.test(data)) return [{ reason: 'row-malformed' }];
  try {
    const entries = [...readFields(Buffer.from(data, 'base64'))].filter(({ number }) => number === ENTRY);
    const rows = entries.map(({ value }) => readEntry(asBytes(value), parts.user, issuer));
    return rows.length > 0 ? rows : [{ reason: 'row-malformed' }];
  } catch {
    return [{ reason: 'row-malformed' }];
  }
}

function readEntry(entry: Buffer, user: string | undefined, wanted: string | undefined): ImportRow {
  const fields = new Map([...readFields(entry)].map(({ number, value }) => [number, value]));
  const textOf = (number: number): string => asBytes(fields.get(number) ?? Buffer.alloc(0)).toString('utf8');
  const owner = readUser({ column: user, label: textOf(NAME), issuer: textOf(ISSUER) }, wanted);
  if ('reason' in owner) return owner;
  if (fields.get(TYPE) !== TOTP) return { reason: 'type-unsupported' };
  const pick = (list: readonly unknown[], number: number): unknown =>
    list[Number(fields.get(number) ?? 0)] ?? null;
  return {
    ...owner,
    secret: asBytes(fields.get(SECRET) ?? Buffer.alloc(0)),
    algorithm: pick(algorithms, ALGORITHM),
    digits: pick(digitCounts, DIGITS),
  } as LegacyFactor & { userId: string };
}

function asBytes(value: number | Buffer): Buffer {
  if (typeof value === 'number') throw new Error('A field is of another kind.');
  return value;
}
