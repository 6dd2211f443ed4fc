import { scryptSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedisServer, type RedisServer } from '../../examples/identity-server/src/redis-server.js';
import { createDatabase, type DatabaseServer, startPostgres } from '../helpers/databases.js';
import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { type Diary, Person } from './people.js';
import { passwordOf } from '../helpers/visitor.js';
import { createRecord } from './record.js';

// `npm run soak`: people who come and go at two nodes of the example, for an hour or as long as SOAK_MINUTES says.

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 60);
const PEOPLE = Number(process.env['SOAK_PEOPLE'] ?? 25);
const PARTS = 12;

let database: DatabaseServer;
let redis: RedisServer;
let installation: Installation;
const nodes: ExampleServer[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([startPostgres(), startRedisServer()]);
  installation = createInstallation(redis.url, { DATABASE_URL: await createDatabase(database) });
  nodes.push(await startExample(installation.environment), await startExample(installation.environment));
}, 90_000);

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await Promise.all([database.stop(), redis.stop()]);
  installation.remove();
}, 60_000);

it('goes on as it began', { timeout: (MINUTES + 10) * 60_000 }, async () => {
  const diary: Diary = { letIn: [], acceptedTwice: [], failed: [], done: {} };
  const record = createRecord(process.env['SOAK_REPORT']);
  const urls = nodes.map(({ url }) => url);
  const people: Person[] = [];
  for (let number = 0; number < PEOPLE; number++)
    people.push(await Person.create(`person-${String(number)}`, urls, { watch: record.watch }, diary));
  await makePasswordsCheap();

  record.begin();
  const end = Date.now() + MINUTES * 60_000;
  const pause = (): Promise<void> => wait(500 + Math.random() * 4_000);
  const lives = people.map(async (person) => {
    await wait(Math.random() * 20_000);
    while (Date.now() < end) {
      await person.visit(pause);
      await wait(Math.random() * 20_000);
    }
  });
  for (let part = 0; part < PARTS; part++) {
    await wait((MINUTES * 60_000) / PARTS);
    record.endPart(residentSizes(), diary);
  }
  await Promise.all(lives);
  record.finish(diary);

  expect(diary).toMatchObject({ letIn: [], acceptedTwice: [], failed: [] });
  expect(record.unexpected).toEqual([]);
});

/** The example's hashes take a quarter of a second each: the hour is for the second step. */
async function makePasswordsCheap(): Promise<void> {
  const client = new pg.Client(installation.environment['DATABASE_URL']);
  await client.connect();
  for (let number = 0; number < PEOPLE; number++) {
    const name = `person-${String(number)}`;
    await client.query('update users set password_hash = $1 where username = $2', [
      cheapHash(passwordOf(name)),
      name,
    ]);
  }
  await client.end();
}

/** As examples/identity-server/src/passwords.ts stores them: with the parameters in front. */
function cheapHash(password: string): string {
  const [N, r, p] = [16, 1, 1];
  const salt = Buffer.alloc(16, password);
  const key = scryptSync(password, salt, 32, { N, r, p });
  return ['scrypt', N, r, p, salt.toString('base64'), key.toString('base64')].join('$');
}

/** Megabytes of each node. */
function residentSizes(): number[] {
  return nodes.map(({ pid }) => {
    const [, kilobytes = '0'] =
      /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? [];
    return Number(kilobytes) / 1024;
  });
}
