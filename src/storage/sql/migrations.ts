import { sql, type Compilable } from 'kysely';
import { computeKeyId, type SealedColumn } from './sealed-grammar.js';
import { dialectOf, type QueryBuilder } from './tables.js';
import { changed, rows, type Step } from './verb.js';

/**
 * A migration never changes once it is released; new ones are appended. MariaDB and MySQL commit at each statement of
 * DDL, so every statement must bear being run a second time after a crash: DDL by itself does ("is there already" is
 * then taken for done), an UPDATE must be written so.
 */
export type Migration = (db: QueryBuilder) => Compilable[];

export const released: readonly Migration[] = [
  createTables,
  addEvents,
  createTrustedBrowsers,
  indexKeys,
  addPolicy,
  addWasOn,
];

/** Its runner lets one process at a time do this; the others then find it done. */
export function* migrate(db: QueryBuilder, migrations = released): Step<void> {
  yield* changed(
    newTable(db, 'two_factor_migrations')
      .ifNotExists()
      .addColumn('version', 'integer', (column) => column.primaryKey()),
  );
  const found = yield* rows(db.selectFrom('two_factor_migrations').select('version'));
  const versions = found.map((row) => Number(row.version));
  const current = Math.max(0, ...versions);
  if (current > migrations.length) throw new Error(describeNewer(current, migrations.length));
  for (const [index, statements] of migrations.entries()) {
    const version = index + 1;
    if (version <= current) continue;
    // A negative version says "begun". Where DDL is transactional nobody ever sees one.
    const isBegun = versions.includes(-version);
    if (!isBegun) yield* changed(db.insertInto('two_factor_migrations').values({ version: -version }));
    for (const statement of statements(db)) yield* changed(statement, isBegun ? 'made' : 'changed');
    yield* changed(db.updateTable('two_factor_migrations').set({ version }).where('version', '=', -version));
  }
}

function describeNewer(there: number, known: number): string {
  return (
    `The second factor's tables were upgraded by a newer version of passport-second-factor (they are at ${there}, ` +
    `this one knows ${known}). Start the newer version again; an older one could undo what it protects.`
  );
}

function newTable(db: QueryBuilder, name: string) {
  const table = db.schema.createTable(name);
  // The host's default may be an engine without transactions.
  return dialectOf(db) === 'mysql' ? table.modifyEnd(sql`engine = InnoDB`) : table;
}

/**
 * Names and hashes compare as bytes (docs/decisions/0007-other-databases.md). They have a length because MariaDB indexes no
 * column without one.
 */
function nameColumn(db: QueryBuilder, length: number) {
  switch (dialectOf(db)) {
    case 'mysql':
      return sql`varbinary(${sql.lit(length)})`;
    case 'postgres':
      return sql`varchar(${sql.lit(length)}) collate "C"`;
    case 'sqlite':
      return sql`varchar(${sql.lit(length)})`;
  }
}

function textColumn(db: QueryBuilder) {
  return dialectOf(db) === 'mysql' ? sql`mediumblob` : sql`text`;
}

