import { setTimeout } from 'node:timers/promises';
import { type InsertQueryBuilder, type InsertResult, Kysely } from 'kysely';
import { sqlStorage, type Storage } from 'passport-second-factor';
import type { DatabaseAddress } from '../config.js';
import { SetupError } from '../setup-error.js';
import { reportOutages } from './outage.js';
import { openSqlite, sqliteDialect } from './sqlite.js';
import { createTables, type Kind, type Tables } from './tables.js';

/** The application's tables, and the place of the second factor's in the same database. */
export interface Database {
  kind: Kind;
  queries: Kysely<Tables>;
  storage: Storage;
  /** Rejects when the database does not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the database and creates the tables.
 * @throws SetupError where it cannot be used.
 */
export async function openDatabase(address: DatabaseAddress): Promise<Database> {
  const database = await connectDatabase(address);
  try {
    await keepTrying(() => createTables(database.queries, address.kind));
  } catch (cause) {
    await database.close();
    throw new SetupError(`The database in DATABASE_URL cannot be used (${reasonOf(cause)}).`, { cause });
  }
  return database;
}

/**
 * Takes the database as it is, down or without tables.
 * @public for second-factor.config.js
 */
export async function connectDatabase(address: DatabaseAddress): Promise<Database> {
  const { dialect, storage, closeStorage } = await connect(address);
  const queries = new Kysely<Tables>({ dialect: reportOutages(dialect) });
  return {
    kind: address.kind,
    queries,
    storage,
    check: async () => {
      await queries.selectFrom('users').select('id').limit(1).execute();
    },
    close: async () => {
      await queries.destroy();
      closeStorage?.();
    },
  };
}

/** A driver is loaded only where its database is used. */
async function connect(address: DatabaseAddress) {
  if (address.kind === 'postgres') {
    const { openPostgres, postgresDialect } = await import('./postgres.js');
    const pool = openPostgres(address.url);
    return { dialect: postgresDialect(pool), storage: sqlStorage.postgres(pool) };
  }
  if (address.kind === 'mysql') {
    const { openMysql, mysqlDialect } = await import('./mysql.js');
    const pool = openMysql(address.url);
    return { dialect: mysqlDialect(pool), storage: sqlStorage.mysql(pool.promise()) };
  }
  // A connection of its own: the second factor refuses to work inside of somebody else's transaction.
  const own = openSqlite(address.file);
  return {
    dialect: sqliteDialect(openSqlite(address.file)),
    storage: sqlStorage.sqlite(own),
    closeStorage: () => own.close(),
  };
}

/** An insert that does nothing where a unique column is taken: the database decides, not a look before. */
export function unlessTaken<Table extends keyof Tables>(
  { kind }: Pick<Database, 'kind'>,
  insert: InsertQueryBuilder<Tables, Table, InsertResult>,
): InsertQueryBuilder<Tables, Table, InsertResult> {
  return kind === 'mysql' ? insert.ignore() : insert.onConflict((conflict) => conflict.doNothing());
}

/** A database that is starting too, or another process that creates the tables, may take longer than a request would wait. */
async function keepTrying(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (attempt === 4) throw error;
      await setTimeout(1000);
    }
  }
}

/** The words of the driver, which name no value of ours. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : 'no reason given';
}
