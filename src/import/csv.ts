import { SecondFactorError } from '../errors.js';
import { readParameters } from '../totp/key-uri.js';
import { type Chunks, readLines } from './lines.js';
import type { ImportRow } from './record.js';

const columns = ['user_id', 'secret', 'name', 'algorithm', 'digits', 'period', 'backup_codes'] as const;

type Column = (typeof columns)[number];

/**
 * CSV (RFC 4180, one row a line) with a line of headings: `user_id` and `secret` (base32), and any of `name`, `algorithm`, `digits`,
 * `period`, `backup_codes` (separated by spaces), in any order.
 * @throws SecondFactorError `configuration-invalid` where the headings are wrong: without them, columns that are swapped would be
 * taken for each other.
 */
export async function* parseCsv(chunks: Chunks): AsyncGenerator<ImportRow, void, undefined> {
  let headings: Column[] | undefined;
  for await (const { line, text } of readLines(chunks)) {
    const cells = text === undefined ? undefined : splitRow(text.replace(/^\uFEFF/, ''));
    if (!headings) headings = readHeadings(cells);
    else if (text === undefined) yield { line, reason: 'row-too-long' };
    else if (cells?.length !== headings.length) yield { line, reason: 'row-malformed' };
    else yield { line, ...readRow(headings, cells) };
  }
  if (!headings) readHeadings(undefined);
}

function readRow(headings: readonly Column[], cells: readonly string[]): ImportRow {
  const row = Object.fromEntries(headings.map((name, index) => [name, cells[index]])) as Partial<
    Record<Column, string>
  >;
  const codes = row.backup_codes?.split(/[\s;|]+/).filter((code) => code !== '') ?? [];
  return {
    userId: row.user_id ?? '',
    secret: row.secret ?? '',
    ...(row.name !== undefined && { name: row.name }),
    ...readParameters(row.algorithm, row.digits, row.period),
    ...(codes.length > 0 && { backupCodes: codes }),
  };
}

function readHeadings(cells: readonly string[] | undefined): Column[] {
  const names = cells?.map((cell) => cell.trim().toLowerCase()) ?? [];
  const known = names.filter((name): name is Column => (columns as readonly string[]).includes(name));
  const isWhole = known.length === names.length && new Set(known).size === known.length;
  if (isWhole && known.includes('user_id') && known.includes('secret')) return known;
  throw new SecondFactorError(
    'configuration-invalid',
    `The first line must name the columns: user_id and secret, and any of ${columns.slice(2).join(', ')}.`,
  );
}

/** @returns `undefined` where a quotation mark stands in the wrong place, or the row goes on in the next line. */
function splitRow(text: string): string[] | undefined {
  const cells: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = cell.exec(text);
    if (!match) return undefined;
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return cells;
  }
}
