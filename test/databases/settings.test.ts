import type mysql from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { sqlStorage } from '../../src/storage/sql/sql-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { storageContract } from '../../src/testing/storage-contract.js';
import * as fixtures from '../../src/testing/storage-fixtures.js';
import { newDatabase, openMysql, openPostgres, runSql } from './databases.js';

function openOnce(open: () => Promise<Storage>): () => Promise<Storage> {
  let opened: Promise<Storage> | undefined;
  const openMigrated = async (): Promise<Storage> => {
    const storage = await open();
    await storage.migrate();
    return storage;
  };
  return () => (opened ??= openMigrated());
}

const mysqlSettings = {
  autocommit: '0',
  sql_mode: 'PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES',
  tx_isolation: 'SERIALIZABLE',
  completion_type: 'CHAIN',
  lc_messages: 'de_DE',
  innodb_lock_wait_timeout: '49',
  sql_select_limit: '1',
  max_statement_time: '77.000000',
  idle_transaction_timeout: '55',
  collation_connection: 'latin1_german1_ci',
};

function openStubbornMysql(url: string): mysql.Pool {
  const pool = openMysql(url, {
    connectionLimit: 4,
    flags: ['-FOUND_ROWS'],
    charset: 'latin1',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    decimalNumbers: true,
    multipleStatements: true,
    namedPlaceholders: true,
    rowsAsArray: true,
    stringifyObjects: true,
    timezone: '+05:00',
    typeCast: () => 'nonsense',
  });
  const values = Object.entries(mysqlSettings).map(
    ([name, value]) => `session ${name} = ${/^[\d.]+$/.test(value) ? value : `'${value}'`}`,
  );
  pool.on('connection', (connection) => void connection.query(`set ${values.join(', ')}`));
  return pool;
}

/** Every setting of every connection, and whether a transaction is open there. */
async function readMysqlSettings(pool: mysql.Pool): Promise<object[]> {
  const connections = await Promise.all(Array.from({ length: 4 }, () => pool.getConnection()));
  const sql = `select ${[...Object.keys(mysqlSettings), 'in_transaction']
    .map((name) => `@@session.${name} as ${name}`)
    .join(', ')}`;
  const answers = await Promise.all(
    connections.map((connection) =>
      connection.query({ sql, rowsAsArray: false, typeCast: (f) => f.string() }),
    ),
  );
  for (const connection of connections) connection.release();
  return answers.map(([rows]) => ({ ...(rows as object[])[0] }));
}

describe('the storage contract over a stubborn pool of mysql2', () => {
  let pool: mysql.Pool;
  const open = openOnce(async () => {
    pool = openStubbornMysql(await newDatabase('mysql'));
    return sqlStorage.mysql(pool);
  });

  for (const { title, run } of storageContract) it(title, () => run(open));

  it('leaves every setting of the session as it was, and no transaction open', async () => {
    await open();
    const settings = await readMysqlSettings(pool);
    expect(settings).toEqual(Array.from({ length: 4 }, () => ({ ...mysqlSettings, in_transaction: '0' })));
  });
});

describe('the storage contract over a stubborn pool of pg', () => {
  const settings = {
    default_transaction_isolation: 'serializable',
    default_transaction_read_only: 'on',
    lock_timeout: '77s',
    statement_timeout: '78s',
    idle_in_transaction_session_timeout: '79s',
    lc_messages: 'C',
  };
  let pool: ReturnType<typeof openPostgres>;
  const open = openOnce(async () => {
    pool = openPostgres(await newDatabase('postgres'), {
      max: 4,
      options: Object.entries(settings)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      // As with `pg.types.setTypeParser`, which is for the whole process.
      types: { getTypeParser: () => () => 'nonsense' },
    });
    return sqlStorage.postgres(pool);
  });

  for (const { title, run } of storageContract) it(title, () => run(open));

  it('leaves every setting of the session as it was, and no transaction open', async () => {
    await open();
    const clients = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
    for (const client of clients) {
      expect(client.getTransactionStatus()).toBe('I');
      for (const [name, value] of Object.entries(settings)) {
        const { rows } = await client.query({ text: `show ${name}`, types: { getTypeParser: () => String } });
        expect(rows).toEqual([{ [name]: value }]);
      }
      client.release();
    }
  });
});

