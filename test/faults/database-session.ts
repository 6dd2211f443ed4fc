import mysql from 'mysql2/promise';
import pg from 'pg';

/** Keeps every other session away from the table that each answer and each session meets. @returns what lets them in again. */
export async function lockAccounts(url: string): Promise<() => Promise<void>> {
  if (new URL(url).protocol === 'mysql:') {
    const connection = await mysql.createConnection(url);
    await connection.query('lock tables two_factor_auth write');
    return () => connection.end();
  }
  const client = new pg.Client(url);
  await client.connect();
  await client.query('begin');
  await client.query('lock table two_factor_auth in access exclusive mode');
  return () => client.end();
}
