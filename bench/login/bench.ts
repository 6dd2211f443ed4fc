import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { createDatabase, startPostgres } from '../../test/helpers/databases.js';
import { countCommands, draw } from '../counting.js';
import type { Effort, Table } from '../main.js';
import { startWorker, type Worker } from '../processes.js';
import { medianOf, ratioOf, runRounds, type Sample } from '../rounds.js';
import type { Application, Enrolled, State } from './app.js';
import type { Run } from './client.js';

interface Contender {
  name: string;
  worker: Worker;
  statements: number;
  commands: number;
}

const AT_ONCE = 16;
const COUNTED = 32;

/** A complete login: password, challenge, TOTP code, redirect. Each by somebody else. */
export async function benchLogin({ isShort }: Effort): Promise<Table[]> {
  const [rounds, logins] = isShort ? [2, 32] : [30, 128];
  const folder = mkdtempSync(join(tmpdir(), 'bench-login-'));
  const [redisServer, postgres] = await Promise.all([startRedisServer(), startPostgres()]);
  const redis = new Redis(redisServer.url);
  const client = startWorker(new URL('client.js', import.meta.url));
  const contenders: Contender[] = [];

  const stateOf = (worker: Worker): Promise<State> => worker.ask<State>('state');

  /** @returns microseconds by login, and of the application's CPU. */
  async function send(worker: Worker, count: number): Promise<Sample> {
    const people = await worker.ask<Enrolled[]>({ enrol: count });
    const before = await stateOf(worker);
    const run: Run = { url: before.url, people, atOnce: AT_ONCE };
    const time = await client.ask<number>(run);
    return { time, cpu: ((await stateOf(worker)).cpu - before.cpu) / count };
  }

  async function start(name: string, kind: Application['kind'], database: string): Promise<Contender> {
    const described: Application = { redis: redisServer.url, kind, database };
    const worker = startWorker(new URL('app.js', import.meta.url), JSON.stringify(described));
    await send(worker, isShort ? COUNTED : 1_000);
    const people = await worker.ask<Enrolled[]>({ enrol: COUNTED });
    const before = { ...(await stateOf(worker)), commands: await countCommands(redis) };
    const run: Run = { url: before.url, people, atOnce: AT_ONCE };
    await client.ask(run);
    const after = { ...(await stateOf(worker)), commands: await countCommands(redis) };
    const contender = {
      ...{ name, worker },
      statements: (after.statements - before.statements) / COUNTED,
      commands: (after.commands - before.commands) / COUNTED,
    };
    contenders.push(contender);
    return contender;
  }

  try {
    const file = (name: string): string => `file:${join(folder, `${name}.db`)}`;
    await start('password only', 'password only', '');
    const byHand = await start('by hand with otplib, SQLite', 'by hand', file('by-hand'));
    await start('this package, SQLite', 'ours', file('ours'));
    const byHandPostgres = await start(
      'by hand with otplib, PostgreSQL',
      'by hand',
      await createDatabase(postgres),
    );
    await start('this package, PostgreSQL', 'ours', await createDatabase(postgres));
    const samples = await runRounds(contenders, rounds, ({ worker }) => send(worker, logins));
    const rows = [...samples].map(([contender, own]) => {
      const base = samples.get(contender.name.includes('PostgreSQL') ? byHandPostgres : byHand) ?? [];
      const median = (what: keyof Sample): number => medianOf(own.map((sample) => sample[what])).median;
      // How many times as many logins in the same time: more is better.
      const ratio = own === base ? '1' : draw(ratioOf(base, own, 'time'));
      return {
        contender: contender.name,
        'logins/s': Math.round(1_000_000 / median('time')).toString(),
        'to by hand [95 %]': ratio,
        'CPU ms': (median('cpu') / 1_000).toFixed(2),
        SQL: contender.statements.toFixed(1),
        Redis: contender.commands.toFixed(1),
      };
    });
    return [{ title: `A complete login, ${AT_ONCE} at once, cheap password check, session in Redis`, rows }];
  } finally {
    await Promise.all([client, ...contenders.map(({ worker }) => worker)].map((worker) => worker.stop()));
    redis.disconnect();
    await Promise.all([redisServer.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true });
  }
}
