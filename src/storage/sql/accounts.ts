import type { Account, Authenticator, BackupCodeSet, Lane, LaneCounter } from '../../model.js';
import { deletePendingsButStepUps } from './pending.js';
import {
  freshCounters,
  insertIfAbsent,
  laneColumns,
  toTime,
  type QueryBuilder,
  type Tables,
} from './tables.js';
import { changed, first, rows, type Step } from './verb.js';

export function* findAccount(db: QueryBuilder, userId: string): Step<Account | undefined> {
  const row = yield* first(db.selectFrom('two_factor_auth').selectAll().where('user_id', '=', userId));
  return (
    row && {
      userId,
      enabledAt: toTime(row.enabled_at),
      epoch: Number(row.epoch),
      lanes: { totp: readCounter(row, 'totp'), 'backup-code': readCounter(row, 'backup-code') },
    }
  );
}

function readCounter(row: Tables['two_factor_auth'], lane: Lane): LaneCounter {
  const { failures, delayedUntil } = laneColumns[lane];
  return { failures: Number(row[failures]), delayedUntil: Number(row[delayedUntil]) };
}

export function* listAuthenticators(db: QueryBuilder, userId: string): Step<Authenticator[]> {
  const found = yield* rows(
    db
      .selectFrom('two_factor_authenticators')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('created_at')
      .orderBy('id'),
  );
  return found.map((row) => ({
    id: row.id,
    userId,
    name: row.name,
    algorithm: row.algorithm,
    digits: Number(row.digits) === 8 ? 8 : 6,
    period: Number(row.period),
    sealedSecret: row.sealed_secret,
    lastStep: Number(row.last_step),
    createdAt: Number(row.created_at),
    lastUsedAt: toTime(row.last_used_at),
  }));
}

export function* findBackupCodeSet(db: QueryBuilder, userId: string): Step<BackupCodeSet | undefined> {
  const row = yield* first(
    db
      .selectFrom('two_factor_backup_sets as sets')
      .innerJoin('two_factor_backup_codes as codes', 'codes.set_id', 'sets.id')
      .select((eb) => [
        'sets.id',
        'sets.sealed_key',
        'sets.created_at',
        eb.fn.count('codes.code_hash').as('total'),
        eb.fn.count('codes.used_at').as('used'),
      ])
      .where('sets.user_id', '=', userId)
      .groupBy(['sets.id', 'sets.sealed_key', 'sets.created_at']),
  );
  return (
    row && {
      id: row.id,
      userId,
      sealedKey: row.sealed_key,
      createdAt: Number(row.created_at),
      total: Number(row.total),
      left: Number(row.total) - Number(row.used),
    }
  );
}

export function* raiseEpoch(db: QueryBuilder, userId: string): Step<number> {
  yield* createAccount(db, userId);
  yield* changed(
    db
      .updateTable('two_factor_auth')
      .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
      .where('user_id', '=', userId),
  );
  const account = yield* findAccount(db, userId);
  if (!account) throw new Error('The account row vanished inside its own transaction.');
  yield* deletePendingsButStepUps(db, userId, account.epoch);
  return account.epoch;
}

/** An account without a row is at epoch 0: the row must stand before a conditional update can meet it. */
export function* createAccount(db: QueryBuilder, userId: string): Step<void> {
  yield* changed(
    insertIfAbsent(db, 'two_factor_auth', { user_id: userId, enabled_at: null, epoch: 0, ...freshCounters }),
  );
}
