// `npm run bench`: each bench starts all that it compares in one run and returns tables; they are printed last.
// `npm run bench -- growth` runs one of them. `npm run bench -- --short` takes a minute and shows that it works; its figures mean nothing. `npm run bench -- --write`
// puts tables and pictures into docs/performance.md. Nothing is asserted on time.
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { benchGrowth } from './growth/bench.js';
import { benchLogin } from './login/bench.js';
import { benchNodes } from './nodes/bench.js';
import { benchProtectedPage } from './protected-page/bench.js';
import { benchSimulation } from './simulation/bench.js';
import { benchStart } from './start/bench.js';
import type { Bar } from './picture.js';
import { write } from './write.js';

export interface Effort {
  isShort: boolean;
  rounds: number;
  /** Of one contender in one round. */
  requests: number;
}

export interface Table {
  title: string;
  rows: Record<string, string>[];
  /** Drawn as a picture: how many times as fast as the base. */
  bars?: Bar[];
}

const benches: Record<string, (effort: Effort) => Promise<Table[]>> = {
  'protected-page': benchProtectedPage,
  login: benchLogin,
  start: benchStart,
  nodes: benchNodes,
  simulation: benchSimulation,
  growth: benchGrowth,
};

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean' }, write: { type: 'boolean' } },
  allowPositionals: true,
});
const isShort = values.short === true;
const unknown = positionals.find((name) => !(name in benches));
if (unknown !== undefined)
  throw new Error(`There is no bench "${unknown}": ${Object.keys(benches).join(', ')}`);
if (isShort && values.write) throw new Error('What a short run measures means nothing, and is not written.');
const chosen = Object.entries(benches).filter(
  ([name]) => positionals.length === 0 || positionals.includes(name),
);
const effort: Effort = {
  isShort,
  ...(isShort ? { rounds: 2, requests: 64 } : { rounds: 60, requests: 500 }),
};

const load = loadavg()[0] ?? 0;
const { model = 'unknown' } = cpus()[0] ?? {};
const machine = `${model}, ${availableParallelism()} cores, Node ${process.version}; load before: ${load.toFixed(1)}`;
const found: [name: string, tables: Table[]][] = [];
for (const [name, bench] of chosen) found.push([name, await bench(effort)]);
console.log(machine);
for (const { title, rows } of found.flatMap(([, tables]) => tables)) {
  console.log(`\n${title}`);
  console.table(rows);
}
if (values.write) await write(found, machine);
process.exit(0);
