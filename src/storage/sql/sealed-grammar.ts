import { sql, type RawBuilder } from 'kysely';
import { dialectOf, type QueryBuilder } from './tables.js';

/** The columns in which the key ring's values stand. */
export type SealedColumn = 'sealed_secret' | 'sealed_key';

/** Longer ones are no ids, and no index takes them. */
const longestKeyId = 64;

/**
 * What stands before the first `.` of a sealed value, as the migration has indexed it: word for word, or the index is not used.
 * MariaDB indexes no expression, so there it is a column that the database computes.
 */
export function keyIdOf(db: QueryBuilder, column: SealedColumn): RawBuilder<string> {
  return dialectOf(db) === 'mysql' ? sql.ref('key_id') : computeKeyId(db, column);
}

/** `''` where there is no `.`: what was never sealed may be a secret, and is no id. */
export function computeKeyId(db: QueryBuilder, column: SealedColumn): RawBuilder<string> {
  const [sealed, length] = [sql.ref(column), sql.lit(longestKeyId)];
  switch (dialectOf(db)) {
    case 'mysql':
      return sql`left(${sealed}, least(${length}, greatest(locate('.', ${sealed}), 1) - 1))`;
    case 'postgres':
      return sql`(left(${sealed}, least(${length}, greatest(strpos(${sealed}, '.'), 1) - 1)) collate "C")`;
    case 'sqlite':
      return sql`substr(${sealed}, 1, min(${length}, max(instr(${sealed}, '.'), 1) - 1))`;
  }
}
