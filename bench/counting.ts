import type { Redis } from 'ioredis';
import pg from 'pg';
import { type DatabaseServer, startPostgres } from '../test/helpers/databases.js';
import type { Interval } from './rounds.js';

/** Commands since the server began, by the server itself; the question is one of them, and is not counted. */
export async function countCommands(redis: Redis): Promise<number> {
  const calls = [...(await redis.info('commandstats')).matchAll(/^cmdstat_(?!info)[^:]+:calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** A PostgreSQL server that counts. */
export interface CountingPostgres {
  server: DatabaseServer;
  /** Statements since the server began, in that database: `BEGIN` is one. */
  count(database: string): Promise<number>;
  /** Once the last has been counted: it costs time that is not the contenders'. */
  stopCounting(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCountingPostgres(): Promise<CountingPostgres> {
  const server = await startPostgres();
  const open = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    return client;
  };
  const first = await open();
  await first.query("alter system set shared_preload_libraries = 'pg_stat_statements'");
  await first.end();
  await server.stopHard();
  await server.restart();
  const client = await open();
  await client.query('create extension pg_stat_statements');
  return {
    server,
    async count(database) {
      const { rows } = await client.query<{ calls: string | null }>(
        'select sum(calls) as calls from pg_stat_statements where dbid = (select oid from pg_database where datname = $1)',
        [new URL(database).pathname.slice(1)],
      );
      return Number(rows[0]?.calls);
    },
    async stopCounting() {
      await client.query("alter system set pg_stat_statements.track = 'none'");
      await client.query('select pg_reload_conf()');
    },
    async stop() {
      await client.end();
      await server.stop();
    },
  };
}

export function draw({ median, low, high }: Interval): string {
  return `${median.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}
