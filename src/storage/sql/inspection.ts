import { sql, type RawBuilder } from 'kysely';
import type { Clock } from '../../clock.js';
import type { InspectedRecords, Inspection, SealedRecords } from '../storage.js';
import { findTables, readClock } from './inspection-grammar.js';
import { released } from './migrations.js';
import { mostKeys, selectSealed } from './sealed.js';
import { laneColumns, type QueryBuilder, type Tables } from './tables.js';
import { first, rows, type Step } from './verb.js';

/** Each table that a migration makes: a new one does not compile before it stands here. */
const allTables = Object.keys({
  two_factor_auth: true,
  two_factor_authenticators: true,
  two_factor_backup_codes: true,
  two_factor_backup_sets: true,
  two_factor_events: true,
  two_factor_keys: true,
  two_factor_migrations: true,
  two_factor_pending: true,
  two_factor_trusted_browsers: true,
} satisfies Record<keyof Tables, true>) as (keyof Tables)[];

export function* inspect(db: QueryBuilder, clock: Clock, cap: number): Step<Inspection> {
  const clockAhead = yield* compareClocks(db, clock);
  const existing = (yield* rows(findTables(db, allTables))).map(({ name }) => name);
  const tables: Inspection['tables'][number][] = [];
  for (const name of allTables) {
    tables.push({ name, rows: existing.includes(name) ? yield* countRows(db, name) : null });
  }
  const there = existing.includes('two_factor_migrations') ? yield* findVersion(db) : 0;
  const schema = { there, known: released.length };
  const isKnown = schema.there === schema.known && tables.every((table) => table.rows !== null);
  return {
    clockAhead,
    schema,
    tables,
    records: isKnown ? yield* inspectRecords(db, clock(), cap) : undefined,
  };
}

/** In a statement of its own: half of its time is the way there. */
function* compareClocks(db: QueryBuilder, clock: Clock): Step<number> {
  const before = clock();
  const row = yield* first(db.selectNoFrom(readClock(db).as('milliseconds')));
  return Math.round(Number(row?.milliseconds) - (before + clock()) / 2);
}

function* countRows(db: QueryBuilder, table: keyof Tables): Step<number> {
  const row = yield* first(db.selectFrom(table).select((eb) => eb.fn.countAll().as('count')));
  return Number(row?.count);
}

/** Negative versions are begun and not finished. */
function* findVersion(db: QueryBuilder): Step<number> {
  const row = yield* first(
    db.selectFrom('two_factor_migrations').select((eb) => eb.fn.max('version').as('version')),
  );
  return Math.max(0, Number(row?.version));
}

function* inspectRecords(db: QueryBuilder, now: number, cap: number): Step<InspectedRecords> {
  const anyLane = (test: (lane: (typeof laneColumns)[keyof typeof laneColumns]) => RawBuilder<unknown>) =>
    sql`coalesce(sum(case when ${sql.join(Object.values(laneColumns).map(test), sql` or `)} then 1 else 0 end), 0)`;
  const users = yield* first(
    db
      .selectFrom('two_factor_auth')
      .where('enabled_at', 'is not', null)
      .select((eb) => [
        eb.fn.countAll().as('enrolled'),
        anyLane(({ failures }) => sql`${sql.ref(failures)} > 0`).as('failing'),
        anyLane(({ delayedUntil }) => sql`${sql.ref(delayedUntil)} > ${now}`).as('delayed'),
        anyLane(({ failures }) => sql`${sql.ref(failures)} >= ${cap}`).as('suspended'),
      ]),
  );
  const logins = yield* first(
    db
      .selectFrom('two_factor_pending')
      .where('purpose', '=', 'login')
      .select((eb) => [
        eb.fn.countAll().as('begun'),
        eb.fn.count('completed_at').as('completed'),
        eb.fn.sum('failures').as('answers'),
      ]),
  );
  const completed = Number(logins?.completed);
  return {
    users: {
      enrolled: Number(users?.enrolled),
      failing: Number(users?.failing),
      delayed: Number(users?.delayed),
      suspended: Number(users?.suspended),
    },
    logins: {
      begun: Number(logins?.begun),
      completed,
      // The right answer was counted too, before it was looked at.
      wrongAnswers: Math.max(0, Number(logins?.answers) - completed),
    },
    sealed: [...(yield* sampleSealed(db, 'authenticator')), ...(yield* sampleSealed(db, 'backup-codes'))],
  };
}

function* sampleSealed(db: QueryBuilder, kind: SealedRecords['kind']): Step<SealedRecords[]> {
  const { records, from, keyId: expression } = selectSealed(db, kind);
  const groups = yield* rows(
    from
      .select((eb) => [expression.as('key'), eb.fn.countAll().as('count'), eb.fn.min('id').as('id')])
      .groupBy('key')
      .orderBy('count', 'desc')
      .limit(mostKeys),
  );
  const found: SealedRecords[] = [];
  for (const { key: keyId, count, id } of groups) {
    const row = yield* first(records.where('id', '=', id));
    // Deleted in the meantime.
    if (!row) continue;
    found.push({
      kind,
      keyId,
      count: Number(count),
      sample: { userId: row.user_id, id: row.id, sealed: row.sealed },
    });
  }
  return found;
}
