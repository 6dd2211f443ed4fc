import { setTimeout as wait } from 'node:timers/promises';
import { randomSecret } from '../../crypto/random.js';
import { Deadline, silence, type Limits } from './deadline.js';
import { Rollback, type Occasion, type Runner, type Statement, type Verb } from './verb.js';

/** What differs between databases that are reached through a pool of connections. */
export interface SqlPool {
  connect(): Promise<SqlSession>;
  /** Whether the database rolled the transaction back for the sake of another one. */
  isRetryable(error: unknown): boolean;
}

/** One connection, taken out of the pool. */
export interface SqlSession {
  /** Ends what somebody else left open, so that a read sees the present. */
  beginRead(limits: Limits): Promise<void>;
  /** Starts a READ COMMITTED transaction with these limits, which are the transaction's own. */
  begin(occasion: Occasion, limits: Limits): Promise<void>;
  ask(statement: Statement): Promise<unknown>;
  /** Rejects unless the database says that it has committed. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Gives the connection back as it came. Rejects where that is not certain. */
  release(): Promise<void>;
  /** Closes the connection, which ends its transaction. May follow anything, itself too. */
  destroy(): void;
}

/** Milliseconds. Whoever waits for a request is answered within 1.5 s; a lock ends before the statement, that before all. */
const limitsOf: Record<Occasion, Limits> = {
  // Above PostgreSQL's deadlock_timeout of 1 s, or a deadlock would look like a lock that somebody holds.
  request: { lock: 1_100, statement: 1_250, total: 1_400 },
  upkeep: { lock: 1_100, statement: 30_000, total: 35_000 },
  migration: { lock: 60_000, statement: 60_000, total: 120_000 },
};

/** Of many that write one user's rows at once the database lets one through at a time; who loses may lose again. */
const attempts = 10;

/** Milliseconds. */
const patienceAtRelease = 3_000;

/** Runs each verb on a connection of its own, awaiting at each statement. */
export function createPoolRunner(pool: SqlPool): Runner {
  async function runRepeatedly<T>(deadline: Deadline, task: (session: SqlSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await runOnce(pool, deadline, task);
      } catch (error) {
        if (attempt === attempts || deadline.isOver || !pool.isRetryable(error)) throw error;
      }
      // Random, or two that met once would meet again.
      await wait(10 * attempt + (randomSecret(1)[0] ?? 0) / 10);
    }
  }

  return {
    read: (verb, occasion = 'request') =>
      Deadline.within(limitsOf[occasion], (deadline) =>
        runRepeatedly(deadline, async (session) => {
          await deadline.unlessSilent(session.beginRead(deadline.limits));
          return perform(session, deadline, verb());
        }),
      ),
    transact: (verb, occasion = 'request') =>
      Deadline.within(limitsOf[occasion], (deadline) =>
        runRepeatedly(deadline, (session) => transactOnce(session, deadline, occasion, verb())),
      ),
  };
}

async function runOnce<T>(
  pool: SqlPool,
  deadline: Deadline,
  task: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const session = await pool.connect();
  if (deadline.isOver) void giveBack(session, true);
  deadline.throwIfOver();
  let isSound = true;
  try {
    return await task(session);
  } catch (error) {
    isSound = error !== silence && (await succeeds(deadline.unlessSilent(session.rollback())));
    throw error;
  } finally {
    // Not awaited: the outcome is known, and must not get lost in what comes after.
    void giveBack(session, isSound);
  }
}

/** The connection goes back only in a state that is known, else it is closed. */
async function giveBack(session: SqlSession, isSound: boolean): Promise<void> {
  const timer = setTimeout(() => session.destroy(), patienceAtRelease);
  if (!isSound || !(await succeeds(session.release()))) session.destroy();
  clearTimeout(timer);
}

async function transactOnce<T>(
  session: SqlSession,
  deadline: Deadline,
  occasion: Occasion,
  verb: Verb<T>,
): Promise<T> {
  await deadline.unlessSilent(session.begin(occasion, deadline.limits));
  const result = await perform(session, deadline, verb);
  if (result instanceof Rollback) {
    await deadline.unlessSilent(session.rollback());
    return result.result;
  }
  await deadline.unlessSilent(session.commit());
  return result;
}

/** Before each step, the COMMIT included, it looks whether somebody still waits: what nobody waits for is rolled back. */
async function perform<Result>(
  session: SqlSession,
  deadline: Deadline,
  verb: Generator<Statement, Result, unknown>,
): Promise<Result> {
  let turn = verb.next();
  while (!turn.done) {
    turn = verb.next(await deadline.unlessSilent(session.ask(turn.value)));
    deadline.throwIfOver();
  }
  return turn.value;
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
