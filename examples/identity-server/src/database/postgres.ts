import { type Dialect, PostgresDialect } from 'kysely';
import pg from 'pg';
import { log } from '../log.js';
import { patience } from './outage.js';

/** A pool that gives up soon: a database that does not answer must not make every request wait. */
export function openPostgres(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: patience,
    query_timeout: patience,
    statement_timeout: patience,
  });
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on('error', ({ message }) => {
    log.warn(`Database: a connection broke (${message}).`);
  });
  return pool;
}

/**
 * Kysely over the pool. A connection whose statement got no answer may still get it later, and is closed: the next
 * request must not wait behind it.
 */
export function postgresDialect(pool: pg.Pool): Dialect {
  return new PostgresDialect({
    pool: {
      end: () => pool.end(),
      connect: async () => {
        const client = await pool.connect();
        let isAnswered = true;
        // Outside of its pool nobody else listens, and a connection that breaks between two statements would end the process.
        const noteBreak = (): void => {
          isAnswered = false;
        };
        client.on('error', noteBreak);
        return {
          query: (async (sql: string, parameters: readonly unknown[]) => {
            try {
              return await client.query(sql, [...parameters]);
            } catch (error) {
              isAnswered = error instanceof pg.DatabaseError;
              throw error;
            }
          }) as never,
          release: () => {
            if (isAnswered) client.removeListener('error', noteBreak);
            client.release(!isAnswered);
          },
        };
      },
    },
  });
}
