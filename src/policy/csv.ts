import { toTime } from '../http/operation.js';
import type { Coverage } from './coverage.js';

const columns = ['user_id', 'label', 'required', 'state', 'enrol_by', 'enabled_at', 'last_used_at'];

/** Coverage as CSV (RFC 4180) with a line of headings, in pieces; times in UTC. What a spreadsheet would take for a formula is text. */
export async function* coverageToCsv(
  rows: AsyncIterable<Coverage> | Iterable<Coverage>,
): AsyncGenerator<string, void, undefined> {
  yield toLine(columns);
  for await (const { userId, label, required, state, enrolBy, enabledAt, lastUsedAt } of rows)
    yield toLine([
      userId,
      label,
      String(required),
      state,
      ...[enrolBy, enabledAt, lastUsedAt].map((at) => toTime(at) ?? ''),
    ]);
}

function toLine(cells: readonly string[]): string {
  return `${cells.map(toCell).join(',')}\r\n`;
}

/** Names are what users have chosen: one that begins like a formula would run where an administrator opens the file (CWE-1236). */
function toCell(text: string): string {
  const safe = /^\s*[=+\-@|＝＋－＠\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
