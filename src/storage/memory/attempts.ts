import type { SecondFactorEvent } from '../../events.js';
import type { Counter, Lane, Pending } from '../../model.js';
import type { Attempt, AttemptResult, Storage } from '../storage.js';
import { type AccountRecord, matches, type Tables } from './tables.js';

export function attemptVerbs(tables: Tables) {
  return {
    async spendAttempt(attempt) {
      const { lane, now, limits } = attempt;
      const account = tables.accountOf(attempt.userId);
      const pending = tables.pendings.get(attempt.handleHash);
      const wrongAnswers = countWrongAnswers(tables.events.values(), account, attempt);
      const refusal = refuseAttempt(attempt, account, pending, wrongAnswers);
      if (refusal || !pending) return refusal ?? { kind: 'gone' };
      if (tables.events.has(attempt.event.id)) throw new Error('There is an event with this id.');
      pending.failures += 1;
      tables.record([attempt.event]);
      const left = limits.perPending - pending.failures;
      if (lane === null) return { kind: 'spent', left, failures: 0, answers: 0 };
      countFailure(account, lane, attempt);
      const answers = wrongAnswers + 1;
      if (answers === limits.budget.answers) account.suspectedAt = now;
      return { kind: 'spent', left, failures: account.lanes[lane].failures, answers };
    },
  } satisfies Partial<Storage>;
}

/** @returns why the attempt is refused, if it is. */
function refuseAttempt(
  attempt: Attempt,
  account: AccountRecord,
  pending: Pending | undefined,
  wrongAnswers: number,
): AttemptResult | undefined {
  const { lane, limits, now } = attempt;
  if (!pending || !matches(pending, attempt) || account.epoch !== attempt.epoch) return { kind: 'gone' };
  if (lane !== null && account.enabledAt === null) return { kind: 'gone' };
  if (pending.completedAt !== null) return { kind: 'completed' };
  if (pending.expiresAt <= now) return { kind: 'gone' };
  if (pending.failures >= limits.perPending) return { kind: 'exhausted' };
  if (lane === null) return undefined;
  if (account.suspectedAt !== null || wrongAnswers >= limits.budget.answers) return { kind: 'suspected' };
  if (account.lanes[lane].failures >= limits.cap) return { kind: 'suspended' };
  const { delayedUntil } = delayOf(account, lane, attempt.isKnown);
  return now < delayedUntil ? { kind: 'delayed', until: delayedUntil } : undefined;
}

function countFailure(account: AccountRecord, lane: Lane, attempt: Attempt): void {
  const { delayFrom, delays } = attempt.limits;
  const counter = delayOf(account, lane, attempt.isKnown);
  counter.failures += 1;
  if (attempt.isKnown) account.lanes[lane].failures += 1;
  const delay = delays[Math.min(counter.failures - delayFrom, delays.length - 1)];
  if (delay !== undefined) counter.delayedUntil = attempt.now + delay;
}

/** How much of the budget of wrong answers an account has used. */
function countWrongAnswers(
  events: Iterable<SecondFactorEvent>,
  account: AccountRecord,
  { now, limits }: Attempt,
): number {
  const since = Math.max(now - limits.budget.within, account.passwordChangedAt);
  return [...events].filter(
    ({ userId, kind, at }) => userId === account.userId && kind === 'answer.rejected' && at > since,
  ).length;
}

function delayOf(account: AccountRecord, lane: Lane, isKnown: boolean): Counter {
  return isKnown ? account.lanes[lane].known : account.lanes[lane];
}
