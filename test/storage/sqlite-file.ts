import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Database from 'libsql';
import { inject } from 'vitest';

/** A database file that is gone after this run. */
export function newDatabaseFile(): string {
  return join(inject('folder'), `${randomUUID()}.db`);
}

/** As `sqlStorage.sqlite` wants it: a connection of its own, in WAL mode, with libsql's busy timeout of 0. */
export function openDatabase(file: string): Database.Database {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  return db;
}
