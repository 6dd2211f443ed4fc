import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Dialect, SqliteDialect } from 'kysely';
import Database from 'libsql';

/** Milliseconds for the lock of another process that starts at the same time. */
const startPatience = 5000;

/**
 * Opens a connection to the SQLite file, and creates the file with its folder. WAL lets readers go on while another
 * process writes; `synchronous` stays at FULL, or a power cut could undo what was answered already.
 * @param prepare what has to be there; it may wait for a lock, as nothing does later.
 */
export function openSqlite(file: string, prepare?: (database: Database.Database) => void): Database.Database {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // SQLite would let everybody on the machine read the file; its WAL gets the mode of the file.
  closeSync(openSync(file, 'a', 0o600));
  const database = new Database(file, { timeout: startPatience });
  database.exec('PRAGMA journal_mode = WAL');
  prepare?.(database);
  // From here on SQLite's own wait would block this process: `retryWhileLocked` waits in its place.
  database.exec('PRAGMA busy_timeout = 0');
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
