import type pg from 'pg';
import { expect, it } from 'vitest';
import { storageContract } from '../../src/testing/storage-contract.js';
import { naiveStorage, type NaiveTable } from '../storage/naive-storage.js';
import { newDatabase, openPostgres } from './databases.js';

/** Each access is a statement of its own, as in `const user = await users.find(…); …; await users.save(user)`. */
class PostgresTable<Row> implements NaiveTable<Row> {
  readonly #created: Promise<unknown>;

  constructor(
    readonly pool: pg.Pool,
    readonly name: string,
  ) {
    this.#created = pool.query(`create table ${name} (id text collate "C" primary key, row jsonb not null)`);
  }

  async find(id: string): Promise<Row | undefined> {
    return (await this.#query('select row from %s where id = $1', [id]))[0];
  }

  async save(id: string, row: Row): Promise<void> {
    await this.#query('insert into %s values ($1, $2) on conflict (id) do update set row = excluded.row', [
      id,
      JSON.stringify(row),
    ]);
  }

  async delete(id: string): Promise<void> {
    await this.#query('delete from %s where id = $1', [id]);
  }

  async list(): Promise<Row[]> {
    return this.#query('select row from %s', []);
  }

  async #query(text: string, values: string[]): Promise<Row[]> {
    await this.#created;
    const { rows } = await this.pool.query<{ row: Row }>(text.replace('%s', this.name), values);
    return rows.map(({ row }) => row);
  }
}

// The whole contract, hence the time.
it('the storage contract over naive read-then-write in PostgreSQL fails in every race, and only there', async () => {
  const pool = openPostgres(await newDatabase('postgres'));
  const storage = naiveStorage((name) => new PostgresTable(pool, name));
  const failed: string[] = [];
  const races = storageContract.map(({ title }) => title).filter((title) => title.startsWith('race: '));
  for (const { title, run } of storageContract) {
    // A naive statement may win by luck, on a loaded machine more than once: a race is run until it is lost.
    let attemptsLeft = races.includes(title) ? 20 : 1;
    while (attemptsLeft > 0 && !failed.includes(title)) {
      attemptsLeft -= 1;
      await run(async () => storage).catch(() => failed.push(title));
    }
  }
  expect(failed).toEqual(races);
}, 120_000);
