import { type DescribedProblem, type DescribedRow, describeReport, type Language } from './describe.js';
import type { Report } from '../findings.js';

/** How a report is drawn. */
export interface DrawOptions {
  language: Language;
  /** Columns of the terminal. Default 100. */
  width?: number;
}

const gap = '  ';
const indent = '  ';

/** A report as text for a terminal: what is wrong and what to do on top, then everything that was looked at. */
export function drawReport(report: Report, { language, width = 100 }: DrawOptions): string {
  const { title, checkedAt, summary, labels, problems, sections } = describeReport(report, language);
  const rows = sections.flatMap((section) => section.rows);
  const widths = {
    label: longest(rows.map(({ label }) => label)),
    name: longest(rows.map(({ name }) => name)),
  };
  const blocks = [
    [title, checkedAt, '', summary],
    problems.length === 0
      ? []
      : [underline(labels.problemsTitle), ...problems.flatMap((each) => drawProblem(each, labels, width))],
    ...sections.map((section) => [
      underline(section.title),
      ...section.rows.map((row) => drawRow(row, widths, width)),
    ]),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function drawProblem(
  { label, code, section, meaning, action }: DescribedProblem,
  labels: { meaning: string; action: string },
  width: number,
): string[] {
  const paragraph = (text: string): string => indent + wrap(text, width - indent.length).join(`\n${indent}`);
  return [
    `${label}: ${code} (${section})`,
    paragraph(`${labels.meaning}: ${meaning}`),
    paragraph(`${labels.action}: ${action}`),
  ];
}

function drawRow(
  { label, name, value, expected }: DescribedRow,
  widths: { label: number; name: number },
  width: number,
): string {
  const start = `${label.padEnd(widths.label)}${gap}${name.padEnd(widths.name)}${gap}`;
  const text = expected === '' ? value : `${value} (${expected})`;
  return start + wrap(text, Math.max(20, width - start.length)).join(`\n${' '.repeat(start.length)}`);
}

function underline(title: string): string {
  return `${title}\n${'-'.repeat(title.length)}`;
}

function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => text.length));
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const longer = lines[last] === '' ? word : `${lines[last] ?? ''} ${word}`;
    if (longer.length <= width || lines[last] === '') lines[last] = longer;
    else lines.push(word);
  }
  return lines;
}
