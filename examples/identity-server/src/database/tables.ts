import { type ColumnType, type Kysely, sql } from 'kysely';
import { setOldUsersAside } from './upgrade.js';

/** Milliseconds since the Unix epoch. PostgreSQL hands a bigint out as text. */
type Milliseconds = ColumnType<number | string, number, number>;

export interface Tables {
  users: {
    id: string;
    username: string;
    /** Lower case: `Ann` and `ann` are one person. Names and addresses are ASCII, see forms.ts. */
    username_key: string;
    email: string;
    email_key: string;
    /** `null` for whoever came from the identity provider and never set one. */
    password_hash: string | null;
    created_at: Milliseconds;
  };
  /** Who the identity provider says somebody is. */
  identities: { provider: string; subject: string; user_id: string };
  /** Links in mails. Of a token only the hash is kept: whoever reads the table can follow no link. */
  mail_tokens: { token_hash: string; purpose: string; email_key: string; expires_at: Milliseconds };
  remember_tokens: { token_hash: string; user_id: string; expires_at: Milliseconds };
  access_tokens: { id: string; user_id: string; name: string; token_hash: string; created_at: Milliseconds };
  outbox: { id: string; recipient: string; subject: string; body: string; sent_at: Milliseconds };
}

export type Kind = 'sqlite' | 'postgres' | 'mysql';

/**
 * Creates what is missing; safe when several processes start at once. There is no history of changes here: a real
 * service has one, e.g. with Kysely's Migrator.
 */
export async function createTables(db: Kysely<Tables>, kind: Kind): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    // PostgreSQL's IF NOT EXISTS looks first and creates later: two processes would meet in between.
    if (kind === 'postgres') await sql`select pg_advisory_xact_lock(7283641)`.execute(transaction);
    const bringOldUsers = kind === 'sqlite' ? await setOldUsersAside(transaction) : undefined;
    for (const table of describeTables(transaction)) {
      // The default of MySQL and MariaDB takes `abc`, `ABC` and `ábc` for the same.
      const bytes = sql`default character set utf8mb4 collate utf8mb4_bin`;
      await (kind === 'mysql' ? table.modifyEnd(bytes) : table).execute();
    }
    await bringOldUsers?.();
  });
}

/** A unique pair is an index by its first column too; MySQL knows no CREATE INDEX IF NOT EXISTS. */
function describeTables({ schema }: Kysely<Tables>) {
  return [
    schema
      .createTable('users')
      .ifNotExists()
      .addColumn('id', 'varchar(64)', (column) => column.primaryKey().notNull())
      .addColumn('username', 'varchar(64)', (column) => column.notNull())
      .addColumn('username_key', 'varchar(64)', (column) => column.notNull().unique())
      .addColumn('email', 'varchar(254)', (column) => column.notNull())
      .addColumn('email_key', 'varchar(254)', (column) => column.notNull().unique())
      .addColumn('password_hash', 'varchar(255)')
      .addColumn('created_at', 'bigint', (column) => column.notNull()),
    schema
      .createTable('identities')
      .ifNotExists()
      .addColumn('provider', 'varchar(255)', (column) => column.notNull())
      .addColumn('subject', 'varchar(255)', (column) => column.notNull())
      .addColumn('user_id', 'varchar(64)', (column) => column.notNull())
      .addPrimaryKeyConstraint('identities_key', ['provider', 'subject']),
    schema
      .createTable('mail_tokens')
      .ifNotExists()
      .addColumn('token_hash', 'varchar(64)', (column) => column.primaryKey().notNull())
      .addColumn('purpose', 'varchar(16)', (column) => column.notNull())
      .addColumn('email_key', 'varchar(254)', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('mail_tokens_email', ['email_key', 'token_hash']),
    schema
      .createTable('remember_tokens')
      .ifNotExists()
      .addColumn('token_hash', 'varchar(64)', (column) => column.primaryKey().notNull())
      .addColumn('user_id', 'varchar(64)', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('remember_tokens_user', ['user_id', 'token_hash']),
    schema
      .createTable('access_tokens')
      .ifNotExists()
      .addColumn('id', 'varchar(64)', (column) => column.primaryKey().notNull())
      .addColumn('user_id', 'varchar(64)', (column) => column.notNull())
      .addColumn('name', 'varchar(64)', (column) => column.notNull())
      .addColumn('token_hash', 'varchar(64)', (column) => column.notNull().unique())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('access_tokens_user', ['user_id', 'id']),
    schema
      .createTable('outbox')
      .ifNotExists()
      .addColumn('id', 'varchar(64)', (column) => column.primaryKey().notNull())
      .addColumn('recipient', 'varchar(254)', (column) => column.notNull())
      .addColumn('subject', 'varchar(255)', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('sent_at', 'bigint', (column) => column.notNull()),
  ];
}
