// Imported by the processes of the races: `open-sqlite.mjs?file=…`.
import Database from 'libsql';
import { sqlStorage } from '../../dist/storage/sql/sql-storage.js';

export async function open() {
  const storage = sqlStorage.sqlite(new Database(new URL(import.meta.url).searchParams.get('file')));
  await storage.migrate();
  return storage;
}
