import { randomBytes } from 'node:crypto';
import type Database from 'libsql';
import type pg from 'pg';

type Value = string | number | null;

/** Rows by table, each a list of values in the order of `columns`. */
type Batch = Record<keyof typeof columns, Value[][]>;

const columns = {
  two_factor_auth: {
    ...{ user_id: 'text', enabled_at: 'bigint', epoch: 'bigint' },
    ...{
      totp_failures: 'int',
      totp_delayed_until: 'bigint',
      backup_code_failures: 'int',
      backup_code_delayed_until: 'bigint',
    },
  },
  two_factor_authenticators: {
    ...{ id: 'text', user_id: 'text', name: 'text', algorithm: 'text', digits: 'int', period: 'int' },
    ...{ sealed_secret: 'text', last_step: 'bigint', created_at: 'bigint', last_used_at: 'bigint' },
  },
  two_factor_backup_sets: { user_id: 'text', id: 'text', sealed_key: 'text', created_at: 'bigint' },
  two_factor_backup_codes: { set_id: 'text', code_hash: 'text' },
} as const;

const tables = Object.keys(columns) as (keyof typeof columns)[];

/** What is needed of a user to ask for it. */
export interface Filled {
  userId: string;
  authenticatorId: string;
  setId: string;
  codeHash: string;
}

const CODES = 10;
const BATCH = 10_000;
/** Of how many users the names are kept. */
const KEPT = 20_000;

const name = (bytes: number): string => randomBytes(bytes).toString('base64url');

/** Users as many enrolments leave them, with values of the same length as the real ones. @returns some of them. */
export async function fill(count: number, insert: (batch: Batch) => Promise<void>): Promise<Filled[]> {
  const kept: Filled[] = [];
  for (let done = 0; done < count; done += BATCH) {
    const batch = Object.fromEntries(tables.map((table) => [table, [] as Value[][]])) as Batch;
    for (let n = 0; n < Math.min(BATCH, count - done); n += 1) {
      // 36 characters, as a UUID has.
      const [userId, id, setId] = [name(27), name(16), name(16)];
      const hashes = Array.from({ length: CODES }, () => name(32));
      const at = 1_790_000_000_000;
      batch.two_factor_auth.push([userId, at, 1, 0, 0, 0, 0]);
      const totp = ['Authenticator app', 'SHA1', 6, 30];
      batch.two_factor_authenticators.push([id, userId, ...totp, `2026-11.${name(48)}`, 0, at, null]);
      batch.two_factor_backup_sets.push([userId, setId, `2026-11.${name(60)}`, at]);
      batch.two_factor_backup_codes.push(...hashes.map((hash) => [setId, hash]));
      const user = { userId, authenticatorId: id, setId, codeHash: hashes[n % CODES] ?? '' };
      // Of all times, not of the first ones.
      if (kept.length < KEPT) kept.push(user);
      else if (Math.random() < KEPT / (done + n)) kept[Math.floor(Math.random() * KEPT)] = user;
    }
    await insert(batch);
  }
  return kept;
}

export function insertIntoSqlite(db: Database.Database): (batch: Batch) => Promise<void> {
  const statements = tables.map((table) => {
    const names = Object.keys(columns[table]);
    return db.prepare(
      `insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
    );
  });
  return (batch) => {
    db.exec('begin');
    for (const [index, table] of tables.entries())
      for (const row of batch[table]) statements[index]?.run(...row);
    db.exec('commit');
    return Promise.resolve();
  };
}

export function insertIntoPostgres(pool: pg.Pool): (batch: Batch) => Promise<void> {
  return async (batch) => {
    for (const table of tables) {
      const entries = Object.entries(columns[table]);
      const names = entries.map(([column]) => column).join(', ');
      const lists = entries.map(([, type], n) => `$${String(n + 1)}::${type}[]`).join(', ');
      const values = entries.map((_, n) => batch[table].map((row) => row[n]));
      await pool.query(`insert into ${table} (${names}) select * from unnest(${lists})`, values);
    }
  };
}
