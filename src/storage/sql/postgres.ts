import type { Limits } from './deadline.js';
import type { SqlPool, SqlSession } from './pool-runner.js';
import type { Occasion, Statement } from './verb.js';

/** What is used of a `Pool` of `pg`. */
export interface PostgresPool {
  /** A client of the pool, for one verb. */
  connect(): Promise<PostgresClient>;
}

/** What is used of a client that came out of such a pool. */
export interface PostgresClient {
  /** Rejects with an error whose `code` is the SQLSTATE. */
  query(query: PostgresQuery): Promise<{ command: string; rows: unknown[]; rowCount: number | null }>;
  /** `true`: close it instead of putting it back. */
  release(close?: boolean): void;
  /** Errors of the connection itself, which no query reports. */
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** Before the client is released. */
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** `I` outside of a transaction; newer versions of `pg` have it. */
  getTransactionStatus?(): string | null;
}

/** What such a client is asked. */
export interface PostgresQuery {
  text: string;
  values?: unknown[];
  types?: { getTypeParser(type: number, format?: string): (value: string) => unknown };
}

/** Serialization failure and deadlock: the server says that it rolled back, at COMMIT too. */
const retryable: readonly unknown[] = ['40001', '40P01'];

/** "tfa1": any number, the same in every process. Advisory locks are of one database. */
const migrationLock = 0x74666131;

/** Everything as text, whatever parsers the host has set for the whole process. */
const types: NonNullable<PostgresQuery['types']> = {
  getTypeParser: (_type, format) => (format === 'binary' ? refuseBinary : (value) => value),
};

export function createPostgresPool(pool: PostgresPool): SqlPool {
  return {
    connect: async () => new PostgresSession(await pool.connect()),
    isRetryable: (error) => error instanceof Error && 'code' in error && retryable.includes(error.code),
  };
}

class PostgresSession implements SqlSession {
  #isInTransaction = false;
  #isBroken = false;
  #isGone = false;

  constructor(readonly client: PostgresClient) {
    // A client outside of its pool that loses its connection between two statements ends a process that does not listen.
    client.on('error', this.#noteBreak);
  }

  async beginRead(): Promise<void> {
    await this.#endForeignTransaction();
  }

  async begin(occasion: Occasion, { lock, statement }: Limits): Promise<void> {
    await this.#endForeignTransaction();
    this.#isInTransaction = true;
    // In one message, and LOCAL: nothing of it outlives the transaction. The idle limit frees our locks if this
    // process freezes.
    await this.#query({
      text:
        'begin isolation level read committed read write; ' +
        `set local lock_timeout = ${lock}; set local statement_timeout = ${statement}; ` +
        'set local idle_in_transaction_session_timeout = 5000',
    });
    if (occasion === 'migration') {
      await this.#query({ text: 'select pg_advisory_xact_lock($1)', values: [migrationLock] });
    }
  }

  async ask({ wants, sql, parameters }: Statement): Promise<unknown> {
    const { rows, rowCount } = await this.#query({ text: sql, values: [...parameters], types });
    return wants === 'rows' ? rows : rowCount;
  }

  async commit(): Promise<void> {
    const { command } = await this.#query({ text: 'commit' });
    // A transaction in which something failed answers COMMIT with "ROLLBACK", which is no error to the driver.
    if (command !== 'COMMIT') throw new Error(`PostgreSQL answered COMMIT with ${command}.`);
    this.#isInTransaction = false;
  }

  async rollback(): Promise<void> {
    if (!this.#isInTransaction) return;
    await this.#query({ text: 'rollback' });
    this.#isInTransaction = false;
  }

  async release(): Promise<void> {
    this.#leave(this.#isBroken || this.#isInTransaction);
  }

  destroy(): void {
    this.#leave(true);
  }

  /** Its owner gave the connection back in the middle; nobody can commit that any more, and we must not. */
  async #endForeignTransaction(): Promise<void> {
    // Without that method it is not known, and a read inside of it could see the past.
    const status = this.client.getTransactionStatus?.();
    if (status !== 'I') await this.#query({ text: 'rollback' });
  }

  async #query(query: PostgresQuery) {
    try {
      return await this.client.query(query);
    } catch (error) {
      // What the server says has a severity; 57P is its farewell.
      const isStatementsFault =
        error instanceof Error &&
        'severity' in error &&
        'code' in error &&
        !String(error.code).startsWith('57P');
      if (!isStatementsFault) this.#isBroken = true;
      throw error;
    }
  }

  #leave(close: boolean): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (!close) this.client.removeListener('error', this.#noteBreak);
    this.client.release(close);
  }

  readonly #noteBreak = (): void => {
    this.#isBroken = true;
  };
}

function refuseBinary(): never {
  throw new Error('Give sqlStorage.postgres() a pool without `binary: true`: results are read as text.');
}
