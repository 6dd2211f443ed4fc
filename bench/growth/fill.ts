import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SecondFactorOptions, Storage } from 'passport-second-factor';
import { enrolUser } from 'passport-second-factor/testing';

/** What is needed of a user to ask for it. */
export interface Filled {
  userId: string;
  authenticatorId: string;
  setId: string;
  codeHashes: string[];
}

export type Row = Record<string, string | number | null>;

/** A database that makes rows by itself: how a statement is run, and what the grammars do not have in common. */
export interface Site {
  run: (statement: string) => Promise<unknown>;
  rows(query: string): Promise<Row[]>;
  /** So many random digits, all of which base64url has too. */
  random(length: number): string;
  /** The numbers from 1 on, as rows with a column `n`. */
  numbers(to: number): string;
  /** Each row of a table so many times, one after the other. */
  repeated(table: string, times: number): string;
}

export interface Order {
  users: number;
  /** Of how many of them the names are returned. */
  kept: number;
  /** What somebody who is really enrolled does with the second factor. */
  use: (user: Filled) => Promise<void>;
}

const CODES = 10;
const codes = 'two_factor_backup_codes';
const tables = ['two_factor_auth', 'two_factor_authenticators', 'two_factor_backup_sets', codes];
/** How a user's rows are found in each. */
const where = (table: string, { userId, setId }: Filled): string =>
  table === codes ? `set_id = '${setId}'` : `user_id = '${userId}'`;

/**
 * Fills a database with users as enrolments leave them, who come in the order of their random names. Two are enrolled by our own verbs; the
 * others are made inside of the database after the first one, value by value: names and sealed values are random ones of the same
 * length, all others the same. @returns some of those, of all times, in no order.
 */
export async function fill(site: Site, storage: Storage, { users, kept, use }: Order): Promise<Filled[]> {
  const [model, other] = [await enrol(site, storage, use), await enrol(site, storage, use)];
  // The codes that were shown to them.
  await storage.purgePending(Number.MAX_SAFE_INTEGER);
  const made = users - 2;
  await site.run(
    `create temp table names as select n, ${site.random(model.userId.length)} as user_id,
      ${site.random(model.authenticatorId.length)} as id, ${site.random(model.setId.length)} as set_id
    from ${site.numbers(made)}`,
  );
  for (const table of tables) {
    const [row = {}] = await site.rows(`select * from ${table} where ${where(table, model)}`);
    const values = Object.entries(row).map(([column, value]) => makeValue(site, table, column, value));
    const names = table === codes ? site.repeated('names', CODES) : 'names';
    await site.run(
      `insert into ${table} (${Object.keys(row).join(', ')}) select ${values.join(', ')} from ${names}`,
    );
  }
  const filled = await sample(site, made, Math.min(kept, made));
  await site.run('drop table names');
  for (const user of [other, filled[0], filled.at(-1)]) await compare(site, model, user);
  return filled;
}

async function enrol(site: Site, storage: Storage, use: Order['use']): Promise<Filled> {
  const userId = randomUUID();
  const options: SecondFactorOptions = {
    ...{ issuer: 'Bench', origin: 'http://localhost', storage },
    keys: [{ id: '2026-11', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7)) }],
    user: { id: () => userId, label: () => userId },
  };
  await enrolUser(options, userId);
  const [row = {}] = await site.rows(
    `select a.id, s.id as set_id from two_factor_authenticators a join two_factor_backup_sets s on s.user_id = a.user_id
    where a.user_id = '${userId}'`,
  );
  const setId = String(row['set_id']);
  const hashes = await site.rows(`select code_hash from ${codes} where set_id = '${setId}'`);
  const codeHashes = hashes.map(({ code_hash }) => String(code_hash));
  const user = { userId, authenticatorId: String(row['id']), setId, codeHashes };
  await use(user);
  return user;
}

const sealed = ['sealed_secret', 'sealed_key'];

/** A value after a real one. */
function makeValue(site: Site, table: string, column: string, value: Row[string]): string {
  if (value === null) return 'null';
  const text = String(value);
  if (column === 'user_id' || column === 'set_id') return column;
  if (column === 'id') return table === 'two_factor_backup_sets' ? 'set_id' : 'id';
  if (column === 'code_hash') return site.random(text.length);
  if (!sealed.includes(column)) return `'${text}'`;
  const keyId = text.slice(0, text.indexOf('.') + 1);
  return `'${keyId}' || ${site.random(text.length - keyId.length)}`;
}

async function sample(site: Site, made: number, kept: number): Promise<Filled[]> {
  const chosen = Array.from({ length: kept }, (_, n) =>
    Math.ceil(((n + Math.max(Math.random(), 1e-9)) * made) / kept),
  );
  const rows = await site.rows(
    `select names.*, code_hash from names join ${codes} on ${codes}.set_id = names.set_id
    where n in (${chosen.join(', ')})`,
  );
  const users = new Map<unknown, Filled & { place: number }>();
  for (const { user_id, id, set_id, code_hash } of rows) {
    const fresh = { userId: String(user_id), authenticatorId: String(id), setId: String(set_id) };
    const user = users.get(user_id) ?? { ...fresh, codeHashes: [], place: Math.random() };
    user.codeHashes.push(String(code_hash));
    users.set(user_id, user);
  }
  return [...users.values()].sort((one, other) => one.place - other.place);
}

/** @throws Error where the rows of a user could be told from those of a real one by their shape. */
async function compare(site: Site, model: Filled, user: Filled | undefined): Promise<void> {
  if (!user) throw new Error('There are no users.');
  for (const table of tables) {
    const shapesOf = async (whose: Filled): Promise<unknown[]> =>
      (await site.rows(`select * from ${table} where ${where(table, whose)}`)).map((row) =>
        Object.entries(row).map(([column, value]) => [column, shapeOf(value)]),
      );
    const [expected, there] = [await shapesOf(model), await shapesOf(user)];
    if (expected.length === 0 || !isDeepStrictEqual(there, expected))
      throw new Error(
        `A filled row of ${table} is not like a real one: ${JSON.stringify([there, expected])}`,
      );
  }
}

/** Times and steps differ, but not in their length. */
function shapeOf(value: unknown): unknown {
  const text = String(value);
  return [typeof value, text.length, /^[\w-]+$/.test(text) || text.replace(/[\w-]+$/, '')];
}
