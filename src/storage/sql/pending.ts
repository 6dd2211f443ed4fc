import type { ExpressionBuilder, Insertable } from 'kysely';
import type { Pending } from '../../model.js';
import type { PendingKey } from '../storage.js';
import { fixed } from './fixed.js';
import { insertIfAbsent, toTime, type QueryBuilder, type Tables } from './tables.js';
import { changed, first, type Step } from './verb.js';

type PendingTable = Tables['two_factor_pending'];

const insertion = fixed((db, pending: Pending) => db.insertInto('two_factor_pending').values(toRow(pending)));

export function* createPending(db: QueryBuilder, pending: Pending): Step<void> {
  yield* changed(insertion(db, pending));
}

export function* openPending(db: QueryBuilder, pending: Pending, now: number): Step<Pending> {
  yield* changed(
    db
      .deleteFrom('two_factor_pending')
      .where('handle_hash', '=', pending.handleHash)
      .where((eb) => {
        // A newer epoch's stays too: a request that is late must not begin its count of answers anew.
        const isTheirs = eb.and({ purpose: pending.purpose, user_id: pending.userId });
        return eb.not(eb.and([isTheirs, eb('epoch', '>=', pending.epoch), eb('expires_at', '>', now)]));
      }),
  );
  yield* changed(insertIfAbsent(db, 'two_factor_pending', toRow(pending)));
  // The whole key again, so that a row of somebody else is never handed out.
  const row = yield* first(
    db
      .selectFrom('two_factor_pending')
      .selectAll()
      .where((eb) => matchesKey(eb, pending)),
  );
  if (!row)
    throw new Error('This handle has a row of a newer epoch, or of somebody else in the same moment.');
  return fromRow(row);
}

const pendingOf = fixed((db, { handleHash }: Pick<PendingKey, 'handleHash'>) =>
  db.selectFrom('two_factor_pending').selectAll().where('handle_hash', '=', handleHash),
);

export function* findPending(db: QueryBuilder, handleHash: string): Step<Pending | undefined> {
  const row = yield* first(pendingOf(db, { handleHash }));
  return row && fromRow(row);
}

export function* deletePending(db: QueryBuilder, handleHash: string): Step<boolean> {
  return (yield* changed(db.deleteFrom('two_factor_pending').where('handle_hash', '=', handleHash))) > 0;
}

export function* purgePending(db: QueryBuilder, now: number): Step<number> {
  return yield* changed(db.deleteFrom('two_factor_pending').where('expires_at', '<=', now));
}

export function* findSupportCode(db: QueryBuilder, userId: string): Step<Pending | undefined> {
  const row = yield* first(
    db
      .selectFrom('two_factor_pending')
      .selectAll()
      .where('user_id', '=', userId)
      .where('purpose', '=', 'support-code'),
  );
  return row && fromRow(row);
}

type Moment = PendingKey & { now: number };

const completion = fixed((db, moment: Moment) =>
  db
    .updateTable('two_factor_pending')
    .set({ completed_at: moment.now })
    .where((eb) => isLive(eb, moment)),
);

/** @returns whether the row was live. */
export function* completePending(db: QueryBuilder, moment: Moment): Step<boolean> {
  return (yield* changed(completion(db, moment))) === 1;
}

const consumption = fixed((db, moment: Moment) =>
  db.deleteFrom('two_factor_pending').where((eb) => isLive(eb, moment)),
);

/** @returns whether the row was live. */
export function* consumePending(db: QueryBuilder, moment: Moment): Step<boolean> {
  return (yield* changed(consumption(db, moment))) === 1;
}

export function* deletePendingsOf(db: QueryBuilder, ...userIds: string[]): Step<void> {
  yield* changed(db.deleteFrom('two_factor_pending').where('user_id', 'in', userIds));
}

/** The step-ups of the epoch before go on under this one, with the answers that they have taken. */
export function* deletePendingsButStepUps(db: QueryBuilder, userId: string, epoch: number): Step<void> {
  yield* changed(
    db
      .deleteFrom('two_factor_pending')
      .where('user_id', '=', userId)
      .where((eb) => eb.not(eb.and({ purpose: 'step-up', epoch: epoch - 1 }))),
  );
  yield* changed(db.updateTable('two_factor_pending').set({ epoch }).where('user_id', '=', userId));
}

export function matchesKey(eb: ExpressionBuilder<Tables, 'two_factor_pending'>, key: PendingKey) {
  return eb.and({
    handle_hash: key.handleHash,
    purpose: key.purpose,
    'two_factor_pending.user_id': key.userId,
    'two_factor_pending.epoch': key.epoch,
  });
}

export function isLive(eb: ExpressionBuilder<Tables, 'two_factor_pending'>, moment: Moment) {
  return eb.and([matchesKey(eb, moment), eb('expires_at', '>', moment.now), eb('completed_at', 'is', null)]);
}

function toRow(pending: Pending): Insertable<PendingTable> {
  return {
    handle_hash: pending.handleHash,
    purpose: pending.purpose,
    user_id: pending.userId,
    epoch: pending.epoch,
    payload: pending.payload,
    failures: pending.failures,
    created_at: pending.createdAt,
    expires_at: pending.expiresAt,
    completed_at: pending.completedAt,
  };
}

function fromRow(row: PendingTable): Pending {
  return {
    handleHash: row.handle_hash,
    purpose: row.purpose,
    userId: row.user_id,
    epoch: Number(row.epoch),
    payload: row.payload,
    failures: Number(row.failures),
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    completedAt: toTime(row.completed_at),
  };
}
