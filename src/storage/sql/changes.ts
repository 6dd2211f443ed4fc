import type { Authenticator } from '../../model.js';
import type { SecondFactorEvent } from '../../events.js';
import type {
  Adding,
  AuthenticatorRemoval,
  AuthenticatorRenaming,
  Enabling,
  FactorImport,
  Renewal,
  SupportCodeIssue,
} from '../storage.js';
import { createAccount, findAccount, raiseEpoch } from './accounts.js';
import { deleteEventsOf, recordEvents } from './events.js';
import { consumePending, createPending, deletePendingsOf } from './pending.js';
import {
  deleteBackupCodes,
  freshCounters,
  freshLane,
  insertBackupCodes,
  type QueryBuilder,
} from './tables.js';
import { deleteTrustedBrowsers } from './trusted-browsers.js';
import { changed, first, Rollback, type Step, type Verb } from './verb.js';

export function* enable(db: QueryBuilder, enabling: Enabling): Verb<number | undefined> {
  const { userId, epoch, now } = enabling;
  yield* createAccount(db, userId);
  const enabled = yield* changed(
    db
      .updateTable('two_factor_auth')
      .set({ enabled_at: now, epoch: epoch + 1, ...freshCounters })
      .where('user_id', '=', userId)
      .where('epoch', '=', epoch)
      .where('enabled_at', 'is', null),
  );
  if (enabled !== 1) return new Rollback(undefined);
  if (!(yield* consumePending(db, enabling))) return new Rollback(undefined);
  if (enabling.login && !(yield* consumePending(db, { ...enabling.login, now })))
    return new Rollback(undefined);
  yield* deletePendingsOf(db, userId);
  yield* insertAuthenticators(db, enabling.authenticator);
  yield* insertBackupCodes(db, userId, enabling.backupCodes, now);
  yield* createPending(db, { ...enabling.proposal, epoch: epoch + 1 });
  yield* recordEvents(db, enabling.events);
  return epoch + 1;
}

export function* importFactors(db: QueryBuilder, imports: readonly FactorImport[]): Step<boolean[]> {
  if (imports.length === 0) return [];
  yield* createAccount(db, ...imports.map(({ userId }) => userId));
  const outcomes: boolean[] = [];
  for (const { userId, now } of imports) {
    const enable = db
      .updateTable('two_factor_auth')
      .set((eb) => ({ enabled_at: now, epoch: eb('epoch', '+', 1), ...freshCounters }))
      .where('user_id', '=', userId)
      .where('enabled_at', 'is', null)
      .where('was_on', '=', 0);
    outcomes.push((yield* changed(enable)) === 1);
  }
  const made = imports.filter((_, index) => outcomes[index]);
  if (made.length === 0) return outcomes;
  yield* deletePendingsOf(db, ...made.map(({ userId }) => userId));
  yield* insertAuthenticators(db, ...made.map(({ authenticator }) => authenticator));
  for (const { userId, backupCodes, now } of made)
    if (backupCodes) yield* insertBackupCodes(db, userId, backupCodes, now);
  yield* recordEvents(
    db,
    made.flatMap(({ events }) => events),
  );
  return outcomes;
}

export function* renewBackupCodes(db: QueryBuilder, renewal: Renewal): Verb<number | undefined> {
  const { userId, epoch, now } = renewal;
  if (!(yield* raiseEnabled(db, renewal, freshLane('backup-code')))) return new Rollback(undefined);
  if (!(yield* consumePending(db, renewal))) return new Rollback(undefined);
  yield* deletePendingsOf(db, userId);
  yield* deleteBackupCodes(db, userId);
  yield* insertBackupCodes(db, userId, renewal.backupCodes, now);
  yield* recordEvents(db, renewal.events);
  return epoch + 1;
}

export function* issueSupportCode(db: QueryBuilder, { pending, events }: SupportCodeIssue): Verb<boolean> {
  const { userId, epoch, purpose } = pending;
  const reset = db
    .updateTable('two_factor_auth')
    .set(freshLane('backup-code'))
    .where('user_id', '=', userId)
    .where('epoch', '=', epoch)
    .where('enabled_at', 'is not', null);
  if ((yield* changed(reset)) !== 1) return new Rollback(false);
  yield* changed(
    db.deleteFrom('two_factor_pending').where('user_id', '=', userId).where('purpose', '=', purpose),
  );
  yield* createPending(db, pending);
  yield* recordEvents(db, events);
  return true;
}

export function* addAuthenticator(
  db: QueryBuilder,
  adding: Adding,
): Verb<number | 'full' | 'absent' | undefined> {
  const { userId, epoch, replaces } = adding;
  const counters = replaces === null ? {} : freshLane('totp');
  if (!(yield* raiseEnabled(db, adding, counters))) return new Rollback(undefined);
  if (!(yield* consumePending(db, adding))) return new Rollback(undefined);
  yield* deletePendingsOf(db, userId);
  if (replaces !== null && !(yield* deleteAuthenticator(db, userId, replaces))) return new Rollback('absent');
  if ((yield* countAuthenticators(db, userId)) >= adding.most) return new Rollback('full');
  yield* insertAuthenticators(db, adding.authenticator);
  yield* recordEvents(db, adding.events);
  return epoch + 1;
}

