import { sql, type RawBuilder } from 'kysely';
import type { Lane } from '../../model.js';
import type { Attempt, AttemptResult, PendingKey } from '../storage.js';
import { countWrongAnswers, insertEvent } from './events.js';
import { fixed } from './fixed.js';
import { isLive, matchesKey } from './pending.js';
import { type CounterColumns, knownColumns, laneColumns, type QueryBuilder } from './tables.js';
import { changed, first, Rollback, type Step, type Verb } from './verb.js';

export function* spendAttempt(db: QueryBuilder, attempt: Attempt): Verb<AttemptResult> {
  const { lane, userId, now, limits } = attempt;
  const given = describe(attempt);
  const isCounted =
    (lane === null || (yield* countFailure(db, attempt, lane, given))) &&
    (yield* changed(answer(db, given))) === 1;
  if (!isCounted) return new Rollback(yield* explainRefusal(db, attempt));
  yield* insertEvent(db, attempt.event);
  const counted = yield* first(counts(db, given));
  const left = limits.perPending - Number(counted?.answered);
  if (lane === null) return { kind: 'spent', left, failures: 0, answers: 0 };
  const answers = Number(counted?.wrong);
  if (answers > limits.budget.answers) return new Rollback({ kind: 'suspected' });
  if (answers === limits.budget.answers) yield* suspect(db, userId, now);
  return { kind: 'spent', left, failures: Number(counted?.[laneColumns[lane].failures]), answers };
}

/** What the queries of an attempt are given, in one row. */
interface Given extends PendingKey {
  now: number;
  perPending: number;
  cap: number;
  /** Wrong answers after this are of the budget. */
  since: number;
  /** So many failures before this one arm a delay. */
  [failures: `failures${number}`]: number;
  /** The end of that delay. */
  [until: `until${number}`]: number;
}

function describe({ handleHash, purpose, userId, epoch, now, limits }: Attempt): Given {
  const { perPending, cap, delayFrom, delays, budget } = limits;
  const key = { handleHash, purpose, userId, epoch };
  const given: Given = { ...key, now, perPending, cap, since: now - budget.within };
  for (const [index, delay] of delays.entries()) {
    given[`failures${index}`] = delayFrom - 1 + index;
    given[`until${index}`] = now + delay;
  }
  return given;
}

/** First of all: the account's row is the lock that orders the transactions of one user. */
function* countFailure(
  db: QueryBuilder,
  { isKnown, limits }: Attempt,
  lane: Lane,
  given: Given,
): Step<boolean> {
  const count = isKnown ? knownFailure : failure;
  return (yield* changed(count(db, given, `${lane} ${limits.delays.length}`))) === 1;
}

type Shape = `${Lane} ${number}`;

const failure = fixed((db, given: Given, shape: Shape) => {
  const { lane, delays } = readShape(shape);
  return countIn(db, given, lane, laneColumns[lane], delays);
});

/** In a browser that is known, another delay holds. */
const knownFailure = fixed((db, given: Given, shape: Shape) => {
  const { lane, delays } = readShape(shape);
  const { failures } = knownColumns[lane];
  return countIn(db, given, lane, knownColumns[lane], delays).set(failures, (eb) => eb(failures, '+', 1));
});

function readShape(shape: Shape): { lane: Lane; delays: number } {
  const [lane, delays] = shape.split(' ') as [Lane, string];
  return { lane, delays: Number(delays) };
}

function countIn(db: QueryBuilder, given: Given, lane: Lane, delay: CounterColumns, delays: number) {
  const { failures } = laneColumns[lane];
  return (
    db
      .updateTable('two_factor_auth')
      // The delay first: MariaDB assigns from left to right and would show it the raised counter.
      .set(delay.delayedUntil, nextDelay(given, delay, delays))
      .set(failures, (eb) => eb(failures, '+', 1))
      .where('user_id', '=', given.userId)
      .where('epoch', '=', given.epoch)
      .where('enabled_at', 'is not', null)
      .where('suspected_at', 'is', null)
      .where(delay.delayedUntil, '<=', given.now)
      .where(failures, '<', given.cap)
  );
}

/**
 * Armed by the statement that counts, since between a read and a write every parallel guess would pass.
 * One branch is the column itself: PostgreSQL takes the type of the expression from it.
 */
function nextDelay(given: Given, columns: CounterColumns, delays: number): RawBuilder<number> {
  const failures = sql.ref(columns.failures);
  const unchanged = sql.ref<number>(columns.delayedUntil);
  if (delays === 0) return sql`${unchanged}`;
  const rungs = Array.from(
    { length: delays },
    (_, index) => sql`when ${failures} = ${given[`failures${index}`]} then ${given[`until${index}`]}`,
  );
  const last = given[`until${delays - 1}`];
  return sql`case when ${failures} < ${given['failures0']} then ${unchanged} ${sql.join(rungs, sql` `)} else ${last} end`;
}

const answer = fixed((db, given: Given) => {
  // Where no lane counts, nothing else has compared the epoch with the account's.
  const epoch = db.selectFrom('two_factor_auth').select('epoch').where('user_id', '=', given.userId);
  return db
    .updateTable('two_factor_pending')
    .set((eb) => ({ failures: eb('failures', '+', 1) }))
    .where((eb) => isLive(eb, given))
    .where('failures', '<', given.perPending)
    .where((eb) => eb(eb.fn.coalesce(epoch, eb.lit(0)), '=', given.epoch));
});

function* suspect(db: QueryBuilder, userId: string, now: number): Step<void> {
  yield* changed(db.updateTable('two_factor_auth').set({ suspected_at: now }).where('user_id', '=', userId));
}

const counts = fixed((db, given: Given) =>
  db
    .selectFrom('two_factor_pending')
    .leftJoin('two_factor_auth as auth', 'auth.user_id', 'two_factor_pending.user_id')
    .select(['failures as answered', 'totp_failures', 'backup_code_failures'])
    .select(countWrongAnswers(db, given).as('wrong'))
    .where((eb) => matchesKey(eb, given)),
);

/** The pending row speaks first: who holds a dead one learns nothing about the account. */
function* explainRefusal(db: QueryBuilder, attempt: Attempt): Step<AttemptResult> {
  const { lane, limits, now } = attempt;
  const found = yield* first(
    db
      .selectFrom('two_factor_pending')
      .leftJoin('two_factor_auth as auth', 'auth.user_id', 'two_factor_pending.user_id')
      .select(['two_factor_pending.failures', 'expires_at', 'completed_at', 'auth.epoch', 'enabled_at'])
      .select(['totp_failures', 'totp_delayed_until', 'totp_known_delayed_until', 'suspected_at'])
      .select(['backup_code_failures', 'backup_code_delayed_until', 'backup_code_known_delayed_until'])
      .where((eb) => matchesKey(eb, attempt)),
  );
  if (!found || Number(found.epoch ?? 0) !== attempt.epoch) return { kind: 'gone' };
  if (lane !== null && found.enabled_at === null) return { kind: 'gone' };
  if (found.completed_at !== null) return { kind: 'completed' };
  if (Number(found.expires_at) <= now) return { kind: 'gone' };
  if (Number(found.failures) >= limits.perPending) return { kind: 'exhausted' };
  if (lane === null) return { kind: 'gone' };
  if (found.suspected_at !== null) return { kind: 'suspected' };
  if (Number(found[laneColumns[lane].failures]) >= limits.cap) return { kind: 'suspended' };
  const until = Number(found[(attempt.isKnown ? knownColumns : laneColumns)[lane].delayedUntil]);
  return until > now ? { kind: 'delayed', until } : { kind: 'gone' };
}
