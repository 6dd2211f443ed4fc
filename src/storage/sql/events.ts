import { sql } from 'kysely';
import type { EventDetails, SecondFactorEvent } from '../../events.js';
import type { EventCursor } from '../storage.js';
import { fixed } from './fixed.js';
import { dialectOf, type QueryBuilder, type Tables } from './tables.js';
import { changed, rows, type Step } from './verb.js';

type EventTable = Tables['two_factor_events'];

const insertion = fixed((db, row: EventTable) => db.insertInto('two_factor_events').values(copy(row)));

/** An event that must be new. */
export function* insertEvent(db: QueryBuilder, event: SecondFactorEvent): Step<void> {
  yield* changed(insertion(db, toRow(event)));
}

const replacement = fixed((db, row: EventTable) => replace(db, [copy(row)]));

/** One statement. An event whose id is there already takes the place of the other one. */
export function* recordEvents(db: QueryBuilder, events: readonly SecondFactorEvent[]): Step<void> {
  const [one, ...others] = events.map(toRow);
  if (one) yield* changed(others.length === 0 ? replacement(db, one) : replace(db, [one, ...others]));
}

function replace(db: QueryBuilder, all: EventTable[]) {
  const insert = db.insertInto('two_factor_events').values(all);
  return dialectOf(db) === 'mysql'
    ? insert.onDuplicateKeyUpdate({
        kind: sql`values(kind)`,
        at: sql`values(at)`,
        details: sql`values(details)`,
      })
    : insert.onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          kind: eb.ref('excluded.kind'),
          at: eb.ref('excluded.at'),
          details: eb.ref('excluded.details'),
        })),
      );
}

export function* listEvents(
  db: QueryBuilder,
  userId: string,
  limit: number,
  from?: EventCursor,
): Step<SecondFactorEvent[]> {
  let query = db.selectFrom('two_factor_events').selectAll().where('user_id', '=', userId);
  if (from) {
    query = query.where((eb) =>
      eb.or([eb('at', '<', from.at), eb.and([eb('at', '=', from.at), eb('id', '<', from.id)])]),
    );
  }
  const found = yield* rows(query.orderBy('at', 'desc').orderBy('id', 'desc').limit(limit));
  return found.map(fromRow);
}

export function* purgeEvents(db: QueryBuilder, before: number): Step<number> {
  return yield* changed(db.deleteFrom('two_factor_events').where('at', '<', before));
}

export function* deleteEventsOf(db: QueryBuilder, userId: string): Step<void> {
  yield* changed(db.deleteFrom('two_factor_events').where('user_id', '=', userId));
}

/** How much of the budget of wrong answers an account has used, as part of a query on it. */
export function countWrongAnswers(db: QueryBuilder, { userId, since }: { userId: string; since: number }) {
  return db
    .selectFrom('two_factor_events')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('two_factor_events.user_id', '=', userId)
    .where('kind', '=', 'answer.rejected')
    .where('at', '>', since)
    .where('at', '>', sql<number>`auth.password_changed_at`);
}

function toRow(event: SecondFactorEvent): EventTable {
  const { id, userId, kind, at, address, browser, node, details } = event;
  return { id, user_id: userId, kind, at, address, browser, node, details: JSON.stringify(details) };
}

/** Of a row, or of what stands in for one. */
function copy({ id, user_id, kind, at, address, browser, node, details }: EventTable): EventTable {
  return { id, user_id, kind, at, address, browser, node, details };
}

function fromRow(row: EventTable): SecondFactorEvent {
  const { id, kind, address, browser, node } = row;
  const details = JSON.parse(row.details) as EventDetails[typeof kind];
  // What stands in a row belongs together: only `toRow` writes them.
  return {
    id,
    userId: row.user_id,
    kind,
    at: Number(row.at),
    address,
    browser,
    node,
    details,
  } as SecondFactorEvent;
}
