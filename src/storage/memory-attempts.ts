import type { SecondFactorEvent } from '../events.js';
import type { Account, Counter, Lane, LaneCounter, Pending } from '../model.js';
import type { Attempt, AttemptResult, PendingKey } from './storage.js';

/** An account with what only the verbs look at. */
export interface AccountRecord extends Account {
  passwordChangedAt: number;
}

export function freshLanes(): Account['lanes'] {
  return { totp: freshLane(), 'backup-code': freshLane() };
}

export function freshLane(): LaneCounter {
  return { failures: 0, delayedUntil: 0, known: { failures: 0, delayedUntil: 0 } };
}

export function matches(pending: Pending, key: PendingKey): boolean {
  return pending.purpose === key.purpose && pending.userId === key.userId && pending.epoch === key.epoch;
}

/** @returns why the attempt is refused, if it is. */
export function refuseAttempt(
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

export function countFailure(account: AccountRecord, lane: Lane, attempt: Attempt): void {
  const { delayFrom, delays } = attempt.limits;
  const counter = delayOf(account, lane, attempt.isKnown);
  counter.failures += 1;
  if (attempt.isKnown) account.lanes[lane].failures += 1;
  const delay = delays[Math.min(counter.failures - delayFrom, delays.length - 1)];
  if (delay !== undefined) counter.delayedUntil = attempt.now + delay;
}

/** How much of the budget of wrong answers an account has used. */
export function countWrongAnswers(
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
