import { Store, type SessionData } from 'express-session';
import type Database from 'libsql';
import { z } from 'zod';
import { retryWhileLocked } from './database/outage.js';
import { openSqlite, write } from './database/sqlite.js';

type Done<Value = void> = (error?: unknown, value?: Value) => void;

const day = 24 * 60 * 60 * 1000;
const row = z.object({ data: z.string() });

/** Sessions in the SQLite file, for one machine without Redis. */
export class SqliteSessionStore extends Store {
  readonly #database: Database.Database;
  readonly #purge: NodeJS.Timeout;

  /** @param file Opened once more, for the sessions alone. */
  constructor(file: string) {
    super();
    this.#database = openSqlite(file, (database) => {
      database.exec(`CREATE TABLE IF NOT EXISTS sessions (
        id TEXT PRIMARY KEY NOT NULL,
        data TEXT NOT NULL,
        expires_at INTEGER NOT NULL
      )`);
      database.exec('CREATE INDEX IF NOT EXISTS sessions_expires_at ON sessions (expires_at)');
    });
    this.#purge = setInterval(() => {
      // A purge that fails is made good by the next one; expired sessions are never handed out meanwhile.
      answer(undefined, () => this.#write('DELETE FROM sessions WHERE expires_at <= ?', Date.now()));
    }, 60_000).unref();
  }

  override get(id: string, done: Done<SessionData | null>): void {
    answer(done, () => {
      const found = row
        .optional()
        .parse(
          this.#database
            .prepare('SELECT data FROM sessions WHERE id = ? AND expires_at > ?')
            .get(id, Date.now()),
        );
      return found === undefined ? null : (JSON.parse(found.data) as SessionData);
    });
  }

  override set(id: string, session: SessionData, done?: Done): void {
    answer(done, () => {
      this.#write(
        `INSERT INTO sessions VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`,
        id,
        JSON.stringify(session),
        expiryOf(session),
      );
    });
  }

  override touch(id: string, session: SessionData, done?: Done): void {
    answer(done, () => this.#write('UPDATE sessions SET expires_at = ? WHERE id = ?', expiryOf(session), id));
  }

  override destroy(id: string, done?: Done): void {
    answer(done, () => this.#write('DELETE FROM sessions WHERE id = ?', id));
  }

  close(): void {
    clearInterval(this.#purge);
    this.#database.close();
  }

  #write(statement: string, ...values: (string | number)[]): void {
    write(this.#database, statement, ...values);
  }
}

function expiryOf(session: SessionData): number {
  return Date.now() + (session.cookie.maxAge ?? day);
}

/** Calls back outside of the promise, as express-session expects: an error of the caller is not the store's. */
function answer<Value>(done: Done<Value> | undefined, work: () => Value): void {
  retryWhileLocked(work).then(
    (value) => setImmediate(() => done?.(null, value)),
    (error: unknown) => setImmediate(() => done?.(error)),
  );
}