function createTables(db: QueryBuilder): Compilable[] {
  const { schema } = db;
  const [name, text] = [nameColumn(db, 255), textColumn(db)];
  return [
    newTable(db, 'two_factor_auth')
      .addColumn('user_id', name, (column) => column.primaryKey().notNull())
      .addColumn('enabled_at', 'bigint')
      .addColumn('epoch', 'bigint', (column) => column.notNull())
      .addColumn('totp_failures', 'integer', (column) => column.notNull())
      .addColumn('totp_delayed_until', 'bigint', (column) => column.notNull())
      .addColumn('backup_code_failures', 'integer', (column) => column.notNull())
      .addColumn('backup_code_delayed_until', 'bigint', (column) => column.notNull()),
    newTable(db, 'two_factor_authenticators')
      .addColumn('id', name, (column) => column.primaryKey().notNull())
      .addColumn('user_id', name, (column) => column.notNull())
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('algorithm', nameColumn(db, 16), (column) => column.notNull())
      .addColumn('digits', 'integer', (column) => column.notNull())
      .addColumn('period', 'integer', (column) => column.notNull())
      .addColumn('sealed_secret', text, (column) => column.notNull())
      .addColumn('last_step', 'bigint', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('last_used_at', 'bigint'),
    schema.createIndex('two_factor_authenticators_user').on('two_factor_authenticators').column('user_id'),
    newTable(db, 'two_factor_pending')
      .addColumn('handle_hash', name, (column) => column.primaryKey().notNull())
      .addColumn('purpose', nameColumn(db, 32), (column) => column.notNull())
      .addColumn('user_id', name, (column) => column.notNull())
      .addColumn('epoch', 'bigint', (column) => column.notNull())
      .addColumn('payload', text)
      .addColumn('failures', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addColumn('completed_at', 'bigint'),
    schema.createIndex('two_factor_pending_user').on('two_factor_pending').column('user_id'),
    schema.createIndex('two_factor_pending_expiry').on('two_factor_pending').column('expires_at'),
    newTable(db, 'two_factor_backup_sets')
      .addColumn('user_id', name, (column) => column.primaryKey().notNull())
      .addColumn('id', name, (column) => column.notNull().unique())
      .addColumn('sealed_key', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull()),
    newTable(db, 'two_factor_backup_codes')
      .addColumn('set_id', name, (column) => column.notNull())
      .addColumn('code_hash', name, (column) => column.notNull())
      .addColumn('used_at', 'bigint')
      .addPrimaryKeyConstraint('two_factor_backup_codes_key', ['set_id', 'code_hash']),
  ];
}

function addEvents(db: QueryBuilder): Compilable[] {
  const { schema } = db;
  const counters = ['totp_known', 'backup_code_known'].flatMap((lane) => [
    addColumn(db, `${lane}_failures`, 'integer'),
    addColumn(db, `${lane}_delayed_until`, 'bigint'),
  ]);
  return [
    ...counters,
    schema.alterTable('two_factor_auth').addColumn('suspected_at', 'bigint'),
    addColumn(db, 'password_changed_at', 'bigint'),
    newTable(db, 'two_factor_events')
      .addColumn('id', nameColumn(db, 64), (column) => column.primaryKey().notNull())
      .addColumn('user_id', nameColumn(db, 255), (column) => column.notNull())
      .addColumn('kind', nameColumn(db, 64), (column) => column.notNull())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('address', nameColumn(db, 255))
      .addColumn('browser', nameColumn(db, 255))
      .addColumn('node', nameColumn(db, 255), (column) => column.notNull())
      .addColumn('details', textColumn(db), (column) => column.notNull()),
    schema.createIndex('two_factor_events_user').on('two_factor_events').columns(['user_id', 'at']),
    // The budget is counted of one kind, however many others somebody has made.
    schema.createIndex('two_factor_events_kind').on('two_factor_events').columns(['user_id', 'kind', 'at']),
    schema.createIndex('two_factor_events_time').on('two_factor_events').column('at'),
  ];
}

/** A number of accounts, 0 in those that are there. */
function addColumn(db: QueryBuilder, name: string, type: 'integer' | 'bigint'): Compilable {
  return db.schema
    .alterTable('two_factor_auth')
    .addColumn(name, type, (column) => column.notNull().defaultTo(0));
}

function createTrustedBrowsers(db: QueryBuilder): Compilable[] {
  const { schema } = db;
  const name = nameColumn(db, 255);
  return [
    newTable(db, 'two_factor_trusted_browsers')
      .addColumn('id', name, (column) => column.primaryKey().notNull())
      .addColumn('user_id', name, (column) => column.notNull())
      .addColumn('epoch', 'bigint', (column) => column.notNull())
      .addColumn('token_hash', name, (column) => column.notNull())
      .addColumn('previous_hash', name)
      .addColumn('name', textColumn(db))
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('last_used_at', 'bigint')
      .addColumn('expires_at', 'bigint', (column) => column.notNull()),
    schema
      .createIndex('two_factor_trusted_browsers_user')
      .on('two_factor_trusted_browsers')
      .column('user_id'),
    schema
      .createIndex('two_factor_trusted_browsers_expiry')
      .on('two_factor_trusted_browsers')
      .column('expires_at'),
  ];
}

/** Which key has sealed which records, and a canary of each key. */
function indexKeys(db: QueryBuilder): Compilable[] {
  return [
    newTable(db, 'two_factor_keys')
      .addColumn('id', nameColumn(db, 64), (column) => column.primaryKey().notNull())
      .addColumn('canary', textColumn(db), (column) => column.notNull()),
    ...indexKeyIds(db, 'two_factor_authenticators', 'sealed_secret'),
    ...indexKeyIds(db, 'two_factor_backup_sets', 'sealed_key'),
  ];
}

function indexKeyIds(db: QueryBuilder, table: string, column: SealedColumn): Compilable[] {
  const keyId = computeKeyId(db, column);
  const index = db.schema.createIndex(`${table}_key`).on(table);
  if (dialectOf(db) !== 'mysql') return [index.expression(keyId).column('id')];
  const type = nameColumn(db, 64);
  return [
    db.schema.alterTable(table).addColumn('key_id', type, (added) => added.generatedAlwaysAs(keyId)),
    index.columns(['key_id', 'id']),
  ];
}

function addPolicy(db: QueryBuilder): Compilable[] {
  return [db.schema.alterTable('two_factor_auth').addColumn('enrol_by', 'bigint')];
}

function addWasOn(db: QueryBuilder): Compilable[] {
  return [addColumn(db, 'was_on', 'integer')];
}
