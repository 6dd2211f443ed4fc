import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll } from 'vitest';

const folder = await mkdtemp(join(tmpdir(), 'second-factor-'));
const databases: Database.Database[] = [];
let files = 0;

// At the top, where importing registers it: inside a test vitest would not run it.
afterAll(async () => {
  for (const db of databases) db.close();
  await rm(folder, { recursive: true });
});

/** A database file that is gone after this test file. */
export function newDatabaseFile(): string {
  files += 1;
  return join(folder, `${files}.db`);
}

/** As `sqlStorage.sqlite` wants it: a connection of its own, in WAL mode, with libsql's busy timeout of 0. */
export function openDatabase(file: string): Database.Database {
  const db = new Database(file);
  databases.push(db);
  db.pragma('journal_mode = WAL');
  return db;
}
