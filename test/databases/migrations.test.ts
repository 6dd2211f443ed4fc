import {
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import { describe, expect, it } from 'vitest';
import { migrate, type Migration, released } from '../../src/storage/sql/migrations.js';
import { createMysqlPool } from '../../src/storage/sql/mysql.js';
import { createPoolRunner, type SqlPool } from '../../src/storage/sql/pool-runner.js';
import { createPostgresPool } from '../../src/storage/sql/postgres.js';
import type { Tables } from '../../src/storage/sql/tables.js';
import type { Statement } from '../../src/storage/sql/verb.js';
import { enrol } from '../../src/testing/storage-fixtures.js';
import {
  closeAll,
  type Kind,
  kinds,
  newDatabase,
  openMysql,
  openPostgres,
  openStorage,
  runSql,
} from './databases.js';

const builders = {
  postgres: new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }),
  mysql: new Kysely<Tables>({
    dialect: {
      createAdapter: () => new MysqlAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new MysqlIntrospector(kysely),
      createQueryCompiler: () => new MysqlQueryCompiler(),
    },
  }),
};

const addNote: Migration = ({ schema }) => [
  schema.alterTable('two_factor_auth').addColumn('note', 'varchar(20)'),
  schema.createIndex('two_factor_auth_note').on('two_factor_auth').column('note'),
];

const openPool = (kind: Kind, url: string): SqlPool =>
  kind === 'postgres' ? createPostgresPool(openPostgres(url)) : createMysqlPool(openMysql(url));

function runMigrations(kind: Kind, pool: SqlPool, migrations: readonly Migration[]): Promise<void> {
  const runner = createPoolRunner(pool);
  return runner.transact(() => migrate(builders[kind], migrations), 'migration');
}

/** Loses the connection at the nth statement, before it or after it was done. */
function crashAt(pool: SqlPool, nth: number, isDone: boolean): SqlPool {
  let asked = 0;
  return {
    isRetryable: (error) => pool.isRetryable(error),
    async connect() {
      const session = await pool.connect();
      const { ask } = session;
      session.ask = async (statement: Statement) => {
        asked += 1;
        if (asked !== nth) return ask.call(session, statement);
        if (isDone) await ask.call(session, statement);
        session.destroy();
        throw new Error('Crashed.');
      };
      return session;
    },
  };
}

const readVersions = (kind: Kind, url: string): Promise<unknown[]> =>
  runSql(kind, url, 'select version from two_factor_migrations order by version');

const versionsOf = (migrations: readonly Migration[]) =>
  migrations.map((_, index) => ({ version: index + 1 }));

describe.each(kinds)('migrate over %s', (_, kind) => {
  it('upgrades the tables of an older version and keeps what is in them', async () => {
    const url = await newDatabase(kind);
    await runMigrations(kind, openPool(kind, url), released.slice(0, 1));
    expect(await readVersions(kind, url)).toEqual([{ version: 1 }]);
    await runSql(kind, url, "insert into two_factor_auth values ('ada', null, 3, 0, 0, 0, 0)");
    const newer = [...released, addNote];
    await runMigrations(kind, openPool(kind, url), newer);
    expect(await readVersions(kind, url)).toEqual(versionsOf(newer));
    expect(await runSql(kind, url, 'select note from two_factor_auth')).toEqual([{ note: null }]);
  });

  it('refuses tables of a newer version, and leaves them alone', async () => {
    const url = await newDatabase(kind);
    await runMigrations(kind, openPool(kind, url), [...released, addNote]);
    const storage = openStorage(kind, url);
    const userId = await enrol(storage);
    await expect(storage.migrate()).rejects.toThrow('were upgraded by a newer version');
    expect((await storage.findAccount(userId))?.epoch).toBe(1);
  });

  it('finishes at the next start what a crash at any statement left', { timeout: 300_000 }, async () => {
    const migrations = [...released, addNote];
    for (const isDone of [false, true]) {
      for (let nth = 1; ; nth += 1) {
        const url = await newDatabase(kind);
        const pool = openPool(kind, url);
        const isComplete = await runMigrations(kind, crashAt(pool, nth, isDone), migrations).then(
          () => true,
          () => false,
        );
        if (isComplete) {
          expect(nth).toBeGreaterThan(8);
          break;
        }
        await runMigrations(kind, pool, migrations);
        expect(await readVersions(kind, url)).toEqual(versionsOf(migrations));
        await enrol(openStorage(kind, url));
        await closeAll();
      }
    }
  });
});

describe('migrate over MariaDB', () => {
  it('takes no table of somebody else for its own', async () => {
    const url = await newDatabase('mysql');
    await runSql('mysql', url, 'create table two_factor_pending (a int)');
    await expect(openStorage('mysql', url).migrate()).rejects.toThrow("'two_factor_pending' already exists");
  });

  it('makes tables of InnoDB where the default is another engine', async () => {
    const url = await newDatabase('mysql');
    const pool = openMysql(url);
    pool.on('connection', (connection) => void connection.query("set default_storage_engine = 'MyISAM'"));
    await runMigrations('mysql', createMysqlPool(pool), released);
    const engines = await runSql(
      'mysql',
      url,
      'select distinct engine as engine from information_schema.tables where table_schema = database()',
    );
    expect(engines).toEqual([{ engine: 'InnoDB' }]);
  });

  it('waits for nobody in another database of the same server', async () => {
    const [url, other] = [await newDatabase('mysql'), await newDatabase('mysql')];
    const holder = await openMysql(other).getConnection();
    await holder.query("do get_lock(concat('two_factor_', md5(database())), 1)");
    await openStorage('mysql', url).migrate();
    await runSql('mysql', other, 'select 1');
    holder.release();
  });
});
