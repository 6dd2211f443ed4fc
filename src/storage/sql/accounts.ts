import type { Account, Authenticator, BackupCodeSet, Lane, LaneCounter } from '../../model.js';
import type { AccountSummary, Revocation } from '../storage.js';
import { recordEvents } from './events.js';
import { fixed } from './fixed.js';
import { deletePendingsButStepUps } from './pending.js';
import {
  freshCounters,
  insertIfAbsent,
  knownColumns,
  laneColumns,
  toTime,
  type QueryBuilder,
  type Tables,
} from './tables.js';
import { changed, first, Rollback, rows, type Step, type Verb } from './verb.js';

type Owner = { userId: string };

const accountOf = fixed((db, { userId }: Owner) =>
  db.selectFrom('two_factor_auth').selectAll().where('user_id', '=', userId),
);

export function* findAccount(db: QueryBuilder, userId: string): Step<Account | undefined> {
  const row = yield* first(accountOf(db, { userId }));
  return (
    row && {
      userId,
      enabledAt: toTime(row.enabled_at),
      epoch: Number(row.epoch),
      lanes: { totp: readCounter(row, 'totp'), 'backup-code': readCounter(row, 'backup-code') },
      suspectedAt: toTime(row.suspected_at),
      enrolBy: toTime(row.enrol_by),
      wasOn: Number(row.was_on) === 1,
    }
  );
}

function readCounter(row: Tables['two_factor_auth'], lane: Lane): LaneCounter {
  const [all, known] = [laneColumns[lane], knownColumns[lane]];
  return {
    failures: Number(row[all.failures]),
    delayedUntil: Number(row[all.delayedUntil]),
    known: { failures: Number(row[known.failures]), delayedUntil: Number(row[known.delayedUntil]) },
  };
}

const authenticatorsOf = fixed((db, { userId }: Owner) =>
  db
    .selectFrom('two_factor_authenticators')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id'),
);

export function* listAuthenticators(db: QueryBuilder, userId: string): Step<Authenticator[]> {
  const found = yield* rows(authenticatorsOf(db, { userId }));
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

const backupCodesOf = fixed((db, { userId }: Owner) =>
  db
    .selectFrom('two_factor_backup_sets as sets')
    .innerJoin('two_factor_backup_codes as codes', 'codes.set_id', 'sets.id')
    .select(['sets.id', 'sets.sealed_key', 'sets.created_at', 'codes.used_at'])
    .where('sets.user_id', '=', userId)
    .orderBy('codes.used_at'),
);

export function* findBackupCodeSet(db: QueryBuilder, userId: string): Step<BackupCodeSet | undefined> {
  const found = yield* rows(backupCodesOf(db, { userId }));
  const [set] = found;
  if (!set) return undefined;
  const usedAt = found.flatMap((row) => toTime(row.used_at) ?? []);
  return {
    id: set.id,
    userId,
    sealedKey: set.sealed_key,
    createdAt: Number(set.created_at),
    total: found.length,
    left: found.length - usedAt.length,
    usedAt,
  };
}

export function* raiseEpoch(db: QueryBuilder, revocation: Revocation): Verb<number | undefined> {
  const { userId, epoch, passwordChangedAt, events } = revocation;
  yield* createAccount(db, userId);
  const raised = yield* changed(
    db
      .updateTable('two_factor_auth')
      .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
      .$if(passwordChangedAt !== null, (update) =>
        update.set({ password_changed_at: passwordChangedAt ?? 0, suspected_at: null }),
      )
      .where('user_id', '=', userId)
      .$if(epoch !== null, (update) => update.where('epoch', '=', epoch ?? 0)),
  );
  if (raised !== 1) return new Rollback(undefined);
  const account = yield* findAccount(db, userId);
  if (!account) throw new Error('The account row vanished inside its own transaction.');
  yield* deletePendingsButStepUps(db, userId, account.epoch);
  yield* recordEvents(db, events);
  return account.epoch;
}

export function* setEnrolBy(db: QueryBuilder, userId: string, enrolBy: number): Step<number> {
  yield* createAccount(db, userId);
  yield* changed(
    db
      .updateTable('two_factor_auth')
      .set({ enrol_by: enrolBy })
      .where('user_id', '=', userId)
      .where((eb) => eb.or([eb('enrol_by', 'is', null), eb('enrol_by', '>', enrolBy)])),
  );
  const account = yield* findAccount(db, userId);
  return account?.enrolBy ?? enrolBy;
}

export function* summarise(db: QueryBuilder, userIds: readonly string[]): Step<AccountSummary[]> {
  if (userIds.length === 0) return [];
  const accounts = yield* rows(
    db
      .selectFrom('two_factor_auth')
      .select(['user_id', 'enabled_at', 'enrol_by'])
      .where('user_id', 'in', userIds),
  );
  const authenticators = yield* rows(
    db
      .selectFrom('two_factor_authenticators')
      .select((eb) => ['user_id', eb.fn.max('last_used_at').as('used_at')])
      .where('user_id', 'in', userIds)
      .groupBy('user_id'),
  );
  const codes = yield* rows(
    db
      .selectFrom('two_factor_backup_sets as sets')
      .innerJoin('two_factor_backup_codes as codes', 'codes.set_id', 'sets.id')
      .select((eb) => ['sets.user_id', eb.fn.max('codes.used_at').as('used_at')])
      .where('sets.user_id', 'in', userIds)
      .groupBy('sets.user_id'),
  );
  const uses = [...authenticators, ...codes].filter(({ used_at }) => used_at !== null);
  const lastUses = new Map<string, number>();
  for (const { user_id, used_at } of uses)
    lastUses.set(user_id, Math.max(lastUses.get(user_id) ?? 0, Number(used_at)));
  return accounts.map((row) => ({
    userId: row.user_id,
    enabledAt: toTime(row.enabled_at),
    enrolBy: toTime(row.enrol_by),
    lastUsedAt: lastUses.get(row.user_id) ?? null,
  }));
}

/** An account without a row is at epoch 0: the row must stand before a conditional update can meet it. */
export function* createAccount(db: QueryBuilder, ...userIds: string[]): Step<void> {
  const fresh = {
    enabled_at: null,
    epoch: 0,
    suspected_at: null,
    password_changed_at: 0,
    enrol_by: null,
    was_on: 0,
    ...freshCounters,
  };
  yield* changed(
    insertIfAbsent(db, 'two_factor_auth', ...userIds.map((userId) => ({ user_id: userId, ...fresh }))),
  );
}
