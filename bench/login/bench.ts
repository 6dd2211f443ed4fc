import type { Kind } from '../contender.js';
import { draw } from '../counting.js';
import { drawGoals } from '../goals.js';
import type { Effort, Table } from '../main.js';
import { type Interval, medianOf, ratioOf, runRounds, type Sample } from '../rounds.js';
import { type Contender, type Counts, type DatabaseName, stateOf, withStage } from '../stage.js';

interface Entry extends Contender, Counts {
  /** In one round: fewer of slow ones. */
  logins: number;
}

type Samples = Map<Entry, Sample[]>;

const AT_ONCE = 16;
const COUNTED = 32;
const [LOGINS, WARM_UP] = [128, 1_000];

/** How many of the logins of others each does: better-auth as installed takes a hundred times as long. */
const rivals: [name: string, kind: Kind, share: number, ...options: string[]][] = [
  ['bare node:http, every protection', 'bare', 1],
  ['by hand with otplib', 'by hand', 1],
  ['by hand with passport-totp', 'passport-totp', 1],
  ['this package', 'ours', 1],
  ['better-auth, cheap password check', 'better-auth', 1 / 4, 'cheap password'],
  ['better-auth, the same with Redis', 'better-auth', 1 / 4, 'cheap password', 'Redis'],
  ['better-auth as installed', 'better-auth', 1 / 8],
];

/** A complete login: password, challenge, TOTP code, redirect. Each by somebody else. */
export function benchLogin({ isShort }: Effort): Promise<Table[]> {
  const rounds = isShort ? 2 : 15;
  return withStage(async (stage) => {
    async function send(contender: Contender, count: number): Promise<Sample> {
      const people = await stage.enrol(contender, count);
      return stage.measure(contender, count, () => stage.send({ door: contender, people, atOnce: AT_ONCE }));
    }

    async function enter(
      database: DatabaseName,
      [name, kind, share, ...options]: (typeof rivals)[number],
    ): Promise<Entry> {
      const contender = await stage.start(`${name}, ${database}`, kind, database, ...options);
      const logins = (isShort ? AT_ONCE : LOGINS) * share;
      await send(contender, isShort ? logins : WARM_UP * share);
      const counted = COUNTED * share;
      const people = await stage.enrol(contender, counted);
      const work = () => stage.send({ door: contender, people, atOnce: AT_ONCE });
      return { ...contender, logins, ...(await stage.count(contender, counted, work)) };
    }

    const entries = [await enter('SQLite', ['password only', 'base', 1])];
    for (const database of ['SQLite', 'PostgreSQL'] as const)
      for (const rival of rivals) entries.push(await enter(database, rival));
    await stage.stopCounting();
    const samples = await runRounds(entries, rounds, (entry) => send(entry, entry.logins));
    const rows = await Promise.all(entries.map((entry) => describe(entry, samples)));
    return [
      {
        title: `A complete login, ${AT_ONCE} at once, each by somebody else`,
        rows,
        bars: entries.map((entry) => ({ name: entry.name, value: toByHand(entry, samples) })),
      },
      { title: 'A complete login: floors and goals', rows: judge(samples) },
    ];
  });
}

/** How many times as many logins in the same time. */
function speed(own: Entry, other: Entry | undefined, samples: Samples): Interval {
  return ratioOf((other && samples.get(other)) ?? [], samples.get(own) ?? [], 'time');
}

function find(kind: Kind, database: DatabaseName, samples: Samples, ...options: string[]): Entry | undefined {
  return [...samples.keys()].find(
    ({ description, ...entry }) =>
      description.kind === kind &&
      entry.database === database &&
      description.options.join() === options.join(),
  );
}

const toByHand = (entry: Entry, samples: Samples): Interval =>
  speed(entry, find('by hand', entry.database, samples), samples);

async function describe(entry: Entry, samples: Samples): Promise<Record<string, string>> {
  const median = (what: keyof Sample): number =>
    medianOf((samples.get(entry) ?? []).map((sample) => sample[what])).median;
  return {
    contender: entry.name,
    'logins/s': Math.round(1_000_000 / median('time')).toString(),
    'to by hand [95 %]': entry.description.kind === 'by hand' ? '1' : draw(toByHand(entry, samples)),
    'CPU ms': (median('cpu') / 1_000).toFixed(2),
    SQL: entry.statements.toFixed(1),
    Redis: entry.commands.toFixed(1),
    MB: ((await stateOf(entry)).memory / 2 ** 20).toFixed(0),
  };
}

function judge(samples: Samples): Record<string, string>[] {
  return (['SQLite', 'PostgreSQL'] as const).flatMap((database) => {
    const ours = find('ours', database, samples);
    if (!ours) return [];
    const rival = find('better-auth', database, samples, 'cheap password');
    return drawGoals(database, [
      [
        'times as fast as by hand with otplib',
        database === 'SQLite' ? '≥ 0.9' : '≥ 0.75',
        '≥ 1.0',
        draw(toByHand(ours, samples)),
      ],
      ['times as fast as better-auth, cheap password check', '≥ 6', '≥ 8', draw(speed(ours, rival, samples))],
      ['Redis commands', '≤ 8', '≤ 6', ours.commands.toFixed(1)],
      // Two to hold, one to count the attempt, five to accept it.
      ['SQL statements', '≤ 8 and those of transactions', '', ours.statements.toFixed(1)],
    ]);
  });
}
