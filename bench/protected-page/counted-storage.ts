import Database from 'libsql';
import { sqlStorage, type Storage } from 'passport-second-factor';
import pg from 'pg';

/** Our storage, over a connection that tells of every statement. */
export function openCounted(database: string, count: () => void): Storage {
  if (database.startsWith('file:')) {
    const db = new Database(database.slice('file:'.length));
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
    return sqlStorage.sqlite(db);
  }
  const pool = new pg.Pool({ connectionString: database, max: 10 });
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...parameters: unknown[]) => unknown;
    Object.assign(client, {
      query: (...parameters: unknown[]) => {
        count();
        return query(...parameters);
      },
    });
  });
  return sqlStorage.postgres(pool);
}
