import type { TrustedBrowser } from '../../model.js';
import type { TokenUse, TokenUseResult, Trusting, TrustRemoval } from '../storage.js';
import { recordEvents } from './events.js';
import { toTime, type QueryBuilder } from './tables.js';
import { changed, first, Rollback, rows, type Step, type Verb } from './verb.js';

export function* trustBrowser(db: QueryBuilder, { browser, replaces, events }: Trusting): Verb<boolean> {
  const { userId, epoch } = browser;
  // Writes what is there: the account's row is the lock that orders the transactions of one user.
  const lock = db
    .updateTable('two_factor_auth')
    .set({ epoch })
    .where('user_id', '=', userId)
    .where('epoch', '=', epoch)
    .where('enabled_at', 'is not', null);
  if ((yield* changed(lock)) !== 1) return new Rollback(false);
  yield* changed(
    db
      .deleteFrom('two_factor_trusted_browsers')
      .where('user_id', '=', userId)
      .where((eb) =>
        eb.or([eb('epoch', '<>', epoch), ...(replaces === null ? [] : [eb('id', '=', replaces)])]),
      ),
  );
  yield* changed(
    db.insertInto('two_factor_trusted_browsers').values({
      id: browser.id,
      user_id: userId,
      epoch,
      token_hash: browser.tokenHash,
      previous_hash: browser.previousHash,
      name: browser.name,
      created_at: browser.createdAt,
      last_used_at: browser.lastUsedAt,
      expires_at: browser.expiresAt,
    }),
  );
  yield* recordEvents(db, events);
  return true;
}

export function* useToken(db: QueryBuilder, use: TokenUse): Verb<TokenUseResult> {
  const { id, userId, epoch, tokenHash, now } = use;
  const rotation = db
    .updateTable('two_factor_trusted_browsers')
    .set({ token_hash: use.nextHash, previous_hash: tokenHash, last_used_at: now })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('epoch', '=', epoch)
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', now);
  const isRotated = (yield* changed(rotation)) === 1;
  const row = yield* first(
    db
      .selectFrom('two_factor_trusted_browsers')
      .select(['previous_hash', 'last_used_at'])
      .where('id', '=', id)
      .where('user_id', '=', userId)
      .where('epoch', '=', epoch)
      .where('expires_at', '>', now),
  );
  if (!row) return 'gone';
  const isRecent = row.previous_hash === tokenHash && now - Number(row.last_used_at) < use.grace;
  if (isRotated || isRecent) {
    yield* recordEvents(db, [use.events.trusted]);
    return isRotated ? 'rotated' : 'recent';
  }
  return (yield* deleteTrustedBrowsers(db, { userId, id, events: [use.events.stolen] })) === 1
    ? 'stolen'
    : 'gone';
}

export function* listTrustedBrowsers(db: QueryBuilder, userId: string): Step<TrustedBrowser[]> {
  const found = yield* rows(
    db
      .selectFrom('two_factor_trusted_browsers')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('created_at', 'desc')
      .orderBy('id'),
  );
  return found.map((row) => ({
    id: row.id,
    userId,
    epoch: Number(row.epoch),
    tokenHash: row.token_hash,
    previousHash: row.previous_hash,
    name: row.name,
    createdAt: Number(row.created_at),
    lastUsedAt: toTime(row.last_used_at),
    expiresAt: Number(row.expires_at),
  }));
}

export function* deleteTrustedBrowsers(db: QueryBuilder, { userId, id, events }: TrustRemoval): Step<number> {
  const all = db.deleteFrom('two_factor_trusted_browsers').where('user_id', '=', userId);
  const count = yield* changed(id === null ? all : all.where('id', '=', id));
  if (count > 0) yield* recordEvents(db, events);
  return count;
}

export function* purgeTrustedBrowsers(db: QueryBuilder, now: number): Step<void> {
  yield* changed(
    db.deleteFrom('two_factor_trusted_browsers').where((eb) => {
      const account = eb
        .selectFrom('two_factor_auth')
        .select('two_factor_auth.user_id')
        .whereRef('two_factor_auth.user_id', '=', 'two_factor_trusted_browsers.user_id')
        .whereRef('two_factor_auth.epoch', '=', 'two_factor_trusted_browsers.epoch');
      return eb.or([eb('expires_at', '<=', now), eb.not(eb.exists(account))]);
    }),
  );
}
