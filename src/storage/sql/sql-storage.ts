import {
  type Dialect,
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { SecondFactorError } from '../../errors.js';
import type { Storage } from '../storage.js';
import { accept } from './acceptance.js';
import {
  findAccount,
  findBackupCodeSet,
  listAuthenticators,
  raiseEpoch,
  setEnrolBy,
  summarise,
} from './accounts.js';
import { spendAttempt } from './attempts.js';
import {
  addAuthenticator,
  enable,
  forget,
  importFactors,
  issueSupportCode,
  removeAuthenticator,
  renameAuthenticator,
  renewBackupCodes,
  reset,
} from './changes.js';
import { listEvents, purgeEvents, recordEvents } from './events.js';
import { inspect } from './inspection.js';
import { migrate } from './migrations.js';
import { createMysqlPool, type MysqlPool } from './mysql.js';
import {
  createPending,
  deletePending,
  findPending,
  findSupportCode,
  openPending,
  purgePending,
} from './pending.js';
import { createPoolRunner } from './pool-runner.js';
import { createPostgresPool, type PostgresPool } from './postgres.js';
import { findCanary, keepCanary, listKeyIds, listSealed, reseal } from './sealed.js';
import { createSqliteRunner, type SqliteDatabase } from './sqlite-runner.js';
import type { QueryBuilder, Tables } from './tables.js';
import {
  deleteTrustedBrowsers,
  listTrustedBrowsers,
  purgeTrustedBrowsers,
  trustBrowser,
  useToken,
} from './trusted-browsers.js';
import type { Runner } from './verb.js';

/** Storage in a database of the host's: SQLite, PostgreSQL, MariaDB or MySQL. `ready()` makes the tables (docs/storage-adapters.md). */
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
    requireMethod(db, 'prepare', 'sqlStorage.sqlite needs a database of libsql or better-sqlite3.');
    const queries = buildQueries({
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    });
    return createStorage(queries, createSqliteRunner(db));
  },

  /**
   * Keeps the second factor in PostgreSQL, through a `Pool` of `pg`.
   *
   * The pool may be the host's own: every setting is made for one transaction, and a connection that may have broken
   * is closed and not put back. Each verb takes one connection. Every verb ends within 1.5 s, with an error where the
   * database is silent, a lock is held or the pool has no free connection. Recommended: `max` of at least 5,
   * `connectionTimeoutMillis: 1000`, `statement_timeout: 5000` (reads run outside of a transaction and have no limit of
   * their own at the server), `keepAlive: true`, and a listener for the pool's `error` event, without which a lost idle
   * connection ends the process. Not possible: `binary: true`.
   */
  postgres(pool: PostgresPool): Storage {
    requireMethod(pool, 'connect', 'sqlStorage.postgres needs a pool: new pg.Pool({ … }).');
    const queries = buildQueries({
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    });
    return createStorage(queries, createPoolRunner(createPostgresPool(pool)));
  },

  /**
   * Keeps the second factor in MariaDB or MySQL (tables of InnoDB), through a pool of `mysql2/promise`.
   *
   * The pool may be the host's own: session settings are put back before the connection is, and one that may have
   * broken is closed. Each verb takes one connection and ends within 1.5 s, with an error where the database is silent, a
   * lock is held or the pool has no free connection. Recommended: `connectionLimit` of at least 5,
   * `connectTimeout: 1000`. Nothing depends on the pool's character set, type casts, flags or SQL mode; a
   * `queryFormat` of its own must write a `Buffer` as bytes.
   */
  mysql(pool: MysqlPool): Storage {
    const advice =
      'sqlStorage.mysql needs a pool of mysql2/promise; of a pool of mysql2 itself, its promise().';
    requireMethod(pool, 'getConnection', advice);
    if ('promise' in pool) throw new SecondFactorError('configuration-invalid', advice);
    const queries = buildQueries({
      createAdapter: () => new MysqlAdapter(),
      createIntrospector: (kysely) => new MysqlIntrospector(kysely),
      createQueryCompiler: () => new MysqlQueryCompiler(),
    });
    return createStorage(queries, createPoolRunner(createMysqlPool(pool)));
  },
};

