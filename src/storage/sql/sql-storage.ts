import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { Storage } from '../storage.js';
import { accept } from './acceptance.js';
import { findAccount, findBackupCodeSet, listAuthenticators, raiseEpoch } from './accounts.js';
import { spendAttempt } from './attempts.js';
import { enable, renewBackupCodes } from './changes.js';
import { migrate } from './migrations.js';
import { createPending, deletePending, findPending, openPending, purgePending } from './pending.js';
import { createSqliteRunner, type SqliteDatabase } from './sqlite-runner.js';
import type { QueryBuilder, Tables } from './tables.js';
import type { Runner } from './verb.js';

export const sqlStorage = {
  /**
   * Keeps the second factor in a SQLite file, through a driver of the better-sqlite3 API such as `libsql`.
   *
   * Give it a connection of its own: inside a transaction of somebody else every verb refuses. Open the file in WAL
   * mode (`PRAGMA journal_mode = WAL`), so that readers and the writer do not wait for each other, and leave
   * `synchronous` at FULL, or a power cut can bring a used code back. No pragma is set here. A locked file is tried
   * again for 5 seconds without blocking the event loop, whatever the busy timeout (0 with `libsql`, 5 s with
   * better-sqlite3); a busy timeout of the connection comes on top and does block: keep it short.
   */
  sqlite(db: SqliteDatabase): Storage {
    const queryBuilder = new Kysely<Tables>({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (kysely) => new SqliteIntrospector(kysely),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
    });
    return createStorage(queryBuilder, createSqliteRunner(db));
  },
};

function createStorage(db: QueryBuilder, { read, transact }: Runner): Storage {
  return {
    migrate: () => transact(() => migrate(db)),
    findAccount: (userId) => read(() => findAccount(db, userId)),
    listAuthenticators: (userId) => read(() => listAuthenticators(db, userId)),
    findBackupCodeSet: (userId) => read(() => findBackupCodeSet(db, userId)),
    raiseEpoch: (userId) => transact(() => raiseEpoch(db, userId)),
    createPending: (pending) => transact(() => createPending(db, pending)),
    openPending: (pending, now) => transact(() => openPending(db, pending, now)),
    findPending: (handleHash) => read(() => findPending(db, handleHash)),
    deletePending: (handleHash) => transact(() => deletePending(db, handleHash)),
    purgePending: (now) => transact(() => purgePending(db, now)),
    spendAttempt: (attempt) => transact(() => spendAttempt(db, attempt)),
    accept: (acceptance) => transact(() => accept(db, acceptance)),
    enable: (enabling) => transact(() => enable(db, enabling)),
    renewBackupCodes: (renewal) => transact(() => renewBackupCodes(db, renewal)),
  };
}
