import { describe, expect, it } from 'vitest';
import { createMysqlPool } from '../../src/storage/sql/mysql.js';
import { createPoolRunner, type SqlPool } from '../../src/storage/sql/pool-runner.js';
import { createPostgresPool } from '../../src/storage/sql/postgres.js';
import type { Statement, Verb } from '../../src/storage/sql/verb.js';
import { type Kind, kinds, newDatabase, openMysql, openPostgres, openStorage, runSql } from './databases.js';

const openPool = (kind: Kind, url: string): SqlPool =>
  kind === 'postgres'
    ? createPostgresPool(openPostgres(url, { options: '-c default_transaction_isolation=repeatable\\ read' }))
    : createMysqlPool(openMysql(url));

/** Runs `meanwhile` before the second statement of each transaction. */
function interrupt(pool: SqlPool, meanwhile: () => Promise<unknown>): SqlPool {
  return {
    isRetryable: (error) => pool.isRetryable(error),
    async connect() {
      const session = await pool.connect();
      const { ask } = session;
      let asked = 0;
      session.ask = async (statement: Statement) => {
        asked += 1;
        if (asked === 2) await meanwhile();
        return ask.call(session, statement);
      };
      return session;
    },
  };
}

describe.each(kinds)('a transaction of %s, whatever isolation is the default', (_, kind) => {
  const read: Statement = { wants: 'rows', sql: 'select epoch from two_factor_auth', parameters: [] };

  function* readTwice(): Verb<unknown> {
    return [yield read, yield read];
  }

  it('reads what others have committed since it began', async () => {
    const url = await newDatabase(kind);
    await openStorage(kind, url).migrate();
    await runSql(
      kind,
      url,
      "insert into two_factor_auth (user_id, epoch, totp_failures, totp_delayed_until, backup_code_failures, backup_code_delayed_until) values ('ada', 3, 0, 0, 0, 0)",
    );
    const pool = interrupt(openPool(kind, url), () =>
      runSql(kind, url, 'update two_factor_auth set epoch = 4'),
    );
    const seen = await createPoolRunner(pool).transact(readTwice);
    expect(seen).toEqual([[{ epoch: '3' }], [{ epoch: '4' }]]);
  });
});
