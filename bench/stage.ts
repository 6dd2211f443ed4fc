import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedisServer } from '../examples/identity-server/src/redis-server.js';
import { createDatabase } from '../test/helpers/databases.js';
import type { Description, Kind, Person, State } from './contender.js';
import { countCommands, startCountingPostgres } from './counting.js';
import type { Logins, Requests } from './load.js';
import { startWorker, type Worker } from './processes.js';
import type { Sample } from './rounds.js';
import { type Door, exchange, accountOf, proveRefusal, signIn } from './sign-in.js';

export type DatabaseName = 'SQLite' | 'PostgreSQL';

/** An application that is up. */
export interface Contender extends Door {
  name: string;
  database: DatabaseName;
  worker: Worker;
  description: Description;
  /** Somebody who is logged in, and the cookies of it. */
  person: Person;
  cookie: string;
}

/** What one of many operations needed of the servers. */
export interface Counts {
  statements: number;
  commands: number;
}

/** Redis and PostgreSQL, the contenders on them, and the load. */
export interface Stage {
  /** Where Redis is. */
  redis: string;
  /** Each has a database of its own. Its login is tried, with a right code and with a wrong one. */
  start(name: string, kind: Kind, database: DatabaseName, ...options: string[]): Promise<Contender>;
  /** The same application as one more process. */
  startAnother(contender: Contender): Promise<Contender>;
  enrol(contender: Contender, count: number): Promise<Person[]>;
  /** @returns microseconds by login or request. */
  send(run: Logins | Requests): Promise<number>;
  /** @param work does so many operations and returns the microseconds of one. */
  measure(contender: Contender, count: number, work: () => Promise<number>): Promise<Sample>;
  count(contender: Contender, count: number, work: () => Promise<unknown>): Promise<Counts>;
  /** Before the rounds. */
  stopCounting(): Promise<void>;
}

export const stateOf = ({ worker }: Pick<Contender, 'worker'>): Promise<State> => worker.ask<State>('state');

/** Ends all that was started, however the work ends. */
export async function withStage<Result>(work: (stage: Stage) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const [redisServer, postgres] = await Promise.all([startRedisServer(), startCountingPostgres()]);
  const redis = new Redis(redisServer.url);
  const load = startWorker(new URL('load.js', import.meta.url));
  const workers = [load];

  async function open(description: Description): Promise<Door & Pick<Contender, 'worker' | 'description'>> {
    const worker = startContender(description);
    workers.push(worker);
    const { url, face } = await stateOf({ worker });
    return { url, face, worker, description };
  }

  const stage: Stage = {
    redis: redisServer.url,
    async start(name, kind, database, ...options) {
      const place = {
        SQLite: () => `file:${join(folder, `${String(workers.length)}.db`)}`,
        PostgreSQL: () => createDatabase(postgres.server),
      };
      const url = await place[database]();
      const opened = await open({ kind, redis: redisServer.url, database: url, isNew: true, options });
      const [person, other] = await opened.worker.ask<[Person, Person]>({ enrol: 2 });
      const cookie = await signIn(opened, person);
      const { body } = await exchange(`${opened.url}/account`, 'GET', { Cookie: cookie });
      if (body !== accountOf(person)) throw new Error(`${name} answered: ${body.slice(0, 200)}`);
      if (kind !== 'base') await proveRefusal(opened, other);
      return { name, database, ...opened, person, cookie };
    },
    async startAnother(contender) {
      return { ...contender, ...(await open({ ...contender.description, isNew: false })) };
    },
    enrol: ({ worker }, count) => worker.ask<Person[]>({ enrol: count }),
    send: (run) => load.ask<number>(run),
    async measure(contender, count, act) {
      const before = await stateOf(contender);
      const time = await act();
      return { time, cpu: ((await stateOf(contender)).cpu - before.cpu) / count };
    },
    async count(contender, count, act) {
      const { database } = contender.description;
      const ask = async (): Promise<Counts> => ({
        statements: database.startsWith('file:')
          ? (await stateOf(contender)).statements
          : await postgres.count(database),
        commands: await countCommands(redis),
      });
      const before = await ask();
      await act();
      const after = await ask();
      return {
        statements: (after.statements - before.statements) / count,
        commands: (after.commands - before.commands) / count,
      };
    },
    stopCounting: () => postgres.stopCounting(),
  };

  try {
    return await work(stage);
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    redis.disconnect();
    await Promise.all([redisServer.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true });
  }
}

function startContender(description: Description): Worker {
  return startWorker(new URL('contender.js', import.meta.url), JSON.stringify(description));
}
