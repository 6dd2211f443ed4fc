import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { sqlStorage, type Storage } from 'passport-second-factor';
import pg from 'pg';
import { createDatabase, startPostgres } from '../../test/helpers/databases.js';
import { draw } from '../counting.js';
import type { Effort, Table } from '../main.js';
import { medianOf } from '../rounds.js';
import { fill, type Filled, insertIntoPostgres, insertIntoSqlite } from './fill.js';

/** One database with so many users in it. */
interface Store {
  storage: Storage;
  users: Filled[];
  /** Bytes of tables and indexes, by user: without backup codes, and of a code. */
  size: { user: number; code: number };
}

interface Kind {
  name: string;
  open(users: number): Promise<Store>;
  close(): Promise<void>;
}

const NOW = 1_800_000_000_000;
const SAMPLES = 2_000;

/** What a login costs in the database when there are many users, beside what it costs when there are few (goal D). */
export async function benchGrowth({ isShort }: Effort): Promise<Table[]> {
  const [few, many] = isShort ? [200, 1_000] : [1_000, 1_000_000];
  const samples = isShort ? 50 : SAMPLES;
  const times: Record<string, string>[] = [];
  const sizes: Record<string, string>[] = [];
  for (const kind of [createSqlite(), await createPostgres()]) {
    try {
      const [small, large] = [await kind.open(few), await kind.open(many)];
      for (const [what, act] of Object.entries(acts)) {
        const [ofSmall, ofLarge]: [number[], number[]] = [[], []];
        for (let n = 0; n < samples; n += 1) {
          // Now the one first and now the other.
          if (n % 2 === 0) ofSmall.push(await act(small, n));
          ofLarge.push(await act(large, n));
          if (n % 2 === 1) ofSmall.push(await act(small, n));
        }
        times.push({
          ...{ database: kind.name, what },
          [`µs at ${String(few)} users`]: medianOf(ofSmall).median.toFixed(1),
          [`µs at ${String(many)} users`]: medianOf(ofLarge).median.toFixed(1),
          'ratio [95 %]': draw(medianOf(ofLarge.map((time, n) => time / (ofSmall[n] ?? NaN)))),
        });
      }
      sizes.push({
        database: kind.name,
        users: String(many),
        'bytes a user, one authenticator': large.size.user.toFixed(0),
        'bytes a backup code': large.size.code.toFixed(0),
      });
    } finally {
      await kind.close();
    }
  }
  return [
    { title: 'Growth: one call of storage after the other, a random user each time', rows: times },
    { title: 'Size of tables and indexes', rows: sizes },
  ];
}

/** Each prepares what it needs and times one call, in microseconds. */
const acts: Record<string, (store: Store, n: number) => Promise<number>> = {
  'account and authenticators read': ({ storage, users }, n) => {
    const { userId } = pick(users, n);
    return time(async () => {
      await storage.findAccount(userId);
      await storage.listAuthenticators(userId);
    });
  },
  'TOTP code accepted': async ({ storage, users }, n) => {
    const { userId, authenticatorId } = pick(users, n);
    const login = await begin(storage, userId);
    const proof = { lane: 'totp', authenticatorId, step: 60_000_000 + n } as const;
    return time(() => storage.accept({ ...login, proof, effect: 'complete', now: NOW, events: [] }));
  },
  'backup code accepted': async ({ storage, users }, n) => {
    const { userId, setId, codeHash } = pick(users, n);
    const login = await begin(storage, userId);
    const proof = { lane: 'backup-code', setId, codeHash } as const;
    return time(() => storage.accept({ ...login, proof, effect: 'complete', now: NOW, events: [] }));
  },
};

function pick(users: readonly Filled[], n: number): Filled {
  const user = users[(n * 7) % users.length];
  if (!user) throw new Error('There are no users.');
  return user;
}

async function begin(storage: Storage, userId: string) {
  const key = { handleHash: randomUUID(), purpose: 'login', userId, epoch: 1 } as const;
  const times = { createdAt: NOW, expiresAt: NOW + 600_000, completedAt: null };
  await storage.createPending({ ...key, payload: null, failures: 0, ...times });
  return key;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1_000;
}

function createSqlite(): Kind {
  const folder = mkdtempSync(join(tmpdir(), 'growth-'));
  const opened: Database.Database[] = [];
  return {
    name: 'SQLite',
    async open(count) {
      const file = join(folder, `${String(count)}.db`);
      const users = await fillFile(file, count);
      const db = new Database(file);
      opened.push(db);
      const storage = sqlStorage.sqlite(db);
      const all = statSync(file).size;
      // The table of codes has its key beside it.
      const { codes } = db
        .prepare("select sum(pgsize) as codes from dbstat where name like '%two_factor_backup_codes%'")
        .get() as { codes: number };
      return { storage, users, size: { user: (all - codes) / count, code: codes / count / 10 } };
    },
    close() {
      for (const db of opened) db.close();
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}

/** By a connection of its own, with a cache that the measured one does not have. */
async function fillFile(file: string, count: number): Promise<Filled[]> {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = OFF');
  db.pragma('cache_size = -2000000');
  await sqlStorage.sqlite(db).migrate();
  const users = await fill(count, insertIntoSqlite(db));
  db.pragma('wal_checkpoint(truncate)');
  db.close();
  return users;
}

async function createPostgres(): Promise<Kind> {
  const server = await startPostgres();
  const pools: pg.Pool[] = [];
  return {
    name: 'PostgreSQL',
    async open(count) {
      const pool = new pg.Pool({ connectionString: await createDatabase(server), max: 4 });
      pools.push(pool);
      const storage = sqlStorage.postgres(pool);
      await storage.migrate();
      const users = await fill(count, insertIntoPostgres(pool));
      await pool.query('vacuum analyze');
      const { rows } = await pool.query<{ all: string; codes: string }>(
        `select sum(pg_total_relation_size(c.oid)) as all,
           sum(pg_total_relation_size(c.oid)) filter (where relname = 'two_factor_backup_codes') as codes
         from pg_class c where relname like 'two_factor_%' and relkind = 'r'`,
      );
      const [all, codes] = [Number(rows[0]?.all), Number(rows[0]?.codes)];
      return { storage, users, size: { user: (all - codes) / count, code: codes / count / 10 } };
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.end()));
      await server.stop();
    },
  };
}
