import type { Lane } from '../../model.js';
import type { Acceptance, AcceptanceResult, PendingKey } from '../storage.js';
import { disable } from './changes.js';
import { recordEvents } from './events.js';
import { fixed } from './fixed.js';
import { completePending, consumePending, findPending } from './pending.js';
import { freshLane, type QueryBuilder } from './tables.js';
import { changed, Rollback, type Step, type Verb } from './verb.js';

export function* accept(db: QueryBuilder, acceptance: Acceptance): Verb<AcceptanceResult> {
  const { userId, purpose } = acceptance;
  if (!(yield* resetLane(db, acceptance))) return new Rollback('gone');
  const settlePending = purpose === 'login' ? completePending : consumePending;
  if (!(yield* settlePending(db, acceptance))) return new Rollback(yield* explainPending(db, acceptance));
  if (!(yield* useProof(db, acceptance))) return new Rollback('used');
  if (acceptance.effect === 'disable') yield* disable(db, userId);
  yield* recordEvents(db, acceptance.events);
  return 'accepted';
}

/**
 * First of all: the account's row is the lock that orders the transactions of one user. A right answer was counted as a wrong
 * one until now: if it was that which used the budget up, it did not.
 */
function* resetLane(db: QueryBuilder, acceptance: Acceptance): Step<boolean> {
  return (yield* changed(laneReset(db, acceptance, acceptance.proof.lane))) === 1;
}

const laneReset = fixed((db, { userId, epoch }: Pick<Acceptance, 'userId' | 'epoch'>, lane: Lane) =>
  db
    .updateTable('two_factor_auth')
    .set({ ...freshLane(lane), suspected_at: null })
    .where('user_id', '=', userId)
    .where('epoch', '=', epoch)
    .where('enabled_at', 'is not', null),
);

function* useProof(db: QueryBuilder, { proof, userId, epoch, now }: Acceptance): Step<boolean> {
  if (proof.lane === 'totp') {
    const { authenticatorId, step } = proof;
    return (yield* changed(stepUse(db, { authenticatorId, step, userId, now }))) === 1;
  }
  if ('supportCodeHash' in proof) {
    const key = { handleHash: proof.supportCodeHash, purpose: 'support-code', userId, epoch } as const;
    return yield* consumePending(db, { ...key, now });
  }
  const { setId, codeHash } = proof;
  return (yield* changed(codeUse(db, { setId, codeHash, userId, now }))) === 1;
}

type StepUse = { authenticatorId: string; step: number; userId: string; now: number };

/** RFC 6238 §5.2: the verifier must not accept the second attempt of the OTP. */
const stepUse = fixed((db, { authenticatorId, step, userId, now }: StepUse) =>
  db
    .updateTable('two_factor_authenticators')
    .set({ last_step: step, last_used_at: now })
    .where('id', '=', authenticatorId)
    .where('user_id', '=', userId)
    .where('last_step', '<', step),
);

type CodeUse = { setId: string; codeHash: string; userId: string; now: number };

const codeUse = fixed((db, { setId, codeHash, userId, now }: CodeUse) =>
  db
    .updateTable('two_factor_backup_codes')
    .set({ used_at: now })
    .where('set_id', '=', setId)
    .where('set_id', 'in', db.selectFrom('two_factor_backup_sets').select('id').where('user_id', '=', userId))
    .where('code_hash', '=', codeHash)
    .where('used_at', 'is', null),
);

function* explainPending(db: QueryBuilder, key: PendingKey): Step<AcceptanceResult> {
  const row = yield* findPending(db, key.handleHash);
  if (!row) return key.purpose === 'step-up' ? 'completed' : 'gone';
  const isTheirs = row.purpose === key.purpose && row.userId === key.userId && row.epoch === key.epoch;
  return isTheirs && row.completedAt !== null ? 'completed' : 'gone';
}
