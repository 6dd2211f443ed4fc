import type { Kind } from '../contender.js';
import { draw } from '../counting.js';
import { drawGoals } from '../goals.js';
import type { Effort, Table } from '../main.js';
import { medianOf, ratioOf, runRounds, type Sample } from '../rounds.js';
import { type Contender, type Counts, type DatabaseName, stateOf, withStage } from '../stage.js';

type Entry = Contender & Counts;
type Samples = Map<Entry, Sample[]>;

const CONNECTIONS = 32;
/** Requests before the first round; and before each measurement, after a time in which others ran. */
const [WARM_UP, WARM_AGAIN] = [2_000, 64];
const COUNTED = 100;

const rivals: [name: string, kind: Kind, database: DatabaseName, ...options: string[]][] = [
  ['base: no second factor', 'base', 'SQLite'],
  ['the base again', 'base', 'SQLite'],
  ['the base and one more Redis GET', 'base', 'SQLite', 'guard'],
  ['bare node:http, one Redis GET', 'bare', 'SQLite'],
  ['this package, SQLite', 'ours', 'SQLite'],
  ['this package, SQLite, cached epochs', 'ours', 'SQLite', 'cached epochs'],
  ['this package, PostgreSQL', 'ours', 'PostgreSQL'],
  ['this package, PostgreSQL, cached epochs', 'ours', 'PostgreSQL', 'cached epochs'],
  ['better-auth, SQLite', 'better-auth', 'SQLite'],
  ['better-auth, SQLite, cookie cache', 'better-auth', 'SQLite', 'cookie cache'],
  ['better-auth, SQLite, Redis', 'better-auth', 'SQLite', 'Redis'],
  ['better-auth, PostgreSQL', 'better-auth', 'PostgreSQL'],
];

/** What the check of each request costs: a page behind a login, without the second factor and with it. */
export function benchProtectedPage({ rounds, requests, isShort }: Effort): Promise<Table[]> {
  return withStage(async (stage) => {
    const send = ({ url, ...contender }: Contender, count: number): Promise<number> => {
      const { cookie, person } = contender;
      return stage.send({ urls: [url], cookie, person, connections: CONNECTIONS, requests: count });
    };

    const entries: Entry[] = [];
    for (const [name, kind, database, ...options] of rivals) {
      const contender = await stage.start(name, kind, database, ...options);
      await send(contender, isShort ? WARM_AGAIN : WARM_UP);
      const counts = await stage.count(contender, COUNTED, () => send(contender, COUNTED));
      entries.push({ ...contender, ...counts });
    }
    await stage.stopCounting();
    const samples = await runRounds(entries, rounds, async (entry) => {
      await send(entry, WARM_AGAIN);
      return stage.measure(entry, requests, () => send(entry, requests));
    });
    const rows = await Promise.all(entries.map((entry) => describe(entry, samples)));
    const title = `A protected page, ${CONNECTIONS} connections, logged in`;
    const bars = entries.map((entry) => ({ name: entry.name, value: speed(entry, entries[0], samples) }));
    return [
      { title, rows, bars },
      { title: 'A protected page: floors and goals', rows: judge(entries, samples) },
    ];
  });
}

/** How many times as many requests in the same time. */
const speed = (own: Entry | undefined, other: Entry | undefined, samples: Samples) =>
  ratioOf(samplesOf(other, samples), samplesOf(own, samples), 'time');

const cpu = (own: Entry | undefined, other: Entry | undefined, samples: Samples) =>
  ratioOf(samplesOf(own, samples), samplesOf(other, samples), 'cpu');

const samplesOf = (entry: Entry | undefined, samples: Samples): Sample[] =>
  (entry && samples.get(entry)) ?? [];

async function describe(entry: Entry, samples: Samples): Promise<Record<string, string>> {
  const [base] = samples.keys();
  const median = (what: keyof Sample): number =>
    medianOf(samplesOf(entry, samples).map((sample) => sample[what])).median;
  return {
    contender: entry.name,
    'requests/s': Math.round(1_000_000 / median('time')).toString(),
    'to the base [95 %]': entry === base ? '1' : draw(speed(entry, base, samples)),
    'CPU µs': median('cpu').toFixed(0),
    'CPU to the base [95 %]': entry === base ? '1' : draw(cpu(entry, base, samples)),
    SQL: entry.statements.toFixed(2),
    Redis: entry.commands.toFixed(2),
    MB: ((await stateOf(entry)).memory / 2 ** 20).toFixed(0),
  };
}

function judge(entries: Entry[], samples: Samples): Record<string, string>[] {
  const find = (name: string): Entry | undefined => entries.find((entry) => entry.name === name);
  const base = find('base: no second factor');
  const rival = find('better-auth, SQLite');
  return ['SQLite', 'PostgreSQL, cached epochs'].flatMap((name) => {
    const ours = find(`this package, ${name}`);
    return drawGoals(name, [
      [
        'requests in the same time, to the base',
        'interval in 0.95–1.05',
        '0.97–1.03',
        draw(speed(ours, base, samples)),
      ],
      ['CPU of a request, to the base', 'interval in 0.95–1.05', '0.97–1.03', draw(cpu(ours, base, samples))],
      ['requests in the same time, to better-auth', '≥ 2', '≥ 2', draw(speed(ours, rival, samples))],
    ]);
  });
}
