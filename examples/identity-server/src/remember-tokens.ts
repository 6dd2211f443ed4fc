import type { Database } from './database/database.js';
import { hashToken, makeToken } from './tokens.js';

/** How long a computer is remembered after its last visit. */
export const rememberFor = 30 * 24 * 60 * 60 * 1000;

/** "Keep me signed in on this computer": each token works once, and is answered with the next one. */
export class RememberTokens {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async issue(userId: string): Promise<string> {
    const token = makeToken();
    const { queries } = this.#database;
    await queries.deleteFrom('remember_tokens').where('expires_at', '<=', Date.now()).execute();
    await queries
      .insertInto('remember_tokens')
      .values({ token_hash: hashToken(token), user_id: userId, expires_at: Date.now() + rememberFor })
      .execute();
    return token;
  }

  /** Uses a token up. Of several requests at once one gets the user. @returns whose it was. */
  async spend(token: string): Promise<string | undefined> {
    const { queries } = this.#database;
    const token_hash = hashToken(token);
    const found = await queries
      .selectFrom('remember_tokens')
      .select('user_id')
      .where('token_hash', '=', token_hash)
      .executeTakeFirst();
    const { numDeletedRows } = await queries
      .deleteFrom('remember_tokens')
      .where('token_hash', '=', token_hash)
      .where('expires_at', '>', Date.now())
      .executeTakeFirstOrThrow();
    return numDeletedRows === 1n ? found?.user_id : undefined;
  }

  /** After a password change: no computer is remembered any more. */
  async revokeAll(userId: string): Promise<void> {
    await this.#database.queries.deleteFrom('remember_tokens').where('user_id', '=', userId).execute();
  }
}
