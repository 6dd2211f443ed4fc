import type { Interval } from './rounds.js';

/** How many times as fast as the base. */
export interface Bar {
  name: string;
  value: Interval;
}

const [WIDTH, LABELS, FIGURES, ROW, TOP] = [820, 330, 70, 26, 44];
const ROOM = WIDTH - LABELS - FIGURES;

/** Bars that begin at 1, the base: to the right what is faster, to the left what is slower, twice as fast as far as half as fast. */
export function drawPicture(title: string, bars: Bar[]): string {
  const ends = bars.flatMap(({ value }) => [value.low, value.high]).map(Math.log2);
  const [least, most] = [Math.floor(Math.min(...ends, -1)), Math.ceil(Math.max(...ends, 1))];
  const x = (ratio: number): string =>
    (LABELS + ((Math.log2(ratio) - least) / (most - least)) * ROOM).toFixed(1);
  const height = TOP + bars.length * ROW + 12;
  const ticks = Array.from({ length: most - least + 1 }, (_, n) => least + n).map((power) => {
    const [at, name] = [x(2 ** power), power < 0 ? `1/${String(2 ** -power)}` : String(2 ** power)];
    return `<path class="${power === 0 ? 'base' : 'tick'}" d="M${at} ${TOP - 8}V${height - 12}"/><text class="scale" x="${at}" y="${TOP - 14}">${name}</text>`;
  });
  const rows = bars.map(({ name, value: { median, low, high } }, index) => {
    const middle = TOP + index * ROW + ROW / 2;
    const [from, to] = median < 1 ? [x(median), x(1)] : [x(1), x(median)];
    const kind = name.startsWith('this package') ? 'ours' : 'other';
    return [
      `<text class="name" x="${LABELS - 10}" y="${middle + 4}">${name}</text>`,
      `<rect class="${kind}" x="${from}" y="${middle - 7}" width="${(Number(to) - Number(from)).toFixed(1)}" height="14"/>`,
      `<path class="interval" d="M${x(low)} ${middle - 4}v8m0-4H${x(high)}m0-4v8"/>`,
      `<text class="figure" x="${WIDTH - 8}" y="${middle + 4}">${median < 0.1 ? median.toPrecision(2) : median.toFixed(2)}</text>`,
    ].join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">
  <style>
    svg { --paper: #fff; --ink: #1f2937; --quiet: #6b7280; --line: #e5e7eb; --ours: #16a34a; --other: #9ca3af; }
    @media (prefers-color-scheme: dark) {
      svg { --paper: #111827; --ink: #e5e7eb; --quiet: #9ca3af; --line: #374151; --ours: #22c55e; --other: #6b7280; }
    }
    text { font: 13px system-ui, sans-serif; fill: var(--ink); }
    .name, .figure { text-anchor: end; }
    .scale { text-anchor: middle; font-size: 12px; fill: var(--quiet); }
    .paper { fill: var(--paper); }
    .ours { fill: var(--ours); }
    .other { fill: var(--other); }
    path { fill: none; stroke: var(--line); }
    .base { stroke: var(--ink); }
    .interval { stroke: var(--ink); stroke-width: 1.5; }
  </style>
  <rect class="paper" width="${WIDTH}" height="${height}"/>
  ${[...ticks, ...rows].join('\n  ')}
</svg>
`;
}
