import { type Kysely, sql } from 'kysely';
import type { Tables } from './tables.js';

/**
 * Brings users along from SQLite files of version 0.1, whose table had no lower-case columns and no user without a password.
 * @returns what is to be done once the new table is there.
 */
export async function setOldUsersAside(db: Kysely<Tables>): Promise<() => Promise<void>> {
  const { rows } = await sql<{ name: string }>`select name from pragma_table_info('users')`.execute(db);
  if (rows.length === 0 || rows.some(({ name }) => name === 'username_key')) return () => Promise.resolve();
  await sql`alter table users rename to users_of_0_1`.execute(db);
  return async () => {
    await sql`insert into users (id, username, username_key, email, email_key, password_hash, created_at)
      select id, username, lower(username), email, lower(email), password_hash, created_at from users_of_0_1`.execute(
      db,
    );
    await sql`drop table users_of_0_1`.execute(db);
  };
}
