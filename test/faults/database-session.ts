import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { DatabaseServer } from '../helpers/databases.js';

/** Keeps every other session away from a table. @returns what lets them in again. */
export async function lockTable(url: string, table: string): Promise<() => Promise<void>> {
  if (new URL(url).protocol === 'mysql:') {
    const connection = await mysql.createConnection(url);
    await connection.query(`lock tables ${table} write`);
    return () => connection.end();
  }
  const client = new pg.Client(url);
  await client.connect();
  await client.query('begin');
  await client.query(`lock table ${table} in access exclusive mode`);
  return () => client.end();
}

/** PostgreSQL goes on as a standby whose primary is gone: it can be read, and nothing can be written. */
export async function becomeStandby(server: DatabaseServer): Promise<void> {
  const client = new pg.Client(server.url);
  await client.connect();
  const { rows } = await client.query<{ folder: string }>(
    "select current_setting('data_directory') as folder",
  );
  await client.end();
  await server.stopHard();
  writeFileSync(join(rows[0]?.folder ?? '', 'standby.signal'), '');
  await server.restart();
}

/** It becomes the primary. */
export async function promote(server: DatabaseServer): Promise<void> {
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query('select pg_promote()');
  await client.end();
}
