import type { Compilable } from 'kysely';

/**
 * What a verb asks its runner for: the rows of a query, or how many rows it matched. `made` stands in a migration that
 * was begun before and not finished: what this statement makes may be there, and that is as good as making it.
 */
export interface Statement {
  wants: 'rows' | 'changed' | 'made';
  sql: string;
  parameters: readonly unknown[];
}

/** Part of a verb. The runner answers each statement with what it wants; nothing here knows how. */
export type Step<T> = Generator<Statement, T, unknown>;

/**
 * One storage verb, written without input or output: SQLite drivers are synchronous and must run it in one turn of
 * the event loop (between two turns, other code of the process would join the transaction or wait for it for
 * ever), pools of other databases need an `await` at each statement. One generator serves both.
 */
export type Verb<T> = Generator<Statement, T | Rollback<T>, unknown>;

/** What a verb returns that has written and then decided against it. */
export class Rollback<T> {
  constructor(readonly result: T) {}
}

/** Who waits for a transaction: a person at a page, nobody, or a process that starts beside others. */
export type Occasion = 'request' | 'upkeep' | 'migration';

export interface Runner {
  /** Runs a verb that only reads, without a transaction: each of its statements sees the present. */
  read<T>(verb: () => Step<T>, occasion?: Occasion): Promise<T>;
  /** Runs a verb in a transaction that is committed when this resolves, or rolled back where the verb says so. */
  transact<T>(verb: () => Verb<T>, occasion?: Occasion): Promise<T>;
}

export function* rows<Row>(query: Compilable<Row>): Step<Row[]> {
  const { sql, parameters } = query.compile();
  return (yield { wants: 'rows', sql, parameters }) as Row[];
}

export function* first<Row>(query: Compilable<Row>): Step<Row | undefined> {
  return (yield* rows(query))[0];
}

/** How many rows an UPDATE matched, a DELETE deleted, an INSERT inserted. */
export function* changed(query: Compilable, wants: 'changed' | 'made' = 'changed'): Step<number> {
  const { sql, parameters } = query.compile();
  return Number(yield { wants, sql, parameters });
}
