import { readFileSync } from 'node:fs';
import type Database from 'libsql';
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { describe, expect, it } from 'vitest';
import { migrate, type Migration, released } from '../../src/storage/sql/migrations.js';
import { sqlStorage } from '../../src/storage/sql/sql-storage.js';
import { createSqliteRunner } from '../../src/storage/sql/sqlite-runner.js';
import type { Tables } from '../../src/storage/sql/tables.js';
import * as fixtures from '../../src/testing/storage-fixtures.js';
import { newDatabaseFile, openDatabase } from './sqlite-file.js';

/** The tables as the first so many migrations made them when the last of those was released. */
const readRelease = (version: number): string =>
  readFileSync(new URL(`sqlite-${String(version)}.sql`, import.meta.url), 'utf8');

const firstRelease = readRelease(1);

const addNote: Migration = ({ schema }) => [
  schema.alterTable('two_factor_auth').addColumn('note', 'text'),
  schema.createIndex('two_factor_auth_note').on('two_factor_auth').column('note'),
];

function runMigrations(db: Database.Database, migrations: readonly Migration[]): Promise<void> {
  const queryBuilder = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  return createSqliteRunner(db).transact(() => migrate(queryBuilder, migrations));
}

const readSchema = (db: Database.Database): string =>
  (db.prepare('select sql from sqlite_master where sql is not null order by name').all() as { sql: string }[])
    .map(({ sql }) => `${sql};\n`)
    .join('');

const readVersions = (db: Database.Database): unknown =>
  db.prepare('select version from two_factor_migrations order by version').all();

describe('migrate over SQLite', () => {
  it.each(released.map((_, index) => index + 1))(
    'makes with migration %i what it made when it was released',
    async (version) => {
      const db = openDatabase(newDatabaseFile());
      await runMigrations(db, released.slice(0, version));
      expect(readSchema(db)).toBe(readRelease(version));
      expect(readVersions(db)).toHaveLength(version);
    },
  );

  it('upgrades a file of the first release and keeps what is in it', async () => {
    const db = openDatabase(newDatabaseFile());
    db.exec(firstRelease);
    db.exec('insert into two_factor_migrations values (1)');
    db.exec("insert into two_factor_auth values ('ada', null, 3, 0, 0, 0, 0)");
    await runMigrations(db, [...released, addNote]);
    expect(readVersions(db)).toEqual([...released, addNote].map((_, index) => ({ version: index + 1 })));
    expect(db.prepare('select epoch, note from two_factor_auth').all()).toEqual([{ epoch: 3, note: null }]);
  });

  it('leaves no trace of a migration that fails in the middle', async () => {
    const db = openDatabase(newDatabaseFile());
    await sqlStorage.sqlite(db).migrate();
    const before = [readSchema(db), readVersions(db)];
    const fail: Migration = (queries) => [...addNote(queries), ...addNote(queries)];
    await expect(runMigrations(db, [...released, fail])).rejects.toThrow(/note/);
    expect([readSchema(db), readVersions(db)]).toEqual(before);
  });

  it('refuses tables of a newer version, and leaves them alone', async () => {
    const db = openDatabase(newDatabaseFile());
    await runMigrations(db, [...released, addNote]);
    const userId = await fixtures.enrol(sqlStorage.sqlite(db));
    await expect(sqlStorage.sqlite(db).migrate()).rejects.toThrow(
      'were upgraded by a newer version of passport-second-factor',
    );
    expect((await sqlStorage.sqlite(db).findAccount(userId))?.epoch).toBe(1);
  });
});
