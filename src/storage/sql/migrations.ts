import type { Compilable } from 'kysely';
import type { QueryBuilder } from './tables.js';
import { changed, first, type Step } from './verb.js';

/** A migration never changes once it is released; new ones are appended. */
const migrations: readonly ((db: QueryBuilder) => Compilable[])[] = [createTables];

/** Whichever process gets the write lock first does the work; the others then find it done. */
export function* migrate(db: QueryBuilder): Step<void> {
  yield* changed(
    db.schema
      .createTable('two_factor_migrations')
      .ifNotExists()
      .addColumn('version', 'integer', (column) => column.primaryKey()),
  );
  const row = yield* first(
    db.selectFrom('two_factor_migrations').select((eb) => eb.fn.max('version').as('version')),
  );
  const current = Number(row?.version ?? 0);
  for (const [index, statements] of migrations.entries()) {
    if (index < current) continue;
    for (const statement of statements(db)) yield* changed(statement);
    yield* changed(db.insertInto('two_factor_migrations').values({ version: index + 1 }));
  }
}

/** Names and hashes have a length because MariaDB indexes no column without one. */
function createTables({ schema }: QueryBuilder): Compilable[] {
  return [
    schema
      .createTable('two_factor_auth')
      .addColumn('user_id', 'varchar(255)', (column) => column.primaryKey().notNull())
      .addColumn('enabled_at', 'bigint')
      .addColumn('epoch', 'bigint', (column) => column.notNull())
      .addColumn('totp_failures', 'integer', (column) => column.notNull())
      .addColumn('totp_delayed_until', 'bigint', (column) => column.notNull())
      .addColumn('backup_code_failures', 'integer', (column) => column.notNull())
      .addColumn('backup_code_delayed_until', 'bigint', (column) => column.notNull()),
    schema
      .createTable('two_factor_authenticators')
      .addColumn('id', 'varchar(255)', (column) => column.primaryKey().notNull())
      .addColumn('user_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('algorithm', 'varchar(16)', (column) => column.notNull())
      .addColumn('digits', 'integer', (column) => column.notNull())
      .addColumn('period', 'integer', (column) => column.notNull())
      .addColumn('sealed_secret', 'text', (column) => column.notNull())
      .addColumn('last_step', 'bigint', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('last_used_at', 'bigint'),
    schema.createIndex('two_factor_authenticators_user').on('two_factor_authenticators').column('user_id'),
    schema
      .createTable('two_factor_pending')
      .addColumn('handle_hash', 'varchar(255)', (column) => column.primaryKey().notNull())
      .addColumn('purpose', 'varchar(32)', (column) => column.notNull())
      .addColumn('user_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('epoch', 'bigint', (column) => column.notNull())
      .addColumn('payload', 'text')
      .addColumn('failures', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addColumn('completed_at', 'bigint'),
    schema.createIndex('two_factor_pending_user').on('two_factor_pending').column('user_id'),
    schema.createIndex('two_factor_pending_expiry').on('two_factor_pending').column('expires_at'),
    schema
      .createTable('two_factor_backup_sets')
      .addColumn('user_id', 'varchar(255)', (column) => column.primaryKey().notNull())
      .addColumn('id', 'varchar(255)', (column) => column.notNull().unique())
      .addColumn('sealed_key', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull()),
    schema
      .createTable('two_factor_backup_codes')
      .addColumn('set_id', 'varchar(255)', (column) => column.notNull())
      .addColumn('code_hash', 'varchar(255)', (column) => column.notNull())
      .addColumn('used_at', 'bigint')
      .addPrimaryKeyConstraint('two_factor_backup_codes_key', ['set_id', 'code_hash']),
  ];
}
