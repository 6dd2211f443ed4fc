import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { startPostgres } from '../../test/helpers/databases.js';
import type { Run } from '../client.js';
import { countCommands, draw } from '../counting.js';
import type { Effort, Table } from '../main.js';
import { startWorker, type Worker } from '../processes.js';
import { medianOf, ratioOf, runRounds, type Sample } from '../rounds.js';
import type { Application, State } from './app.js';
import { logIn } from './log-in.js';

interface Contender {
  name: string;
  worker: Worker;
  url: string;
  cookie: string;
  statements: number;
  commands: number;
}

const CONNECTIONS = 32;
/** Requests before the first round; and before each measurement, after a time in which others ran. */
const [WARM_UP, WARM_AGAIN] = [2_000, 64];
const COUNTED = 100;

/** What the check of each request costs: a protected page of one application without the second factor and with it. */
export async function benchProtectedPage({ rounds, requests, isShort }: Effort): Promise<Table[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const [redisServer, postgres] = await Promise.all([startRedisServer(), startPostgres()]);
  const redis = new Redis(redisServer.url);
  const client = startWorker(new URL('../client.js', import.meta.url));
  const contenders: Contender[] = [];

  const send = (contender: Pick<Contender, 'url' | 'cookie'>, count: number): Promise<number> => {
    const { url, cookie } = contender;
    const run: Run = {
      ...{ urls: [`${url}/account`], cookie, connections: CONNECTIONS, requests: count },
      expected: 'Account of ada',
    };
    return client.ask(run);
  };

  async function start(name: string, application: Omit<Application, 'redis'> = {}): Promise<Contender> {
    const described: Application = { redis: redisServer.url, ...application };
    const worker = startWorker(new URL('app.js', import.meta.url), JSON.stringify(described));
    const { url } = await worker.ask<State>('state');
    const cookie = await logIn(url);
    await send({ url, cookie }, isShort ? WARM_AGAIN : WARM_UP);
    const before = { ...(await worker.ask<State>('state')), commands: await countCommands(redis) };
    await send({ url, cookie }, COUNTED);
    const after = { ...(await worker.ask<State>('state')), commands: await countCommands(redis) };
    const contender = {
      ...{ name, worker, url, cookie },
      statements: (after.statements - before.statements) / COUNTED,
      commands: (after.commands - before.commands) / COUNTED,
    };
    contenders.push(contender);
    return contender;
  }

  async function measure({ worker, ...contender }: Contender): Promise<Sample> {
    await send(contender, WARM_AGAIN);
    const before = await worker.ask<State>('state');
    const time = await send(contender, requests);
    const after = await worker.ask<State>('state');
    return { time, cpu: (after.cpu - before.cpu) / requests };
  }

  try {
    const file = `file:${join(folder, 'bench.db')}`;
    const base = await start('base: no second factor');
    await start('the base again');
    await start('SQLite', { database: file });
    await start('SQLite, cached epochs', { database: file, isCached: true });
    await start('PostgreSQL', { database: postgres.url });
    await start('PostgreSQL, cached epochs', { database: postgres.url, isCached: true });
    const samples = await runRounds(contenders, rounds, measure);
    const ofBase = samples.get(base) ?? [];
    const table = {
      title: `A protected page, ${CONNECTIONS} connections, session in Redis; ratios to the base, round by round`,
      rows: [...samples].map(([contender, own]) => describe(contender, own, ofBase)),
    };
    return [table];
  } finally {
    await Promise.all([client, ...contenders.map(({ worker }) => worker)].map((worker) => worker.stop()));
    redis.disconnect();
    await Promise.all([redisServer.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true });
  }
}

function describe(contender: Contender, own: Sample[], base: Sample[]): Record<string, string> {
  const median = (what: keyof Sample): number => medianOf(own.map((sample) => sample[what])).median;
  const ratio = (what: keyof Sample): string => (own === base ? '1' : draw(ratioOf(own, base, what)));
  return {
    contender: contender.name,
    'requests/s': Math.round(1_000_000 / median('time')).toString(),
    'µs a request': median('time').toFixed(0),
    'ratio [95 %]': ratio('time'),
    'CPU µs': median('cpu').toFixed(0),
    'CPU ratio [95 %]': ratio('cpu'),
    SQL: contender.statements.toFixed(2),
    Redis: contender.commands.toFixed(2),
  };
}
