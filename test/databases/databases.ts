import mysql from 'mysql2/promise';
import pg from 'pg';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, inject } from 'vitest';
import { sqlStorage } from '../../src/storage/sql/sql-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { createDatabase } from '../helpers/databases.js';

export type Kind = 'postgres' | 'mysql';

export const kinds = [
  ['PostgreSQL', 'postgres'],
  ['MariaDB', 'mysql'],
] as const;

const closers: (() => Promise<unknown>)[] = [];

// At the top, where importing registers it: inside a test vitest would not run it.
afterAll(closeAll);

/** Gives every connection back that was opened so far: a server has a limited number of them. */
export async function closeAll(): Promise<void> {
  await Promise.all(closers.splice(0).map((close) => close()));
}

/** @returns the URL of a fresh, empty database on the server of this run. */
export async function newDatabase(kind: Kind): Promise<string> {
  const urls = inject('databaseUrls') as { postgres: string; mysql: string } | undefined;
  if (!urls) throw new Error('No database servers: these tests run with `npm run test:databases`.');
  return createDatabase({ kind, url: urls[kind] });
}

export function openPostgres(url: string, options: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 10, ...options });
  pool.on('error', () => undefined);
  closers.push(() => pool.end());
  return pool;
}

export function openMysql(url: string, options: mysql.PoolOptions = {}): mysql.Pool {
  const pool = mysql.createPool({ uri: url, connectionLimit: 10, ...options });
  closers.push(() => pool.end());
  return pool;
}

export function openStorage(kind: Kind, url: string, connections = 10): Storage {
  return kind === 'postgres'
    ? sqlStorage.postgres(openPostgres(url, { max: connections }))
    : sqlStorage.mysql(openMysql(url, { connectionLimit: connections }));
}

/** What somebody else does in the database, on a connection that is not of the pool. */
export interface HostConnection {
  query(sql: string): Promise<unknown[]>;
  close(): Promise<void>;
}

export async function connect(kind: Kind, url: string): Promise<HostConnection> {
  if (kind === 'postgres') {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    return { query: async (sql) => (await client.query<object>(sql)).rows, close: () => client.end() };
  }
  const connection = await mysql.createConnection({ uri: url });
  connection.on('error', () => undefined);
  return {
    query: async (sql) => (await connection.query(sql))[0] as unknown[],
    close: async () => connection.destroy(),
  };
}

/** Past the storage. */
export async function runSql(kind: Kind, url: string, sql: string): Promise<unknown[]> {
  const connection = await connect(kind, url);
  try {
    return await connection.query(sql);
  } finally {
    await connection.close();
  }
}

/** Transactions that the server holds open, besides those of the host. */
async function countOpenTransactions(kind: Kind, url: string): Promise<number> {
  const sql =
    kind === 'postgres'
      ? `select count(*) as n from pg_stat_activity
         where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()`
      : `select count(*) as n from information_schema.innodb_trx
         join information_schema.processlist on id = trx_mysql_thread_id where db = database()`;
  return Number(((await runSql(kind, url, sql)) as { n: unknown }[])[0]?.n);
}

/** Rejects where the server holds a transaction open for longer. */
export async function untilNothingIsOpen(kind: Kind, url: string): Promise<void> {
  for (let time = 0; time < 5_000; time += 200) {
    // MariaDB makes this list anew only where nobody has looked at it for 0.1 s.
    await wait(200);
    if ((await countOpenTransactions(kind, url)) === 0) return;
  }
  throw new Error('A transaction stays open.');
}
