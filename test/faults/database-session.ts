import mysql from 'mysql2/promise';
import pg from 'pg';

/** A session of somebody else at a database server: what it holds is free again when it is closed. */
export interface DatabaseSession {
  run(statement: string): Promise<void>;
  close(): Promise<void>;
}

export async function openSession(url: string): Promise<DatabaseSession> {
  if (new URL(url).protocol.startsWith('postgres')) {
    const client = new pg.Client(url);
    await client.connect();
    return {
      run: async (statement) => {
        await client.query(statement);
      },
      close: () => client.end(),
    };
  }
  const connection = await mysql.createConnection(url);
  return {
    run: async (statement) => {
      await connection.query(statement);
    },
    close: () => connection.end(),
  };
}

/** Keeps every other session away from the table that each answer and each session meets. */
export async function lockAccounts(url: string): Promise<DatabaseSession> {
  const session = await openSession(url);
  if (url.startsWith('postgres')) {
    await session.run('begin');
    await session.run('lock table two_factor_auth in access exclusive mode');
  } else {
    await session.run('lock tables two_factor_auth write');
  }
  return session;
}
