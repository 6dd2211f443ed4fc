import { sql, type RawBuilder } from 'kysely';
import { dialectOf, type QueryBuilder } from './tables.js';

/** Milliseconds since the Unix epoch; in UTC, whatever time zone the session has. */
export function readClock(db: QueryBuilder): RawBuilder<number> {
  switch (dialectOf(db)) {
    case 'mysql':
      return sql`timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) / 1000`;
    case 'postgres':
      return sql`extract(epoch from clock_timestamp()) * 1000`;
    case 'sqlite':
      return sql`(julianday('now') - 2440587.5) * 86400000`;
  }
}

/** Those that a statement of ours would meet. */
export function findTables(db: QueryBuilder, tables: readonly string[]) {
  const names = sql.join(tables.map((name) => sql.lit(name)));
  const found = {
    mysql: sql`(select table_name as name from information_schema.tables where table_schema = database() and table_name in (${names}))`,
    postgres: sql`(select relname as name from pg_catalog.pg_class where relname in (${names}) and pg_table_is_visible(oid))`,
    sqlite: sql`(select name from sqlite_master where type = 'table' and name in (${names}))`,
  }[dialectOf(db)];
  return db.selectFrom((found as RawBuilder<{ name: string }>).as('found')).select('name');
}
