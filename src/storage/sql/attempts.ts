import { sql, type RawBuilder } from 'kysely';
import type { Lane } from '../../model.js';
import type { Attempt, AttemptResult } from '../storage.js';
import { countWrongAnswers, insertEvent } from './events.js';
import { isLive, matchesKey } from './pending.js';
import { type CounterColumns, knownColumns, laneColumns, type QueryBuilder } from './tables.js';
import { changed, first, Rollback, type Step, type Verb } from './verb.js';

export function* spendAttempt(db: QueryBuilder, attempt: Attempt): Verb<AttemptResult> {
  const { lane, userId, now, limits } = attempt;
  const counted =
    (lane === null || (yield* countFailure(db, attempt, lane))) && (yield* countAnswer(db, attempt));
  if (!counted) return new Rollback(yield* explainRefusal(db, attempt));
  yield* insertEvent(db, attempt.event);
  const counts = yield* readCounts(db, attempt);
  const left = limits.perPending - Number(counts?.answered);
  if (lane === null) return { kind: 'spent', left, failures: 0, answers: 0 };
  const answers = Number(counts?.wrong);
  if (answers > limits.budget.answers) return new Rollback({ kind: 'suspected' });
  if (answers === limits.budget.answers) yield* suspect(db, userId, now);
  return { kind: 'spent', left, failures: Number(counts?.[laneColumns[lane].failures]), answers };
}

/** First of all: the account's row is the lock that orders the transactions of one user. */
function* countFailure(db: QueryBuilder, attempt: Attempt, lane: Lane): Step<boolean> {
  const { failures } = laneColumns[lane];
  const known = knownColumns[lane];
  const { delayedUntil } = attempt.isKnown ? known : laneColumns[lane];
  let count = db
    .updateTable('two_factor_auth')
    // The delay first: MariaDB assigns from left to right and would show it the raised counter.
    .set(delayedUntil, nextDelay(attempt, attempt.isKnown ? known : laneColumns[lane]))
    .set(failures, (eb) => eb(failures, '+', 1))
    .where('user_id', '=', attempt.userId)
    .where('epoch', '=', attempt.epoch)
    .where('enabled_at', 'is not', null)
    .where('suspected_at', 'is', null)
    .where(delayedUntil, '<=', attempt.now)
    .where(failures, '<', attempt.limits.cap);
  if (attempt.isKnown) count = count.set(known.failures, (eb) => eb(known.failures, '+', 1));
  return (yield* changed(count)) === 1;
}

/**
 * Armed by the statement that counts, since between a read and a write every parallel guess would pass.
 * One branch is the column itself: PostgreSQL takes the type of the expression from it.
 */
function nextDelay({ limits, now }: Attempt, columns: CounterColumns): RawBuilder<number> {
  const failures = sql.ref(columns.failures);
  const unchanged = sql.ref<number>(columns.delayedUntil);
  const last = limits.delays.at(-1);
  if (last === undefined) return sql`${unchanged}`;
  const rungs = limits.delays.map(
    (delay, index) => sql`when ${failures} = ${limits.delayFrom - 1 + index} then ${now + delay}`,
  );
  return sql`case when ${failures} < ${limits.delayFrom - 1} then ${unchanged} ${sql.join(rungs, sql` `)} else ${now + last} end`;
}

function* countAnswer(db: QueryBuilder, attempt: Attempt): Step<boolean> {
  // Where no lane counts, nothing else has compared the epoch with the account's.
  const epoch = db.selectFrom('two_factor_auth').select('epoch').where('user_id', '=', attempt.userId);
  const count = db
    .updateTable('two_factor_pending')
    .set((eb) => ({ failures: eb('failures', '+', 1) }))
    .where((eb) => isLive(eb, attempt, attempt.now))
    .where('failures', '<', attempt.limits.perPending)
    .where((eb) => eb(eb.fn.coalesce(epoch, eb.lit(0)), '=', attempt.epoch));
  return (yield* changed(count)) === 1;
}

function* suspect(db: QueryBuilder, userId: string, now: number): Step<void> {
  yield* changed(db.updateTable('two_factor_auth').set({ suspected_at: now }).where('user_id', '=', userId));
}

function* readCounts(db: QueryBuilder, attempt: Attempt) {
  return yield* first(
    db
      .selectFrom('two_factor_pending')
      .leftJoin('two_factor_auth as auth', 'auth.user_id', 'two_factor_pending.user_id')
      .select(['failures as answered', 'totp_failures', 'backup_code_failures'])
      .select(countWrongAnswers(db, attempt).as('wrong'))
      .where((eb) => matchesKey(eb, attempt)),
  );
}

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
