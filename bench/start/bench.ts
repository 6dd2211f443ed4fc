import { createInstallation, startExample } from '../../test/helpers/example-server.js';
import type { Kind } from '../contender.js';
import { draw } from '../counting.js';
import { drawGoals } from '../goals.js';
import type { Effort, Table } from '../main.js';
import { type Interval, medianOf, ratioOf, runRounds } from '../rounds.js';
import { exchange } from '../sign-in.js';
import { type Contender, type Stage, stateOf, withStage } from '../stage.js';
import { drawWeights, judgeWeight } from './weigh.js';

/** One start. */
interface Sample {
  /** Milliseconds from the start of the process to the first 200 of `/healthz`. */
  time: number;
  /** Bytes of resident memory then, and after logins and requests; of the example server nobody asks. */
  rest: number;
  loaded: number;
}

interface Entry {
  name: string;
  start(): Promise<Sample>;
}

const CONNECTIONS = 32;

const rivals: [name: string, kind: Kind, ...options: string[]][] = [
  ['base: no second factor', 'base'],
  ['the base again', 'base'],
  ['this package', 'ours'],
  ['better-auth', 'better-auth', 'cheap password'],
];

/** What it takes to start and to be there: time, memory, what is installed (goal F). The databases are there already. */
export function benchStart({ isShort }: Effort): Promise<Table[]> {
  const [rounds, logins, requests] = isShort ? [2, 4, 64] : [20, 64, 5_000];
  return withStage(async (stage) => {
    const installation = createInstallation(stage.redis);
    try {
      const entries: Entry[] = [
        { name: 'example server', start: () => startExampleOnce(installation.environment) },
      ];
      for (const [name, kind, ...options] of rivals) {
        const contender = await stage.start(name, kind, 'SQLite', ...options);
        entries.push({ name, start: () => startOnce(stage, contender, logins, requests) });
      }
      // One for the database of the example server.
      await entries[0]?.start();
      const samples = await runRounds(entries, rounds, (entry) => entry.start());
      const of = (name: string): Sample[] => [...samples].find(([entry]) => entry.name === name)?.[1] ?? [];
      const toBase = (name: string, what: keyof Sample): Interval =>
        ratioOf(of(name), of('base: no second factor'), what);
      const median = (name: string, what: keyof Sample, unit: number): string =>
        known(medianOf(of(name).map((sample) => sample[what])).median, (value) => (value / unit).toFixed(0));
      const rows = entries.map(({ name }) => ({
        contender: name,
        'ms to the first 200': median(name, 'time', 1),
        'to the base [95 %]': draw(toBase(name, 'time')),
        'MB at rest': median(name, 'rest', 2 ** 20),
        'MB after load': median(name, 'loaded', 2 ** 20),
        'to the base, after load [95 %]': known(toBase(name, 'loaded').median, () =>
          draw(toBase(name, 'loaded')),
        ),
      }));
      const goals = drawGoals('SQLite', [
        [
          'example server: time to the first 200, to the base',
          '',
          '≤ 1.5',
          draw(toBase('example server', 'time')),
        ],
        ['memory after load, to the base', '', '≤ 1.15', draw(toBase('this package', 'loaded'))],
        ...judgeWeight(),
      ]);
      return [
        { title: 'A start, and the memory of the process', rows },
        { title: 'What comes with it', rows: drawWeights() },
        { title: 'A start: floors and goals', rows: goals },
      ];
    } finally {
      installation.remove();
    }
  });
}

/** Nothing of what was not measured. */
function known(value: number, show: (value: number) => string): string {
  return Number.isNaN(value) ? '' : show(value);
}

async function startOnce(
  stage: Stage,
  contender: Contender,
  logins: number,
  requests: number,
): Promise<Sample> {
  const start = performance.now();
  const process = await stage.startAnother(contender);
  await becomeHealthy(process.url);
  const time = performance.now() - start;
  const { memory: rest } = await stateOf(process);
  // By the one that is up all the time: to enrol is not what is measured.
  const people = await stage.enrol(contender, logins);
  await stage.send({ door: process, people, atOnce: 16 });
  const { url, cookie, person } = process;
  await stage.send({ urls: [url], cookie, person, connections: CONNECTIONS, requests });
  const { memory: loaded } = await stateOf(process);
  await process.worker.stop();
  return { time, rest, loaded };
}

async function startExampleOnce(environment: Record<string, string>): Promise<Sample> {
  const start = performance.now();
  const server = await startExample(environment);
  await becomeHealthy(server.url);
  const time = performance.now() - start;
  await server.stop();
  return { time, rest: NaN, loaded: NaN };
}

async function becomeHealthy(url: string): Promise<void> {
  const { status } = await exchange(`${url}/healthz`, 'GET', {});
  if (status !== 200) throw new Error(`${url} is not healthy: ${String(status)}`);
}
