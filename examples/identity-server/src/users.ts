import { randomUUID } from 'node:crypto';
import type { Selectable } from 'kysely';
import { type Database, unlessTaken } from './database/database.js';
import type { Tables } from './database/tables.js';
import { hashPassword, matchesPassword } from './passwords.js';

declare global {
  namespace Express {
    /** What a request knows of its user. The password hash stays in this file. */
    interface User {
      id: string;
      username: string;
      email: string;
    }
  }
}

export interface NewUser {
  username: string;
  email: string;
  /** `undefined` for whoever signs in by other ways only. */
  password: string | undefined;
}

type Row = Selectable<Tables['users']>;

/** The table of users. Ids are random and never used again, so that nothing kept for a deleted user meets a new one. */
export class Users {
  readonly #database: Database;
  readonly #unknownUserHash: string;

  private constructor(database: Database, unknownUserHash: string) {
    this.#database = database;
    this.#unknownUserHash = unknownUserHash;
  }

  static async open(database: Database): Promise<Users> {
    return new Users(database, await hashPassword(randomUUID()));
  }

  /** @returns the user, or which of the two belongs to someone already. The unique columns decide, not a look before. */
  async create({ username, email, password }: NewUser): Promise<Express.User | 'username' | 'email'> {
    const user = { id: randomUUID(), username, email };
    const row = {
      ...user,
      username_key: username.toLowerCase(),
      email_key: email.toLowerCase(),
      password_hash: password === undefined ? null : await hashPassword(password),
      created_at: Date.now(),
    };
    const insert = unlessTaken(this.#database, this.#database.queries.insertInto('users').values(row));
    const { numInsertedOrUpdatedRows } = await insert.executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 1n) return user;
    return (await this.#find('username_key', row.username_key)) === undefined ? 'email' : 'username';
  }

  async count(): Promise<number> {
    const query = this.#database.queries.selectFrom('users').select((eb) => eb.fn.countAll().as('count'));
    return Number((await query.executeTakeFirstOrThrow()).count);
  }

  /** All of them, a few hundred at a time. */
  async *list(): AsyncGenerator<Express.User> {
    let last = '';
    for (;;) {
      const query = this.#database.queries.selectFrom('users').selectAll().where('id', '>', last);
      const rows = await query.orderBy('id').limit(500).execute();
      for (const { id, username, email } of rows) yield { id, username, email };
      const end = rows.at(-1);
      if (!end) return;
      last = end.id;
    }
  }

  async findById(id: string): Promise<Express.User | undefined> {
    return toUser(await this.#find('id', id));
  }

  async findByEmail(email: string): Promise<Express.User | undefined> {
    return toUser(await this.#find('email_key', email.toLowerCase()));
  }

  /** An unknown name costs one hash as well: the time of the answer does not tell who has an account. */
  async findByPassword(username: string, password: string): Promise<Express.User | undefined> {
    const found = await this.#find('username_key', username.toLowerCase());
    const matches = await matchesPassword(password, found?.password_hash ?? this.#unknownUserHash);
    return matches ? toUser(found) : undefined;
  }

  async checkPassword(id: string, password: string): Promise<boolean> {
    const hash = (await this.#find('id', id))?.password_hash;
    return typeof hash === 'string' && (await matchesPassword(password, hash));
  }

  /** @returns whether `current` was right. Of two changes at once, only one finds the hash that it checked. */
  async changePassword(id: string, current: string, password: string): Promise<boolean> {
    const checked = (await this.#find('id', id))?.password_hash;
    if (typeof checked !== 'string' || !(await matchesPassword(current, checked))) return false;
    const { numUpdatedRows } = await this.#database.queries
      .updateTable('users')
      .set({ password_hash: await hashPassword(password) })
      .where('id', '=', id)
      .where('password_hash', '=', checked)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }

  /** For whoever has proven to be the user by another way. */
  async setPassword(id: string, password: string): Promise<void> {
    const password_hash = await hashPassword(password);
    await this.#database.queries.updateTable('users').set({ password_hash }).where('id', '=', id).execute();
  }

  async #find(column: 'id' | 'username_key' | 'email_key', value: string): Promise<Row | undefined> {
    const query = this.#database.queries.selectFrom('users').selectAll().where(column, '=', value);
    const found = await query.executeTakeFirst();
    // MySQL takes `ann` and `ann ` for the same where it compares.
    return found?.[column] === value ? found : undefined;
  }
}

function toUser(row: Row | undefined): Express.User | undefined {
  return row && { id: row.id, username: row.username, email: row.email };
}
