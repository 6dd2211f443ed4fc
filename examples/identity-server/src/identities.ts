import { randomBytes } from 'node:crypto';
import { type Database, unlessTaken } from './database/database.js';
import type { Users } from './users.js';

/** What the identity provider says about somebody. */
export interface Claims {
  /** Stable and unique at the provider; an e-mail address is neither. */
  subject: string;
  email: string | undefined;
  isEmailVerified: boolean;
  username: string | undefined;
}

export type Refusal = 'email-unverified' | 'email-taken';

/**
 * Finds or creates the user of a provider's account; the link is the provider's subject, never an e-mail address.
 *
 * An address that has an account here is refused, also where the provider has verified it: *we* have not. Somebody may have
 * registered here with another person's address and be waiting for that person to arrive (account pre-hijacking).
 * An unverified address is refused too: it could be anybody's.
 */
export class Identities {
  readonly #database: Database;
  readonly #users: Users;
  readonly #provider: string;

  /** @param provider distinguishes this provider's subjects from another one's, should it change. */
  constructor(database: Database, users: Users, provider: string) {
    this.#database = database;
    this.#users = users;
    this.#provider = provider;
  }

  async findOrCreate(claims: Claims): Promise<Express.User | Refusal> {
    const linked = await this.#find(claims.subject);
    if (linked) return linked;
    const { email, isEmailVerified } = claims;
    if (email === undefined || !isEmailVerified) return 'email-unverified';
    const user = await this.#create(email, claims.username);
    if (user === 'email-taken') {
      // Two first sign-ins at once: the other one has created the user, and links it now.
      return (await this.#find(claims.subject)) ?? 'email-taken';
    }
    const row = { provider: this.#provider, subject: claims.subject, user_id: user.id };
    await unlessTaken(this.#database, this.#database.queries.insertInto('identities').values(row)).execute();
    return user;
  }

  async #find(subject: string): Promise<Express.User | undefined> {
    const found = await this.#database.queries
      .selectFrom('identities')
      .selectAll()
      .where('provider', '=', this.#provider)
      .where('subject', '=', subject)
      .executeTakeFirst();
    // MySQL takes `7` and `7 ` for the same where it compares.
    return found?.subject === subject ? this.#users.findById(found.user_id) : undefined;
  }

  /** The name at the provider where it is free and fits, else one like it. */
  async #create(email: string, name: string | undefined): Promise<Express.User | 'email-taken'> {
    const wish = (name ?? email)
      .replace(/@.*/, '')
      .replace(/[^A-Za-z0-9._-]/g, '')
      .replace(/^[._-]+/, '');
    const stem = wish.slice(0, 50) || 'user';
    for (
      let username = stem.length > 1 ? stem : `${stem}0`;
      ;
      username = `${stem}-${randomBytes(4).toString('hex')}`
    ) {
      const user = await this.#users.create({ username, email, password: undefined });
      if (user === 'email') return 'email-taken';
      if (user !== 'username') return user;
    }
  }
}
