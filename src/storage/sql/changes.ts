import type { Authenticator } from '../../model.js';
import type { Enabling, Renewal } from '../storage.js';
import { createAccount } from './accounts.js';
import { consumePending, createPending, deletePendingsOf } from './pending.js';
import { deleteBackupCodes, freshCounters, insertBackupCodes, type QueryBuilder } from './tables.js';
import { changed, Rollback, type Step, type Verb } from './verb.js';

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
  if (!(yield* consumePending(db, enabling, now))) return new Rollback(undefined);
  yield* deletePendingsOf(db, userId);
  yield* insertAuthenticator(db, enabling.authenticator);
  yield* insertBackupCodes(db, userId, enabling.backupCodes, now);
  yield* createPending(db, { ...enabling.proposal, epoch: epoch + 1 });
  return epoch + 1;
}

export function* renewBackupCodes(db: QueryBuilder, renewal: Renewal): Verb<number | undefined> {
  const { userId, epoch, now } = renewal;
  const raised = yield* changed(
    db
      .updateTable('two_factor_auth')
      .set({ epoch: epoch + 1, backup_code_failures: 0, backup_code_delayed_until: 0 })
      .where('user_id', '=', userId)
      .where('epoch', '=', epoch)
      .where('enabled_at', 'is not', null),
  );
  if (raised !== 1) return new Rollback(undefined);
  if (!(yield* consumePending(db, renewal, now))) return new Rollback(undefined);
  yield* deletePendingsOf(db, userId);
  yield* deleteBackupCodes(db, userId);
  yield* insertBackupCodes(db, userId, renewal.backupCodes, now);
  return epoch + 1;
}

function* insertAuthenticator(db: QueryBuilder, authenticator: Authenticator): Step<void> {
  yield* changed(
    db.insertInto('two_factor_authenticators').values({
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
    }),
  );
}
