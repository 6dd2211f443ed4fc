import { randomUUID } from 'node:crypto';
import type { Database } from './database/database.js';
import { hashToken, makeToken } from './tokens.js';

export interface AccessToken {
  id: string;
  name: string;
  createdAt: number;
}

/** Personal access tokens, with which programs use the API in a user's name. */
export class AccessTokens {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @returns the token: the only time that anybody sees it. */
  async issue(userId: string, name: string): Promise<string> {
    const token = makeToken();
    const row = {
      id: randomUUID(),
      user_id: userId,
      name,
      token_hash: hashToken(token),
      created_at: Date.now(),
    };
    await this.#database.queries.insertInto('access_tokens').values(row).execute();
    return token;
  }

  async findUserId(token: string): Promise<string | undefined> {
    const found = await this.#database.queries
      .selectFrom('access_tokens')
      .select('user_id')
      .where('token_hash', '=', hashToken(token))
      .executeTakeFirst();
    return found?.user_id;
  }

  async list(userId: string): Promise<AccessToken[]> {
    const rows = await this.#database.queries
      .selectFrom('access_tokens')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('created_at', 'desc')
      .execute();
    return rows.map(({ id, name, created_at }) => ({ id, name, createdAt: Number(created_at) }));
  }

  /** Only the user's own: the id comes from a form. */
  async revoke(userId: string, id: string): Promise<void> {
    const query = this.#database.queries.deleteFrom('access_tokens').where('user_id', '=', userId);
    await query.where('id', '=', id).execute();
  }
}
