import { MysqlAdapter, PostgresAdapter, sql, type Insertable, type Kysely } from 'kysely';
import type { EventKind } from '../../events.js';
import type { Authenticator, Lane, Purpose } from '../../model.js';
import type { NewBackupCodeSet } from '../storage.js';
import { changed, type Step } from './verb.js';

/** Times are integer milliseconds. A driver may return any of the numbers as bigint or string: read with `Number()`. */
export interface Tables {
  two_factor_auth: {
    user_id: string;
    enabled_at: number | null;
    epoch: number;
    totp_failures: number;
    totp_delayed_until: number;
    backup_code_failures: number;
    backup_code_delayed_until: number;
    totp_known_failures: number;
    totp_known_delayed_until: number;
    backup_code_known_failures: number;
    backup_code_known_delayed_until: number;
    suspected_at: number | null;
    password_changed_at: number;
    enrol_by: number | null;
    /** 1 where a second factor was turned off. */
    was_on: number;
  };
  two_factor_authenticators: {
    id: string;
    user_id: string;
    name: string;
    algorithm: Authenticator['algorithm'];
    digits: Authenticator['digits'];
    period: number;
    sealed_secret: string;
    last_step: number;
    created_at: number;
    last_used_at: number | null;
  };
  two_factor_pending: {
    handle_hash: string;
    purpose: Purpose;
    user_id: string;
    epoch: number;
    payload: string | null;
    failures: number;
    created_at: number;
    expires_at: number;
    completed_at: number | null;
  };
  two_factor_backup_sets: {
    user_id: string;
    id: string;
    sealed_key: string;
    created_at: number;
  };
  two_factor_backup_codes: {
    set_id: string;
    code_hash: string;
    used_at: number | null;
  };
  two_factor_trusted_browsers: {
    id: string;
    user_id: string;
    epoch: number;
    token_hash: string;
    previous_hash: string | null;
    name: string | null;
    created_at: number;
    last_used_at: number | null;
    expires_at: number;
  };
  two_factor_events: {
    id: string;
    user_id: string;
    kind: EventKind;
    at: number;
    address: string | null;
    browser: string | null;
    node: string;
    /** JSON. */
    details: string;
  };
  two_factor_keys: {
    id: string;
    canary: string;
  };
  two_factor_migrations: {
    version: number;
  };
}

/** Builds queries and never runs them. */
export type QueryBuilder = Kysely<Tables>;

export function toTime(value: number | null): number | null {
  return value === null ? null : Number(value);
}

export const laneColumns = {
  totp: { failures: 'totp_failures', delayedUntil: 'totp_delayed_until' },
  'backup-code': { failures: 'backup_code_failures', delayedUntil: 'backup_code_delayed_until' },
} as const satisfies Record<Lane, CounterColumns>;

/** Of browsers that are known. */
export const knownColumns = {
  totp: { failures: 'totp_known_failures', delayedUntil: 'totp_known_delayed_until' },
  'backup-code': { failures: 'backup_code_known_failures', delayedUntil: 'backup_code_known_delayed_until' },
} as const satisfies Record<Lane, CounterColumns>;

export interface CounterColumns {
  failures: keyof Tables['two_factor_auth'];
  delayedUntil: keyof Tables['two_factor_auth'];
}

const freshLanes = {
  totp: {
    totp_failures: 0,
    totp_delayed_until: 0,
    totp_known_failures: 0,
    totp_known_delayed_until: 0,
  },
  'backup-code': {
    backup_code_failures: 0,
    backup_code_delayed_until: 0,
    backup_code_known_failures: 0,
    backup_code_known_delayed_until: 0,
  },
} satisfies Record<Lane, Partial<Tables['two_factor_auth']>>;

export function freshLane(lane: Lane): Partial<Tables['two_factor_auth']> {
  return freshLanes[lane];
}

export const freshCounters = { ...freshLanes.totp, ...freshLanes['backup-code'] };

/** Where grammars differ, which is here, in the migrations and in inspection-grammar.ts only. */
export function dialectOf(db: QueryBuilder): 'mysql' | 'postgres' | 'sqlite' {
  const { adapter } = db.getExecutor();
  if (adapter instanceof MysqlAdapter) return 'mysql';
  return adapter instanceof PostgresAdapter ? 'postgres' : 'sqlite';
}

/** How many rows it changed is not to be looked at: databases count the row that was there differently. */
export function insertIfAbsent<Table extends keyof Tables>(
  db: QueryBuilder,
  table: Table,
  ...rows: Insertable<Tables[Table]>[]
) {
  const insert = db.insertInto(table).values(rows);
  if (dialectOf(db) !== 'mysql') return insert.onConflict((conflict) => conflict.doNothing());
  // INSERT IGNORE would turn other errors into warnings, and lock the row for reading only: two callers that both
  // go on to update it would be a deadlock. So the first column, which is the key, becomes what it is.
  const [key = ''] = Object.keys(rows[0] ?? {});
  return insert.onDuplicateKeyUpdate({ [key]: sql.ref(key) } as object);
}

export function* insertBackupCodes(
  db: QueryBuilder,
  userId: string,
  { id, sealedKey, codeHashes }: NewBackupCodeSet,
  now: number,
): Step<void> {
  yield* changed(
    db
      .insertInto('two_factor_backup_sets')
      .values({ user_id: userId, id, sealed_key: sealedKey, created_at: now }),
  );
  yield* changed(
    db
      .insertInto('two_factor_backup_codes')
      .values(codeHashes.map((hash) => ({ set_id: id, code_hash: hash, used_at: null }))),
  );
}

export function* deleteBackupCodes(db: QueryBuilder, userId: string): Step<void> {
  const sets = db.selectFrom('two_factor_backup_sets').select('id').where('user_id', '=', userId);
  yield* changed(db.deleteFrom('two_factor_backup_codes').where('set_id', 'in', sets));
  yield* changed(db.deleteFrom('two_factor_backup_sets').where('user_id', '=', userId));
}
