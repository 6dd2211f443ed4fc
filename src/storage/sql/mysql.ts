import type { Limits } from './deadline.js';
import type { SqlPool, SqlSession } from './pool-runner.js';
import type { Occasion, Statement } from './verb.js';

/** What is used of a pool of `mysql2/promise`. */
export interface MysqlPool {
  /** A connection of the pool, for one verb. */
  getConnection(): Promise<MysqlConnection>;
}

/** What is used of a connection that came out of such a pool. */
export interface MysqlConnection {
  /** Rejects with an error whose `errno` is the server's. */
  query(query: MysqlQuery): Promise<[unknown, ...unknown[]]>;
  /** Puts it back into the pool. */
  release(): void;
  /** Closes it instead of putting it back. */
  destroy(): void;
}

/** What such a connection is asked. */
export interface MysqlQuery {
  sql: string;
  values?: unknown[];
  rowsAsArray?: boolean;
  nestTables?: boolean;
  typeCast?: (field: { string(encoding?: string): string | null }) => unknown;
}

/** What is used of the answer to a statement without rows. */
interface Header {
  affectedRows: number | string;
  info?: string;
  serverStatus?: number;
}

/** Deadlock, also of a Galera cluster at COMMIT; and the lock wait that stands for one where detection is off. */
const retryable: readonly unknown[] = [1213, 1205];

const transactionIsOpen = 1568;

/** Table, column or index is there already; column or index to be dropped is gone already. */
const alreadyMade: readonly unknown[] = [1050, 1060, 1061, 1091];

/** With a lower `sql_select_limit` of the host's a row that is there would not be found, and no account is no second factor. */
const noLimit = '18446744073709551615';

/** SERVER_STATUS_AUTOCOMMIT of the protocol. */
const autocommit = 2;

export function createMysqlPool(pool: MysqlPool): SqlPool {
  return {
    connect: async () => new MysqlSession(await pool.getConnection()),
    isRetryable: (error) => retryable.includes(numberOf(error)),
  };
}

class MysqlSession implements SqlSession {
  #isChanged = false;
  #isLocked = false;
  #opensByItself = false;
  #isGone = false;
  #readLimit = '';

  constructor(readonly connection: MysqlConnection) {}

  async beginRead({ statement }: Limits): Promise<void> {
    this.#readLimit = `/*M! set statement max_statement_time = ${statement / 1_000}, sql_select_limit = ${noLimit} for */ `;
    // With autocommit off, who had the connection before has left a transaction whose snapshot is of the past.
    const { serverStatus = 0 } = await this.#run('rollback and no chain no release');
    this.#opensByItself = (serverStatus & autocommit) === 0;
  }

  async begin(occasion: Occasion, limits: Limits): Promise<void> {
    this.#isChanged = true;
    await this.#run(setSession(limits));
    if (occasion === 'migration') return this.#takeMigrationLock(limits.lock);
    const isolate = (): Promise<Header> => this.#run('set transaction isolation level read committed');
    await isolate().catch(async (error: unknown) => {
      if (numberOf(error) !== transactionIsOpen) throw error;
      // Its owner gave the connection back in the middle; nobody can commit that any more, and we must not.
      await this.rollback();
      await isolate();
    });
    await this.#run('start transaction read write');
  }

  async ask({ wants, sql, parameters }: Statement): Promise<unknown> {
    const query = {
      sql: this.#readLimit + sql,
      values: parameters.map(toBytes),
      rowsAsArray: false,
      nestTables: false,
      typeCast,
    };
    const answer = this.connection.query(query);
    if (wants === 'rows') return (await answer)[0];
    try {
      const header = (await answer)[0] as Header;
      return isUpdate(sql) ? countMatched(header) : header.affectedRows;
    } catch (error) {
      if (wants === 'made' && alreadyMade.includes(numberOf(error))) return 0;
      throw error;
    }
  }

  async commit(): Promise<void> {
    await this.#run('commit and no chain no release');
  }

  async rollback(): Promise<void> {
    await this.#run('rollback and no chain no release');
  }

  async release(): Promise<void> {
    if (this.#opensByItself) await this.rollback();
    if (this.#isLocked) await this.#run('do release_lock(@two_factor_lock)');
    if (this.#isChanged) await this.#run(restoreSession);
    if (this.#isGone) return;
    this.#isGone = true;
    this.connection.release();
  }

  destroy(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.connection.destroy();
  }

  /** No transaction: DDL commits. The lock is the session's, and its name the whole server's. */
  async #takeMigrationLock(milliseconds: number): Promise<void> {
    await this.#run("set @two_factor_lock = concat('two_factor_', md5(database()))");
    const sql = `select get_lock(@two_factor_lock, ${milliseconds / 1_000}) as taken`;
    const [rows] = await this.connection.query({ sql, rowsAsArray: false, nestTables: false, typeCast });
    if ((rows as { taken: string | null }[])[0]?.taken !== '1')
      throw new Error('Another process holds the lock of the migrations of the second factor.');
    this.#isLocked = true;
  }

  async #run(sql: string): Promise<Header> {
    return (await this.connection.query({ sql }))[0] as Header;
  }
}

/**
 * The host's own values are kept in variables of the session and come back at the end. Strict, or a long user id would be
 * cut to that of somebody else. Only MariaDB reads what stands in `/*M! … *\/`.
 */
function setSession({ lock, statement }: Limits): string {
  return (
    'set @two_factor_sql_mode = @@session.sql_mode, @two_factor_lock_wait = @@session.innodb_lock_wait_timeout,' +
    ' @two_factor_select_limit = @@session.sql_select_limit' +
    ' /*M!, @two_factor_statement_time = @@session.max_statement_time,' +
    ' @two_factor_idle_time = @@session.idle_transaction_timeout */,' +
    " session sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'," +
    ` session innodb_lock_wait_timeout = ${Math.floor(lock / 1_000)}, session sql_select_limit = ${noLimit}` +
    ` /*M!, session max_statement_time = ${statement / 1_000}, session idle_transaction_timeout = 5 */`
  );
}

const restoreSession =
  'set session sql_mode = @two_factor_sql_mode, session innodb_lock_wait_timeout = @two_factor_lock_wait,' +
  ' session sql_select_limit = @two_factor_select_limit' +
  ' /*M!, session max_statement_time = @two_factor_statement_time,' +
  ' session idle_transaction_timeout = @two_factor_idle_time */';

/** The driver writes bytes as hexadecimal digits, which no character set and no quoting rule of the host can change. */
function toBytes(parameter: unknown): unknown {
  return typeof parameter === 'string' ? Buffer.from(parameter) : parameter;
}

/** Every column as text, whatever the host's pool does with big numbers, dates and types. */
const typeCast: NonNullable<MysqlQuery['typeCast']> = (field) => field.string('utf8');

const isUpdate = (sql: string): boolean => sql.startsWith('update ');

/**
 * Without the flag FOUND_ROWS the server counts changed rows, and resetting a counter that is 0 would look like a refusal.
 * "Rows matched: 1  Changed: 0  Warnings: 0" gives both, in this order in every language of the server.
 */
function countMatched({ info = '', affectedRows }: Header): number | string {
  return /\d+/.exec(info)?.[0] ?? affectedRows;
}

function numberOf(error: unknown): unknown {
  return error instanceof Error && 'errno' in error ? error.errno : undefined;
}
