import { type Dialect, MysqlDialect } from 'kysely';
import { createPool, type Pool, type QueryError } from 'mysql2';
import { patience } from './outage.js';

/** A pool that gives up soon: a database that does not answer must not make every request wait. */
export function openMysql(url: string): Pool {
  return createPool({ uri: url, connectTimeout: patience, queueLimit: 100 });
}

/**
 * Kysely over the pool. A connection whose statement got no answer may still get it later, and is closed: the next
 * request must not wait behind it.
 */
export function mysqlDialect(pool: Pool): Dialect {
  return new MysqlDialect({
    pool: {
      end: (done) => {
        pool.end(done);
      },
      getConnection: (done) => {
        pool.getConnection((error, connection) => {
          if (error) {
            done(error, undefined as never);
            return;
          }
          const query = (sql: string, values: unknown[], answer: (error: unknown, result: never) => void) => {
            connection.query({ sql, values, timeout: patience }, (fault: QueryError | null, result) => {
              if (fault?.code === 'PROTOCOL_SEQUENCE_TIMEOUT') connection.destroy();
              answer(fault, result as never);
            });
          };
          done(null, {
            query: query as never,
            release: () => {
              connection.release();
            },
          });
        });
      },
    },
  });
}
