// `npm run bench`: each bench starts all that it compares in one run and returns a table; the tables are printed last.
// `npm run bench -- growth` runs one of them. `npm run bench -- --short` takes seconds and shows that it works; its figures mean nothing. Nothing is asserted on time.
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { benchGrowth } from './growth/bench.js';
import { benchLogin } from './login/bench.js';
import { benchNodes } from './nodes/bench.js';
import { benchSimulation } from './simulation/bench.js';
import { benchProtectedPage } from './protected-page/bench.js';

export interface Effort {
  isShort: boolean;
  rounds: number;
  /** Of one contender in one round. */
  requests: number;
}

export interface Table {
  title: string;
  rows: Record<string, string>[];
}

const benches: Record<string, (effort: Effort) => Promise<Table[]>> = {
  'protected-page': benchProtectedPage,
  login: benchLogin,
  nodes: benchNodes,
  simulation: benchSimulation,
  growth: benchGrowth,
};

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean' } },
  allowPositionals: true,
});
const isShort = values.short === true;
const chosen = Object.entries(benches).filter(
  ([name]) => positionals.length === 0 || positionals.includes(name),
);
const effort: Effort = {
  isShort,
  ...(isShort ? { rounds: 2, requests: 64 } : { rounds: 60, requests: 500 }),
};

const load = loadavg()[0] ?? 0;
const tables: Table[] = [];
for (const [, bench] of chosen) tables.push(...(await bench(effort)));
const { model = 'unknown' } = cpus()[0] ?? {};
console.log(
  `${model}, ${availableParallelism()} cores, Node ${process.version}; load before: ${load.toFixed(1)}`,
);
console.log(`${effort.rounds} rounds of ${effort.requests} requests`);
for (const { title, rows } of tables) {
  console.log(`\n${title}`);
  console.table(rows);
}
process.exit(0);