export function* renameAuthenticator(
  db: QueryBuilder,
  { userId, authenticatorId, name, events }: AuthenticatorRenaming,
): Step<boolean> {
  const rename = db
    .updateTable('two_factor_authenticators')
    .set({ name })
    .where('id', '=', authenticatorId)
    .where('user_id', '=', userId);
  if ((yield* changed(rename)) !== 1) return false;
  yield* recordEvents(db, events);
  return true;
}

export function* removeAuthenticator(
  db: QueryBuilder,
  removal: AuthenticatorRemoval,
): Verb<number | 'last' | 'absent' | undefined> {
  const { userId, epoch, authenticatorId } = removal;
  if (!(yield* raiseEnabled(db, removal))) return new Rollback(undefined);
  yield* deletePendingsOf(db, userId);
  if (!(yield* deleteAuthenticator(db, userId, authenticatorId))) return new Rollback('absent');
  if ((yield* countAuthenticators(db, userId)) === 0) return new Rollback('last');
  yield* recordEvents(db, removal.events);
  return epoch + 1;
}

export function* reset(
  db: QueryBuilder,
  userId: string,
  events: readonly SecondFactorEvent[],
): Verb<number | undefined> {
  if (!(yield* disable(db, userId))) return new Rollback(undefined);
  yield* recordEvents(db, events);
  const account = yield* findAccount(db, userId);
  return account?.epoch;
}

export function* forget(db: QueryBuilder, userId: string): Verb<void> {
  yield* deleteEventsOf(db, userId);
  if (!(yield* disable(db, userId))) {
    yield* raiseEpoch(db, { userId, epoch: null, passwordChangedAt: null, events: [] });
    yield* deletePendingsOf(db, userId);
    yield* deleteTrustedBrowsers(db, { userId, id: null, events: [] });
  }
  const clean = { enrol_by: null, was_on: 0 };
  yield* changed(db.updateTable('two_factor_auth').set(clean).where('user_id', '=', userId));
}

/** Turns a second factor off that is on. @returns whether it was. */
export function* disable(db: QueryBuilder, userId: string): Step<boolean> {
  const disabled = yield* changed(
    db
      .updateTable('two_factor_auth')
      .set((eb) => ({ enabled_at: null, epoch: eb('epoch', '+', 1), was_on: 1, ...freshCounters }))
      .where('user_id', '=', userId)
      .where('enabled_at', 'is not', null),
  );
  if (disabled !== 1) return false;
  yield* deletePendingsOf(db, userId);
  yield* deleteBackupCodes(db, userId);
  yield* deleteTrustedBrowsers(db, { userId, id: null, events: [] });
  yield* changed(db.deleteFrom('two_factor_authenticators').where('user_id', '=', userId));
  return true;
}

/** First of all: the account's row is the lock that orders the transactions of one user. */
function* raiseEnabled(
  db: QueryBuilder,
  { userId, epoch }: { userId: string; epoch: number },
  counters: ReturnType<typeof freshLane> = {},
): Step<boolean> {
  const raise = db
    .updateTable('two_factor_auth')
    .set({ epoch: epoch + 1, ...counters })
    .where('user_id', '=', userId)
    .where('epoch', '=', epoch)
    .where('enabled_at', 'is not', null);
  return (yield* changed(raise)) === 1;
}

/** @returns whether the user had it. */
function* deleteAuthenticator(db: QueryBuilder, userId: string, id: string): Step<boolean> {
  const deletion = db
    .deleteFrom('two_factor_authenticators')
    .where('id', '=', id)
    .where('user_id', '=', userId);
  return (yield* changed(deletion)) === 1;
}

function* countAuthenticators(db: QueryBuilder, userId: string): Step<number> {
  const found = yield* first(
    db
      .selectFrom('two_factor_authenticators')
      .select((eb) => eb.fn.countAll().as('count'))
      .where('user_id', '=', userId),
  );
  return Number(found?.count);
}

function* insertAuthenticators(db: QueryBuilder, ...authenticators: Authenticator[]): Step<void> {
  yield* changed(
    db.insertInto('two_factor_authenticators').values(
      authenticators.map((authenticator) => ({
        id: authenticator.id,
        user_id: authenticator.userId,
        name: authenticator.name,
        algorithm: authenticator.algorithm,
        digits: authenticator.digits,
        period: authenticator.period,
        sealed_secret: authenticator.sealedSecret,
        last_step: authenticator.lastStep,
        created_at: authenticator.createdAt,
        last_used_at: authenticator.lastUsedAt,
      })),
    ),
  );
}