describe('a connection that its owner gave back inside a transaction', () => {
  it('is rolled back by PostgreSQL’s runner, and reads the present', async () => {
    const url = await newDatabase('postgres');
    const pool = openPostgres(url, { max: 1 });
    const storage = sqlStorage.postgres(pool);
    await storage.migrate();
    const userId = await fixtures.enrol(storage);
    const careless = await pool.connect();
    await careless.query('create table of_the_host (a int)');
    await careless.query('begin isolation level repeatable read; insert into of_the_host values (1)');
    await careless.query('select * from two_factor_auth');
    careless.release();
    await runSql('postgres', url, 'update two_factor_auth set epoch = 7');
    expect((await storage.findAccount(userId))?.epoch).toBe(7);
    const another = await pool.connect();
    await another.query('begin; insert into of_the_host values (2)');
    another.release();
    expect(await storage.raiseEpoch(fixtures.revocationOf(userId))).toBe(8);
    expect(await runSql('postgres', url, 'select a from of_the_host')).toEqual([]);
  });

  it('is rolled back by MariaDB’s runner, and reads the present', async () => {
    const url = await newDatabase('mysql');
    const pool = openMysql(url, { connectionLimit: 1 });
    const storage = sqlStorage.mysql(pool);
    await storage.migrate();
    const userId = await fixtures.enrol(storage);
    const careless = await pool.getConnection();
    await careless.query('create table of_the_host (a int) engine = InnoDB');
    await careless.query('start transaction');
    await careless.query('insert into of_the_host values (1)');
    await careless.query('select * from two_factor_auth');
    careless.release();
    await runSql('mysql', url, 'update two_factor_auth set epoch = 7');
    expect((await storage.findAccount(userId))?.epoch).toBe(7);
    const another = await pool.getConnection();
    await another.query('start transaction');
    await another.query('insert into of_the_host values (2)');
    another.release();
    expect(await storage.raiseEpoch(fixtures.revocationOf(userId))).toBe(8);
    expect(await runSql('mysql', url, 'select a from of_the_host')).toEqual([]);
  });
});

it.each([
  ['a limit of the session for rows', 'mysql', 'set session sql_select_limit = 0'],
  ['a transaction that its owner left open', 'mysql', 'start transaction with consistent snapshot'],
] as const)('R1 %s does not make an account into none', async (_what, kind, statement) => {
  const pool = openMysql(await newDatabase(kind), { connectionLimit: 1 });
  const storage = sqlStorage.mysql(pool);
  await storage.migrate();
  await storage.raiseEpoch(fixtures.revocationOf('ada'));
  const connection = await pool.getConnection();
  await connection.query(statement);
  connection.release();
  expect(await storage.findAccount('ada')).toMatchObject({ epoch: 1 });
});

it('R1 a read through a client that cannot tell of its transaction does not see the past', async () => {
  const url = await newDatabase('postgres');
  const inner = openPostgres(url, { max: 1 });
  const withoutStatus = {
    connect: async () =>
      new Proxy(await inner.connect(), {
        get(target, name) {
          if (name === 'getTransactionStatus') return undefined;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
        },
      }),
  };
  const storage = sqlStorage.postgres(withoutStatus);
  await storage.migrate();
  await storage.raiseEpoch(fixtures.revocationOf('ada'));
  await inner.query('begin isolation level repeatable read');
  await inner.query('select 1 from two_factor_auth');
  await runSql('postgres', url, "update two_factor_auth set epoch = 7 where user_id = 'ada'");
  expect(await storage.findAccount('ada')).toMatchObject({ epoch: 7 });
});
