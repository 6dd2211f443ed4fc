import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Dialect, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { patience } from './outage.js';

/**
 * Opens a connection to the SQLite file, and creates the file with its folder. WAL lets readers go on while another
 * process writes; `synchronous` stays at FULL, or a power cut could undo what was answered already.
 */
export function openSqlite(file: string): Database.Database {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // SQLite would let everybody on the machine read the file; its WAL gets the mode of the file.
  closeSync(openSync(file, 'a', 0o600));
  // The wait for another process's write blocks this process, so it is short.
  const database = new Database(file, { timeout: patience });
  database.exec('PRAGMA journal_mode = WAL');
  return database;
}

/**
 * Runs one statement that writes. Within `BEGIN IMMEDIATE`, which takes the lock: libsql does not reset a prepared
 * statement that met one, and its connection would keep the write lock from then on.
 * @returns how many rows changed.
 */
export function write(database: Database.Database, sql: string, ...values: (string | number)[]): number {
  return database.transaction(() => database.prepare(sql).run(...values).changes).immediate();
}

/** Kysely over libsql, with the same care: no statement that writes, and no BEGIN, is prepared outside of a transaction. */
export function sqliteDialect(database: Database.Database): Dialect {
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare: (sql) => {
        if (/^(begin|commit|rollback)$/.test(sql)) return control(database, sql);
        const statement = database.prepare(sql);
        return {
          reader: statement.reader,
          all: (parameters) => statement.all(...parameters),
          iterate: (parameters) => statement.iterate(...parameters),
          run: (parameters) => {
            const run = (): Database.RunResult => statement.run(...parameters);
            return database.inTransaction ? run() : database.transaction(run).immediate();
          },
        };
      },
    },
  });
}

/** Begins or ends a transaction; one that begins takes the write lock at once. */
function control(database: Database.Database, sql: string) {
  return {
    reader: false,
    all: () => [],
    iterate: () => [].values(),
    run: () => {
      database.exec(sql === 'begin' ? 'BEGIN IMMEDIATE' : sql);
      return { changes: 0, lastInsertRowid: 0 };
    },
  };
}
