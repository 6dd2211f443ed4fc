import type { Result } from './run.js';
import type { Status } from './verdict.js';

const order: Status[] = ['passed', 'failed', 'unclear', 'not applicable'];
const gap = '  ';

/** The results as a table for a terminal, with a line of counts below. */
export function drawTable(results: readonly Result[], width = 120): string {
  const rows = results.map(({ id, rule, status, text }) => [id, rule, status, text] as const);
  const heads = ['check', 'rule', 'result', 'what happened'] as const;
  const widths = [0, 1, 2].map((column) =>
    Math.max(...[heads, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const indent = widths.reduce((sum, each) => sum + each + gap.length, 0);
  const draw = (row: readonly string[]): string => {
    const cells = widths.map((each, column) => (row[column] ?? '').padEnd(each) + gap).join('');
    return cells + wrap(row[3] ?? '', Math.max(40, width - indent)).join(`\n${' '.repeat(indent)}`);
  };
  return [draw(heads), '-'.repeat(indent + heads[3].length), ...rows.map(draw), '', count(results)].join(
    '\n',
  );
}

function count(results: readonly Result[]): string {
  return order
    .map((status) => [status, results.filter((result) => result.status === status).length] as const)
    .filter(([, amount]) => amount > 0)
    .map(([status, amount]) => `${amount} ${status}`)
    .join(', ');
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines.length - 1;
    const longer = lines[last] === '' ? word : `${lines[last] ?? ''} ${word}`;
    if (longer.length <= width || lines[last] === '') lines[last] = longer;
    else lines.push(word);
  }
  return lines;
}