/** Kysely writes the statements and never runs one. */
function buildQueries(grammar: Omit<Dialect, 'createDriver'>): QueryBuilder {
  return new Kysely<Tables>({ dialect: { ...grammar, createDriver: () => new DummyDriver() } });
}

/** Found at the start, not at the first login. */
function requireMethod(value: unknown, name: string, advice: string): void {
  const isThere =
    typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
  if (!isThere) throw new SecondFactorError('configuration-invalid', advice);
}

function createStorage(db: QueryBuilder, { read, transact }: Runner): Storage {
  return {
    migrate: () => transact(() => migrate(db), 'migration'),
    findAccount: (userId) => read(() => findAccount(db, userId)),
    listAuthenticators: (userId) => read(() => listAuthenticators(db, userId)),
    findBackupCodeSet: (userId) => read(() => findBackupCodeSet(db, userId)),
    raiseEpoch: (revocation) => transact(() => raiseEpoch(db, revocation)),
    createPending: (pending) => transact(() => createPending(db, pending)),
    openPending: (pending, now) => transact(() => openPending(db, pending, now)),
    findPending: (handleHash) => read(() => findPending(db, handleHash)),
    deletePending: (handleHash) => transact(() => deletePending(db, handleHash)),
    purgePending: (now) => transact(() => purgePending(db, now), 'upkeep'),
    spendAttempt: (attempt) => transact(() => spendAttempt(db, attempt)),
    accept: (acceptance) => transact(() => accept(db, acceptance)),
    enable: (enabling) => transact(() => enable(db, enabling)),
    importFactors: (imports) => transact(() => importFactors(db, imports)),
    renewBackupCodes: (renewal) => transact(() => renewBackupCodes(db, renewal)),
    issueSupportCode: (issue) => transact(() => issueSupportCode(db, issue)),
    findSupportCode: (userId) => read(() => findSupportCode(db, userId)),
    addAuthenticator: (adding) => transact(() => addAuthenticator(db, adding)),
    renameAuthenticator: (renaming) => transact(() => renameAuthenticator(db, renaming)),
    removeAuthenticator: (removal) => transact(() => removeAuthenticator(db, removal)),
    trustBrowser: (trusting) => transact(() => trustBrowser(db, trusting)),
    useToken: (use) => transact(() => useToken(db, use)),
    listTrustedBrowsers: (userId) => read(() => listTrustedBrowsers(db, userId)),
    deleteTrustedBrowsers: (removal) => transact(() => deleteTrustedBrowsers(db, removal)),
    purgeTrustedBrowsers: (now) => transact(() => purgeTrustedBrowsers(db, now), 'upkeep'),
    reset: (userId, events) => transact(() => reset(db, userId, events)),
    setEnrolBy: (userId, enrolBy) => transact(() => setEnrolBy(db, userId, enrolBy)),
    summarise: (userIds) => read(() => summarise(db, userIds)),
    forget: (userId) => transact(() => forget(db, userId)),
    recordEvents: (events) => transact(() => recordEvents(db, events)),
    listEvents: (userId, limit, from) => read(() => listEvents(db, userId, limit, from)),
    purgeEvents: (before) => transact(() => purgeEvents(db, before), 'upkeep'),
    listKeyIds: () => read(() => listKeyIds(db)),
    listSealed: (page) => read(() => listSealed(db, page)),
    reseal: (resealings) => transact(() => reseal(db, resealings)),
    findCanary: (keyId) => read(() => findCanary(db, keyId)),
    keepCanary: (keyId, sealed) => transact(() => keepCanary(db, keyId, sealed)),
    inspect: (clock, cap) => read(() => inspect(db, clock, cap), 'upkeep'),
  };
}
