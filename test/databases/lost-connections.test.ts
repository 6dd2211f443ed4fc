import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PostgresPool, PostgresQuery } from '../../src/storage/sql/postgres.js';
import type { MysqlPool } from '../../src/storage/sql/mysql.js';
import { sqlStorage } from '../../src/storage/sql/sql-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import * as fixtures from '../../src/testing/storage-fixtures.js';
import { startOwnTime } from '../helpers/own-time.js';
import {
  type Kind,
  kinds,
  newDatabase,
  openMysql,
  openPostgres,
  openStorage,
  runSql,
  untilNothingIsOpen,
} from './databases.js';

/** What happens around a statement of a real connection; `id` is the server's number for it. */
type Intervention = (sql: string, id: number, send: () => Promise<unknown>) => Promise<unknown>;

interface Watched {
  storage: Storage;
  /** Connections of the pool, in use or free. */
  size(): number;
}

function watchPostgres(url: string, intervene: Intervention): Watched {
  const pool = openPostgres(url, { max: 1 });
  const watched: PostgresPool = {
    async connect() {
      const client = await pool.connect();
      const id = (client as unknown as { processID: number }).processID;
      return {
        query: (query: PostgresQuery) => intervene(query.text, id, () => client.query(query)) as never,
        release: (close) => client.release(close),
        on: (event, listener) => client.on(event, listener),
        removeListener: (event, listener) => client.removeListener(event, listener),
        getTransactionStatus: () => client.getTransactionStatus(),
      };
    },
  };
  return { storage: sqlStorage.postgres(watched), size: () => pool.totalCount };
}

function watchMysql(url: string, intervene: Intervention): Watched {
  const pool = openMysql(url, { connectionLimit: 1 });
  const watched: MysqlPool = {
    async getConnection() {
      const connection = await pool.getConnection();
      return {
        query: (query) => intervene(query.sql, connection.threadId, () => connection.query(query)) as never,
        release: () => connection.release(),
        destroy: () => connection.destroy(),
      };
    },
  };
  const raw = (pool as unknown as { pool: { _allConnections: { length: number } } }).pool;
  return { storage: sqlStorage.mysql(watched), size: () => raw._allConnections.length };
}

const watchers = { postgres: watchPostgres, mysql: watchMysql };

async function kill(kind: Kind, url: string, id: number): Promise<void> {
  await runSql(
    kind,
    url,
    kind === 'postgres' ? `select pg_terminate_backend(${id})` : `kill connection ${id}`,
  );
  await wait(100);
}

describe.each(kinds)('a connection of %s', (_, kind) => {
  let commits = 0;

  /** Runs `raiseEpoch` with this fault at its COMMIT. */
  async function raiseWith(
    fault: (url: string, id: number, send: () => Promise<unknown>) => Promise<unknown>,
  ) {
    const url = await newDatabase(kind);
    await openStorage(kind, url).migrate();
    commits = 0;
    let isFaulty = true;
    const watched = watchers[kind](url, async (sql, id, send) => {
      if (!sql.startsWith('commit') || !isFaulty) return send();
      commits += 1;
      return fault(url, id, send);
    });
    const error = await watched.storage.raiseEpoch(fixtures.revocationOf('ada')).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    isFaulty = false;
    return { ...watched, error };
  }

  it('that is lost before its COMMIT arrives: the verb rejects, once, and nothing is done', async () => {
    const { error, storage, size } = await raiseWith(async (url, id, send) => {
      await kill(kind, url, id);
      return send();
    });
    expect(error).toBeInstanceOf(Error);
    expect(commits).toBe(1);
    expect(size()).toBe(0);
    expect(await storage.findAccount('ada')).toBeUndefined();
    expect(await storage.raiseEpoch(fixtures.revocationOf('ada'))).toBe(1);
  });

  it('that is lost before the answer to its COMMIT comes: the verb rejects and is not repeated', async () => {
    const { error, storage, size } = await raiseWith(async (url, id, send) => {
      await send();
      await kill(kind, url, id);
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    });
    expect(error).toMatchObject({ message: 'read ECONNRESET' });
    expect(commits).toBe(1);
    await wait(100);
    expect(size()).toBe(0);
    expect((await storage.findAccount('ada'))?.epoch).toBe(1);
  });

  it('whose COMMIT gets no answer: the verb rejects in time and the connection is closed', async () => {
    let ownTime = (): number => NaN;
    const { error, storage, size } = await raiseWith(async (_url, _id, send) => {
      ownTime = startOwnTime();
      await send();
      return new Promise(() => undefined);
    });
    expect(error).toMatchObject({ message: expect.stringContaining('did not answer within') as string });
    expect(ownTime()).toBeLessThan(2_000);
    await wait(3_500);
    expect(size()).toBe(0);
    expect(commits).toBe(1);
    expect((await storage.findAccount('ada'))?.epoch).toBe(1);
  });

  it('that the server closes between two statements ends the verb, not the process', async () => {
    const url = await newDatabase(kind);
    let statements = 0;
    const { storage, size } = watchers[kind](url, async (sql, id, send) => {
      if (sql.startsWith('insert')) statements += 1;
      if (statements === 2) await kill(kind, url, id);
      return send();
    });
    await openStorage(kind, url).migrate();
    await storage.createPending(fixtures.newPending('login', 'ada'));
    await expect(storage.raiseEpoch(fixtures.revocationOf('ada'))).rejects.toThrow();
    expect(size()).toBe(0);
    statements = 10;
    expect(await storage.raiseEpoch(fixtures.revocationOf('ada'))).toBe(1);
  });

  it('is kept where only the statement was wrong', async () => {
    const url = await newDatabase(kind);
    const { storage, size } = watchers[kind](url, (_sql, _id, send) => send());
    await storage.migrate();
    const pending = await fixtures.begin(storage, 'login', 'ada');
    for (let time = 0; time < 5; time += 1) await expect(storage.createPending(pending)).rejects.toThrow();
    await untilNothingIsOpen(kind, url);
    expect(size()).toBe(1);
    expect(await storage.raiseEpoch(fixtures.revocationOf('ada'))).toBe(1);
  });
});

it('PostgreSQL’s "ROLLBACK" in answer to a COMMIT is an error', async () => {
  const url = await newDatabase('postgres');
  await openStorage('postgres', url).migrate();
  const { storage } = watchPostgres(url, async (sql, _id, send) => {
    const answer = await send();
    // As after a statement that failed without anybody noticing.
    return sql === 'commit' ? { ...(answer as object), command: 'ROLLBACK' } : answer;
  });
  await expect(storage.raiseEpoch(fixtures.revocationOf('ada'))).rejects.toThrow(
    'answered COMMIT with ROLLBACK',
  );
});
