import Database from 'libsql';
import { sqlStorage, type Storage } from 'passport-second-factor';
import pg from 'pg';

/** A SQLite file whose statements are told of. */
export function openCountedSqlite(file: string, count: () => void): Database.Database {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  const prepare = db.prepare.bind(db);
  db.prepare = ((sql: string) => {
    const statement = prepare(sql);
    for (const name of ['all', 'get', 'run'] as const) {
      const run = statement[name].bind(statement) as (...parameters: unknown[]) => never;
      statement[name] = (...parameters: unknown[]) => {
        count();
        return run(...parameters);
      };
    }
    return statement;
  }) as typeof prepare;
  return db;
}

/** A pool whose statements are told of. */
export function openCountedPostgres(url: string, count: () => void): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...parameters: unknown[]) => unknown;
    Object.assign(client, {
      query: (...parameters: unknown[]) => {
        count();
        return query(...parameters);
      },
    });
  });
  return pool;
}

/** Our storage, over a connection that tells of every statement. @param database `file:` or `postgres:`. */
export function openCounted(database: string, count: () => void): Storage {
  return database.startsWith('file:')
    ? sqlStorage.sqlite(openCountedSqlite(database.slice('file:'.length), count))
    : sqlStorage.postgres(openCountedPostgres(database, count));
}
