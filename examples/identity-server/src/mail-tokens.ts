import type { Database } from './database/database.js';
import { hashToken, makeToken } from './tokens.js';

const minute = 60_000;

/** What a link in a mail can be for, and how long it works. A sign-in link is opened at once; invitations are not. */
const lifetimes = { 'sign-in': 15 * minute, reset: 60 * minute, invitation: 7 * 24 * 60 * minute };

export type Purpose = keyof typeof lifetimes;

/** Links that were mailed to an address: whoever has one reads that address's mail. */
export class MailTokens {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async issue(purpose: Purpose, email: string): Promise<string> {
    const token = makeToken();
    const now = Date.now();
    const { queries } = this.#database;
    await queries.deleteFrom('mail_tokens').where('expires_at', '<=', now).execute();
    await queries
      .insertInto('mail_tokens')
      .values({
        token_hash: hashToken(token),
        purpose,
        email_key: email.toLowerCase(),
        expires_at: now + lifetimes[purpose],
      })
      .execute();
    return token;
  }

  /** Looks without using it up, for the page behind the link: mail scanners open links. @returns the address. */
  async look(purpose: Purpose, token: string): Promise<string | undefined> {
    const found = await this.#database.queries
      .selectFrom('mail_tokens')
      .select('email_key')
      .where('token_hash', '=', hashToken(token))
      .where('purpose', '=', purpose)
      .where('expires_at', '>', Date.now())
      .executeTakeFirst();
    return found?.email_key;
  }

  /**
   * Uses the token up. Of any number of requests at once, on any number of nodes, the one whose statement deletes the
   * row gets the address.
   */
  async spend(purpose: Purpose, token: string): Promise<string | undefined> {
    const email = await this.look(purpose, token);
    const { numDeletedRows } = await this.#database.queries
      .deleteFrom('mail_tokens')
      .where('token_hash', '=', hashToken(token))
      .where('purpose', '=', purpose)
      .where('expires_at', '>', Date.now())
      .executeTakeFirstOrThrow();
    return numDeletedRows === 1n ? email : undefined;
  }

  /** After a password change: what was mailed before, perhaps at an attacker's wish, signs nobody in any more. */
  async revoke(email: string): Promise<void> {
    const query = this.#database.queries
      .deleteFrom('mail_tokens')
      .where('email_key', '=', email.toLowerCase());
    await query.execute();
  }
}
