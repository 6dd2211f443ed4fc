import type Database from 'libsql';
import type { Storage } from 'passport-second-factor';
import type pg from 'pg';
import type { Place } from './contender.js';

type Driver = { sqlite: Database.Database } | { postgres: pg.Pool };

/** Loads the one that is used alone. @param count is told of every statement of SQLite; PostgreSQL counts by itself. */
export async function openDriver({ database }: Place, count: () => void): Promise<Driver> {
  if (database.startsWith('file:')) return { sqlite: await openSqlite(database.slice(5), count) };
  const { default: driver } = await import('pg');
  return { postgres: new driver.Pool({ connectionString: database, max: 10 }) };
}

async function openSqlite(file: string, count: () => void): Promise<Database.Database> {
  const { default: Driver } = await import('libsql');
  const db = new Driver(file);
  db.pragma('journal_mode = WAL');
  // `begin` and `commit`, which are statements to PostgreSQL too.
  const exec = db.exec.bind(db);
  db.exec = (sql) => {
    count();
    return exec(sql);
  };
  const prepare = db.prepare.bind(db);
  db.prepare = ((sql: string) => {
    const statement = prepare(sql);
    for (const name of ['all', 'get', 'run'] as const) {
      const run = statement[name].bind(statement) as (...parameters: unknown[]) => never;
      statement[name] = (...parameters: unknown[]) => {
        count();
        return run(...parameters);
      };
    }
    return statement;
  }) as typeof prepare;
  return db;
}

/** Our storage. */
export async function openStorage(place: Place, count: () => void): Promise<Storage> {
  const { sqlStorage } = await import('passport-second-factor');
  const driver = await openDriver(place, count);
  return 'sqlite' in driver ? sqlStorage.sqlite(driver.sqlite) : sqlStorage.postgres(driver.postgres);
}

/** One statement, the same for every database. @returns its rows. */
export type Sql = <Row>(text: string, ...values: (string | number)[]) => Promise<Row[]>;

/** What is written by hand needs no more. */
export async function openSql(place: Place, count: () => void): Promise<Sql> {
  const driver = await openDriver(place, count);
  if ('postgres' in driver)
    return async (text, ...values) => {
      let n = 0;
      const numbered = text.replaceAll('?', () => `$${(n += 1)}`);
      return (await driver.postgres.query(numbered, values)).rows as never[];
    };
  const statements = new Map<string, Database.Statement>();
  return (text, ...values) => {
    const statement = statements.get(text) ?? driver.sqlite.prepare(text);
    statements.set(text, statement);
    return Promise.resolve(statement.all(...values) as never[]);
  };
}
