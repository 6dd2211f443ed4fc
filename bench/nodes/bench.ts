import { startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { createDatabase, startPostgres } from '../../test/helpers/databases.js';
import type { Run } from '../client.js';
import { draw } from '../counting.js';
import type { Effort, Table } from '../main.js';
import { startWorker, type Worker } from '../processes.js';
import type { Application, State } from '../protected-page/app.js';
import { logIn } from '../protected-page/log-in.js';
import { medianOf, runRounds, type Sample } from '../rounds.js';

/** An application as so many processes on one Redis and one database. */
interface Contender {
  name: string;
  workers: Worker[];
  urls: string[];
  cookie: string;
}

const CONNECTIONS = 32;
const WARM_UP = 64;

/** What a second process brings, without the second factor and with it (goal E). */
export async function benchNodes({ rounds, requests }: Effort): Promise<Table[]> {
  const [redis, postgres] = await Promise.all([startRedisServer(), startPostgres()]);
  const client = startWorker(new URL('../client.js', import.meta.url));
  const contenders: Contender[] = [];

  async function start(
    name: string,
    count: number,
    application: Omit<Application, 'redis'> = {},
  ): Promise<Contender> {
    const described = JSON.stringify({ redis: redis.url, ...application } satisfies Application);
    const app = new URL('../protected-page/app.js', import.meta.url);
    const workers = Array.from({ length: count }, () => startWorker(app, described));
    const states = await Promise.all(workers.map((worker) => worker.ask<State>('state')));
    const urls = states.map(({ url }) => url);
    const contender = { name, workers, urls, cookie: await logIn(urls[0] ?? '') };
    contenders.push(contender);
    return contender;
  }

  async function measure({ urls, cookie }: Contender): Promise<Sample> {
    const pages = urls.map((url) => `${url}/account`);
    const run: Run = { urls: pages, cookie, connections: CONNECTIONS, requests, expected: 'Account of ada' };
    await client.ask({ ...run, requests: WARM_UP });
    return { time: await client.ask(run), cpu: 0 };
  }

  try {
    const ours = { database: await createDatabase(postgres), isCached: true };
    const pairs = [
      [await start('base', 1), await start('base', 2)],
      [await start('this package', 1, ours), await start('this package', 2, ours)],
    ] as const;
    const samples = await runRounds(contenders, rounds, measure);
    const timesOf = (contender: Contender): number[] =>
      (samples.get(contender) ?? []).map(({ time }) => time);
    // How many times as many requests two processes answer, round by round.
    const gains = pairs.map(([one, two]) =>
      timesOf(one).map((time, round) => time / (timesOf(two)[round] ?? NaN)),
    );
    const rows = pairs.map(([one, two], index) => ({
      contender: one.name,
      'requests/s, 1 process': Math.round(1_000_000 / medianOf(timesOf(one)).median).toString(),
      'requests/s, 2 processes': Math.round(1_000_000 / medianOf(timesOf(two)).median).toString(),
      'gain [95 %]': draw(medianOf(gains[index] ?? [])),
    }));
    const ratio = medianOf((gains[1] ?? []).map((gain, round) => gain / (gains[0]?.[round] ?? NaN)));
    rows.push({
      contender: 'gain to gain of the base',
      'requests/s, 1 process': '',
      'requests/s, 2 processes': '',
      'gain [95 %]': draw(ratio),
    });
    return [{ title: 'A second process: a protected page, epochs cached, PostgreSQL', rows }];
  } finally {
    await Promise.all(
      [client, ...contenders.flatMap(({ workers }) => workers)].map((worker) => worker.stop()),
    );
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}
