import { setTimeout as wait } from 'node:timers/promises';
import { Rollback, type Runner, type Statement, type Verb } from './verb.js';

/** What is used of the better-sqlite3 API, which `libsql` shares. */
export interface SqliteDatabase {
  readonly inTransaction: boolean;
  /** Runs statements without parameters. */
  exec(sql: string): unknown;
  /** Of one statement, which is run many times. */
  prepare(sql: string): SqliteStatement;
}

/** What is used of a prepared statement. */
export interface SqliteStatement {
  /** Its rows. */
  all(parameters: readonly unknown[]): unknown[];
  /** Of one that writes. */
  run(parameters: readonly unknown[]): { changes: number | bigint };
}

/** Milliseconds for which a locked database is tried again. */
const patience = 5_000;

const lockedMessage =
  'The SQLite database stayed locked for 5 s. Look for a connection that keeps a write transaction open.';

/** A verb that writes, and who waits for it. */
interface Work<T = unknown> {
  verb: () => Verb<T>;
  resolve: (result: T) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs each verb in one turn of the event loop, so that nothing of this process can come between its statements. Verbs that wait at the
 * same time are committed together: to be durable a commit waits for the disk, which takes longer than all that comes before it.
 */
export function createSqliteRunner(db: SqliteDatabase): Runner {
  const statements = new Map<string, SqliteStatement>();
  const waiting: Work[] = [];

  function ask({ wants, sql, parameters }: Statement): unknown {
    let statement = statements.get(sql);
    if (!statement) statements.set(sql, (statement = db.prepare(sql)));
    return wants === 'rows' ? statement.all(parameters) : statement.run(parameters).changes;
  }

  function perform<Result>(verb: Generator<Statement, Result, unknown>): Result {
    let turn = verb.next();
    while (!turn.done) turn = verb.next(ask(turn.value));
    return turn.value;
  }

  /** @returns what there is to tell of each, which is true once this has returned. */
  function performInTransaction(works: readonly Work[]): (() => void)[] {
    // By `exec`, never prepared: libsql does not reset a prepared BEGIN or INSERT that met a lock, and until it is
    // run again that connection's commits fail or keep the write lock. So no write goes without BEGIN IMMEDIATE.
    db.exec('BEGIN IMMEDIATE');
    try {
      const outcomes = works.map(performAsPart);
      db.exec('COMMIT');
      return outcomes;
    } catch (error) {
      // After a full disk or an I/O error SQLite has rolled back by itself.
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  /** What one verb undoes, or breaks, is its own. */
  function performAsPart({ verb, resolve, reject }: Work): () => void {
    db.exec('SAVEPOINT verb');
    try {
      const result = perform(verb());
      if (result instanceof Rollback) db.exec('ROLLBACK TO verb');
      db.exec('RELEASE verb');
      return () => resolve(result instanceof Rollback ? result.result : result);
    } catch (error) {
      if (!db.inTransaction || isLocked(error)) throw error;
      db.exec('ROLLBACK TO verb; RELEASE verb');
      return () => reject(error);
    }
  }

  async function performAll(works: readonly Work[]): Promise<void> {
    try {
      const outcomes = await runUnlocked(() => performInTransaction(works));
      for (const tell of outcomes) tell();
    } catch (error) {
      if (works.length === 1) works[0]?.reject(error);
      // The commit has failed, or one of them has ended it: each for itself.
      else for (const work of works) await performAll([work]);
    }
  }

  function runUnlocked<T>(run: () => T): Promise<T> {
    return retryWhileLocked(() => {
      refuseForeignTransaction();
      return run();
    });
  }

  function refuseForeignTransaction(): void {
    if (!db.inTransaction) return;
    throw new Error(
      'The SQLite connection is inside a transaction of somebody else, where an old state could be read and a ' +
        'counted attempt rolled back. Give sqlStorage.sqlite() a connection of its own.',
    );
  }

  return {
    read: (verb) => runUnlocked(() => perform(verb())),
    transact: <T>(verb: () => Verb<T>) =>
      new Promise<T>((resolve, reject) => {
        const isFirst = waiting.push({ verb, resolve, reject } as Work) === 1;
        if (isFirst) setImmediate(() => void performAll(waiting.splice(0)));
      }),
  };
}

/**
 * Waits with the event loop free. SQLite's own busy timeout blocks the thread, also for the code of this process
 * that holds the lock and would release it.
 */
async function retryWhileLocked<T>(run: () => T): Promise<T> {
  let deadline: AbortSignal | undefined;
  for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
    try {
      return run();
    } catch (error) {
      if (!isLocked(error)) throw error;
      if (deadline?.aborted) throw new Error(lockedMessage, { cause: error });
      deadline ??= AbortSignal.timeout(patience);
    }
    await wait(pause);
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');
}
