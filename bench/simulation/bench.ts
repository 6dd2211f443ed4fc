import type { Effort, Table } from '../main.js';
import { type Installation, simulate } from './simulate.js';

/** Core milliseconds: PostgreSQL on two cores ran six such statements 2,960 times a second (docs/scaling.md). */
const STATEMENT = 2 / (6 * 2.96);

const usual: Installation = {
  ...{ shards: 4, cores: 16, nodes: 20, pool: 10 },
  ...{ loginsPerSecond: 10_000, seconds: 60, statement: STATEMENT },
};

const cases: [string, Partial<Installation>][] = [
  ['4 shards', {}],
  ['2 shards', { shards: 2 }],
  ['8 shards of 8 cores', { shards: 8, cores: 8 }],
  ['4 shards, pools of 2', { pool: 2 }],
  ['4 shards, twice the logins', { loginsPerSecond: 20_000 }],
  ['4 shards, one lost after 20 s', { lost: 0 }],
];

/** 10,000 logins a second, which no machine at hand can do: what waits for what (docs/scaling.md). */
export function benchSimulation({ isShort }: Effort): Promise<Table[]> {
  const rows = cases.map(([name, difference]) => {
    const seconds = isShort ? 1 : usual.seconds;
    const { answers, logins, refused, refusedElsewhere, load, connections } = simulate({
      ...usual,
      ...difference,
      seconds,
    });
    const sorted = answers.sort((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(1);
    return {
      installation: name,
      logins: String(logins),
      'load of the cores': `${(100 * load).toFixed(0)} %`,
      'answer, ms: median / 99 % / 99.9 %': `${at(0.5)} / ${at(0.99)} / ${at(0.999)}`,
      'connections in use at most, of a pool': String(connections),
      refused: String(refused),
      'refused, of other shards': String(refusedElsewhere),
    };
  });
  return Promise.resolve([
    { title: 'Simulated: 20 nodes, PostgreSQL in shards of 16 cores, 10,000 logins a second', rows },
  ]);
}
