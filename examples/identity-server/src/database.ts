import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';

/** Milliseconds a statement waits for another process's write. The wait blocks this process, so it is short. */
const busyTimeout = 2000;

/**
 * Opens a connection to the SQLite file, and creates the file with its folder. WAL lets readers go on while another
 * process writes; `synchronous` stays at FULL, or a power cut could undo what was answered already.
 */
export function openDatabase(file: string): Database.Database {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // SQLite would let everybody on the machine read the file; its WAL gets the mode of the file.
  closeSync(openSync(file, 'a', 0o600));
  const database = new Database(file, { timeout: busyTimeout });
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
