import { sql } from 'kysely';
import type { Resealing, SealedPage, SealedRecord } from '../storage.js';
import { keyIdOf } from './sealed-grammar.js';
import { insertIfAbsent, type QueryBuilder } from './tables.js';
import { changed, first, rows, type Step } from './verb.js';

/** Values that nobody has sealed may each look like one of a key of its own. */
export const mostKeys = 1_000;

const places = {
  authenticator: { table: 'two_factor_authenticators', column: 'sealed_secret' },
  'backup-codes': { table: 'two_factor_backup_sets', column: 'sealed_key' },
} as const;

type Kind = SealedRecord['kind'];

/** The records of a kind under common names, and the expression whose index tells the key of each. */
export function selectSealed(db: QueryBuilder, kind: Kind) {
  const { table, column } = places[kind];
  const records = db.selectFrom(table).select(['id', 'user_id', sql.ref<string>(column).as('sealed')]);
  return { records, from: db.selectFrom(table), keyId: keyIdOf(db, column) };
}

export function* listKeyIds(db: QueryBuilder): Step<string[]> {
  const ids = new Set<string>();
  for (const kind of Object.keys(places) as Kind[]) yield* collectKeyIds(db, kind, ids);
  return [...ids];
}

/** From each id to the next one: of a million records one is read for each key. */
function* collectKeyIds(db: QueryBuilder, kind: Kind, ids: Set<string>): Step<void> {
  const { from, keyId } = selectSealed(db, kind);
  const next = from.select(keyId.as('key_id')).orderBy(keyId).limit(1);
  let row = yield* first(next);
  for (; row && ids.size < mostKeys; row = yield* first(next.where(keyId, '>', row.key_id)))
    ids.add(row.key_id);
}

export function* listSealed(db: QueryBuilder, page: SealedPage): Step<SealedRecord[]> {
  const { kind, keyId: key, after, limit } = page;
  const { records, keyId } = selectSealed(db, kind);
  const found = yield* rows(
    records
      .where(keyId, '=', key)
      .$if(after !== null, (query) => query.where('id', '>', after ?? ''))
      .orderBy('id')
      .limit(limit),
  );
  return found.map((row) => ({ kind, userId: row.user_id, id: row.id, sealed: row.sealed }));
}

export function* reseal(db: QueryBuilder, resealings: readonly Resealing[]): Step<number> {
  let count = 0;
  for (const { kind, userId, id, sealed, fresh } of resealings) {
    const { table, column } = places[kind];
    count += yield* changed(
      db
        .updateTable(table)
        .set({ [column]: fresh })
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .where(sql.ref(column), '=', sealed),
    );
  }
  return count;
}

export function* findCanary(db: QueryBuilder, keyId: string): Step<string | undefined> {
  const row = yield* first(db.selectFrom('two_factor_keys').select('canary').where('id', '=', keyId));
  return row?.canary;
}

export function* keepCanary(db: QueryBuilder, keyId: string, sealed: string): Step<string> {
  yield* changed(insertIfAbsent(db, 'two_factor_keys', { id: keyId, canary: sealed }));
  return (yield* findCanary(db, keyId)) ?? '';
}
