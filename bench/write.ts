import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import type { Table } from './main.js';
import { drawPicture } from './picture.js';

/** From bench/dist/bench. */
const page = new URL('../../../docs/performance.md', import.meta.url);

/** Puts the tables of each bench between its two marks in docs/performance.md, the picture of the first beside it. */
export async function write(found: [name: string, tables: Table[]][], machine: string): Promise<void> {
  let text = await readFile(page, 'utf8');
  const date = new Date().toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
  for (const [name, tables] of found) {
    const [before, rest, after] = cut(text, name);
    if (rest === undefined) continue;
    const parts: string[] = [];
    for (const { title, rows, bars } of tables) {
      parts.push(`**${title}**`, drawTable(rows));
      if (!bars) continue;
      const picture = `pictures/${name}.svg`;
      await writeFile(new URL(picture, page), drawPicture(title, bars));
      parts.push(`![${title}: how many times as fast](${picture})`);
    }
    text = [before, ...parts, `${date}, ${machine}.`, after].join('\n\n');
  }
  const options = await resolveConfig(page);
  await writeFile(page, await format(text, { ...options, parser: 'markdown' }));
}

/** @returns what stands before, between and after the marks, the marks with what is around; alone the text where there are none. */
function cut(text: string, name: string): [string, string?, string?] {
  const marks = [`<!-- bench: ${name} -->`, `<!-- end of ${name} -->`] as const;
  const [start, end] = marks.map((mark) => text.indexOf(mark)) as [number, number];
  if (start < 0 || end < start) return [text];
  const inner = start + marks[0].length;
  return [text.slice(0, inner), text.slice(inner, end), text.slice(end)];
}

function drawTable(rows: Record<string, string>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) => line(columns.map((column) => row[column] ?? '')));
  return [line(columns), line(columns.map(() => '---')), ...body].join('\n');
}
