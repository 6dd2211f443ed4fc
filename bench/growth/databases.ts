import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { sqlStorage, type Storage } from 'passport-second-factor';
import pg from 'pg';
import { createDatabase, startPostgres } from '../../test/helpers/databases.js';
import { fill, type Filled, type Order, type Row, type Site } from './fill.js';

/** One database with so many users in it. */
export interface Store {
  storage: Storage;
  users: Filled[];
  /** Bytes of each table and index. */
  sizes: Record<string, number>;
}

export interface Kind {
  name: string;
  open(order: (storage: Storage) => Order): Promise<Store>;
  close(): Promise<void>;
}

const readSizes = (rows: Row[]): Store['sizes'] =>
  Object.fromEntries(rows.map(({ name, bytes }) => [String(name), Number(bytes)]));

export function createSqlite(): Kind {
  const folder = mkdtempSync(join(tmpdir(), 'growth-'));
  const opened: Database.Database[] = [];
  return {
    name: 'SQLite',
    async open(order) {
      const file = join(folder, `${String(opened.length)}.db`);
      const filled = await fillFile(file, order);
      const db = new Database(file);
      db.pragma('journal_mode = WAL');
      // The disk is waited for neither here nor in PostgreSQL: that takes as long whatever the size.
      db.pragma('synchronous = OFF');
      opened.push(db);
      return { storage: sqlStorage.sqlite(db), ...filled };
    },
    close() {
      for (const db of opened) db.close();
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}

/** By a connection of its own, with a cache that the measured one does not have. */
async function fillFile(file: string, order: (storage: Storage) => Order): Promise<Omit<Store, 'storage'>> {
  const db = new Database(file);
  db.pragma('journal_mode = OFF');
  db.pragma('synchronous = OFF');
  db.pragma('cache_size = -3000000');
  db.pragma('temp_store = MEMORY');
  const site: Site = {
    run: (statement) => Promise.resolve(db.exec(statement)),
    rows: (query) => Promise.resolve(db.prepare(query).all() as Row[]),
    random: (length) => `substr(hex(randomblob(${String(Math.ceil(length / 2))})), 1, ${String(length)})`,
    numbers: (to) =>
      `(with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${String(to)})
      select n from numbers)`,
    repeated: (table, times) => `${table} cross join ${site.numbers(times)}`,
  };
  const storage = sqlStorage.sqlite(db);
  await storage.migrate();
  const users = await fill(site, storage, order(storage));
  const sizes = readSizes(await site.rows('select name, pgsize as bytes from dbstat where aggregate = true'));
  db.close();
  return { users, sizes };
}

export async function createPostgres(): Promise<Kind> {
  const server = await startPostgres();
  const pools: pg.Pool[] = [];
  return {
    name: 'PostgreSQL',
    async open(order) {
      const pool = new pg.Pool({ connectionString: await createDatabase(server), max: 4 });
      // It may hear of the server's end after its own.
      pool.on('error', () => undefined);
      pools.push(pool);
      const storage = sqlStorage.postgres(pool);
      await storage.migrate();
      return { storage, ...(await fillDatabase(pool, storage, order(storage))) };
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.end()));
      await server.stop();
    },
  };
}

async function fillDatabase(pool: pg.Pool, storage: Storage, order: Order): Promise<Omit<Store, 'storage'>> {
  // One connection, whose temporary table the others do not see.
  const client = await pool.connect();
  const site: Site = {
    run: (statement) => client.query(statement),
    rows: async (query) => (await client.query<Row>(query)).rows,
    random: (length) => `left(encode(sha512(uuid_send(gen_random_uuid())), 'hex'), ${String(length)})`,
    numbers: (to) => `generate_series(1, ${String(to)}) as numbers (n)`,
    // It names the row, so that the planner has no other order.
    repeated: (table, times) =>
      `${table} cross join lateral generate_series(1, ${String(times)} + 0 * ${table}.n) as times`,
  };
  await configure(site, ["full_page_writes = 'off'", "max_wal_size = '64GB'"]);
  const users = await fill(site, storage, order);
  await site.run('vacuum analyze');
  await configure(site, []);
  await site.run('checkpoint');
  const sizes = readSizes(
    await site.rows(
      `select relname as name, case relkind when 'r' then pg_table_size(oid) else pg_relation_size(oid) end as bytes
      from pg_class where relname like 'two_factor_%' and relkind in ('r', 'i')`,
    ),
  );
  client.release();
  return { users, sizes };
}

/** For the whole server, without a restart; what is not named has its default. */
async function configure({ run }: Site, settings: string[]): Promise<void> {
  await run('alter system reset all');
  for (const setting of settings) await run(`alter system set ${setting}`);
  await run('select pg_reload_conf()');
}
