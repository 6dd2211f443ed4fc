// Imported by the processes of the races: `open-database.mjs?kind=postgres&url=…`.
import mysql from 'mysql2/promise';
import pg from 'pg';
import { sqlStorage } from '../../dist/storage/sql/sql-storage.js';

const parameters = new URL(import.meta.url).searchParams;
const url = parameters.get('url');

export async function open() {
  const storage =
    parameters.get('kind') === 'postgres'
      ? sqlStorage.postgres(new pg.Pool({ connectionString: url, max: 10 }))
      : sqlStorage.mysql(mysql.createPool({ uri: url, connectionLimit: 10 }));
  await storage.migrate();
  return storage;
}
