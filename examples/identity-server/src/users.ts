import { randomUUID } from 'node:crypto';
import type Database from 'libsql';
import { z } from 'zod';
import { write } from './database.js';
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
  password: string;
}

const row = z.object({ id: z.string(), username: z.string(), email: z.string(), password_hash: z.string() });

/**
 * The table of users. Names and addresses are ASCII (see forms.ts), for which NOCASE is enough to make `Ann` and `ann` one
 * person. Ids are random and never used again, so that nothing kept for a deleted user meets a new one.
 */
export class Users {
  readonly #database: Database.Database;
  readonly #unknownUserHash: string;

  private constructor(database: Database.Database, unknownUserHash: string) {
    this.#database = database;
    this.#unknownUserHash = unknownUserHash;
  }

  /** Creates the table where it is missing; safe when several processes start at once. */
  static async open(database: Database.Database): Promise<Users> {
    database.exec(`CREATE TABLE IF NOT EXISTS users (
      id TEXT PRIMARY KEY NOT NULL,
      username TEXT NOT NULL UNIQUE COLLATE NOCASE,
      email TEXT NOT NULL UNIQUE COLLATE NOCASE,
      password_hash TEXT NOT NULL,
      created_at INTEGER NOT NULL
    )`);
    return new Users(database, await hashPassword(randomUUID()));
  }

  /** @returns the user, or which of the two belongs to someone already. The UNIQUE columns decide, not a look before. */
  async create({ username, email, password }: NewUser): Promise<Express.User | 'username' | 'email'> {
    const user = { id: randomUUID(), username, email };
    const hash = await hashPassword(password);
    const insert = 'INSERT INTO users VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING';
    if (write(this.#database, insert, user.id, username, email, hash, Date.now()) === 1) return user;
    return this.#find('username', username) === undefined ? 'email' : 'username';
  }

  findById(id: string): Express.User | undefined {
    const found = this.#find('id', id);
    return found && { id: found.id, username: found.username, email: found.email };
  }

  /** An unknown name costs one hash as well: the time of the answer does not tell who has an account. */
  async findByPassword(username: string, password: string): Promise<Express.User | undefined> {
    const found = this.#find('username', username);
    const matches = await matchesPassword(password, found?.password_hash ?? this.#unknownUserHash);
    return found !== undefined && matches ? this.findById(found.id) : undefined;
  }

  async checkPassword(id: string, password: string): Promise<boolean> {
    const found = this.#find('id', id);
    return found !== undefined && (await matchesPassword(password, found.password_hash));
  }

  /** @returns whether `current` was right. Of two changes at once, only one finds the hash that it checked. */
  async changePassword(id: string, current: string, password: string): Promise<boolean> {
    const found = this.#find('id', id);
    if (found === undefined || !(await matchesPassword(current, found.password_hash))) return false;
    const hash = await hashPassword(password);
    const update = 'UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?';
    return write(this.#database, update, hash, id, found.password_hash) === 1;
  }

  /** @throws when the database does not answer. */
  check(): void {
    this.#database.prepare('SELECT id FROM users LIMIT 1').all();
  }

  #find(column: 'id' | 'username', value: string): z.infer<typeof row> | undefined {
    return row.optional().parse(this.#database.prepare(`SELECT * FROM users WHERE ${column} = ?`).get(value));
  }
}
