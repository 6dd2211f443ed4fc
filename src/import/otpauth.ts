import { readKeyUri } from '../totp/key-uri.js';
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
  // The last one: the column may be a name that somebody chose.
  const start = text.toLowerCase().lastIndexOf(`${scheme}://`);
  const column = text.slice(0, Math.max(0, start)).replace(/^\uFEFF/, '');
  const rest = text.slice(start).trim();
  if (start < 0 || !URL.canParse(rest)) return undefined;
  const uri = new URL(rest);
  if (column === '') return { user: undefined, uri };
  const end = Math.max(column.lastIndexOf(','), column.lastIndexOf('\t'));
  if (end === -1 || column.slice(end + 1).trim() !== '') return undefined;
  return { user: column.slice(0, end).trim(), uri };
}

/** What an entry says of whose it is and for which service; empty texts say nothing. */
interface Labelled {
  /** The leading column of its line. */
  column?: string | undefined;
  label: string;
  issuer: string;
}

/**
 * The user of an entry: the column where there is one, else that of its label, `user` or `Issuer:user`. Names may have colons too, so an
 * issuer is taken off only where it is known to be one.
 * @param wanted the issuer whose entries are taken; `undefined` for all.
 */
export function readUser(
  { column, label, issuer }: Labelled,
  wanted: string | undefined,
): { userId: string } | { reason: 'other-issuer' | 'label-ambiguous' } {
  const colon = label.indexOf(':');
  const prefix = colon === -1 ? '' : label.slice(0, colon).trim();
  if (wanted !== undefined && (issuer || prefix) !== wanted) return { reason: 'other-issuer' };
  if (column !== undefined) return { userId: column };
  if (colon === -1) return { userId: label.trim() };
  const known = issuer || wanted;
  if (known === undefined) return { reason: 'label-ambiguous' };
  return { userId: (prefix === known ? label.slice(colon + 1) : label).trim() };
}

function readUri(text: string, wanted: string | undefined): ImportRow {
  const parts = splitColumn(text, 'otpauth');
  if (!parts) return { reason: 'row-malformed' };
  const { user: column, uri } = parts;
  if (uri.host.toLowerCase() !== 'totp') return { reason: 'type-unsupported' };
  const read = readKeyUri(uri);
  if (!read) return { reason: 'row-malformed' };
  const { label, issuer, secret, parameters } = read;
  const owner = readUser({ column, label, issuer }, wanted);
  return 'reason' in owner ? owner : { ...owner, secret, ...parameters };
}
