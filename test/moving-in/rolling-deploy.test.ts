import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { firstMessage } from '../helpers/child.js';
import { redisPrefix, redisUrl } from '../helpers/redis.js';
import { Visitor } from '../helpers/visitor.js';
import { openDatabase } from '../storage/sqlite-file.js';

const folder = mkdtempSync(join(tmpdir(), 'rolling-'));
const processes: ChildProcess[] = [];
let urls: string[] = [];

/** Two nodes of before the roll-out and two of after it, on one Redis and one database. */
beforeAll(async () => {
  const application = fileURLToPath(new URL('application.mjs', import.meta.url));
  const prefix = redisPrefix();
  const file = join(folder, 'app.db');
  // Before the nodes come: two that change a new file to WAL at once would be in each other's way.
  openDatabase(file).close();
  for (const kind of ['old', 'old', 'new', 'new']) {
    processes.push(fork(application, [kind, redisUrl(), prefix, file]));
  }
  urls = await Promise.all(processes.map((each) => firstMessage<string>(each)));
});

afterAll(async () => {
  await Promise.all(
    processes.map(async (each) => {
      const exit = once(each, 'exit');
      each.disconnect();
      await exit;
    }),
  );
  rmSync(folder, { recursive: true });
});

const OLD = 0;
const NEW = 2;

async function logIn(userId: string, node: number): Promise<Visitor> {
  const visitor = new Visitor(urls);
  await visitor.post('/login', { username: userId, password: `${userId}-password` }, node);
  return visitor;
}

/** Whom each of the four nodes takes the visitor for, in two rounds: what one node writes, the next one reads. */
async function whoOnAll(visitor: Visitor): Promise<string[]> {
  const seen: string[] = [];
  for (const node of [0, 2, 1, 3, 0, 2, 1, 3]) seen.push((await visitor.get('/whoami', node)).text);
  return seen;
}

const everywhere = (name: string): string[] => Array.from({ length: 8 }, () => name);

/** Sets up a second factor on a new node, as its owner. */
async function enrol(userId: string): Promise<{ owner: Visitor; code(steps?: number): string }> {
  const owner = new Visitor([urls[NEW]!]);
  await owner.post('/login', { username: userId, password: `${userId}-password` });
  return { owner, code: (await owner.setUp()).code };
}

it('logs nobody out who has no second factor, wherever the login was made', async () => {
  for (const node of [OLD, NEW]) expect(await whoOnAll(await logIn('bob', node))).toEqual(everywhere('bob'));
});

it('R1 a login with the password alone on an old node is none on a new one, nor on an old one afterwards', async () => {
  await enrol('ada');
  const visitor = await logIn('ada', OLD);
  expect((await visitor.get('/whoami', OLD)).text).toBe('ada');
  expect((await visitor.get('/whoami', NEW)).text).toBe('nobody');
  expect((await visitor.get('/two-factor', NEW)).status).toBe(303);
  expect(await whoOnAll(visitor)).toEqual(everywhere('nobody'));
});

it('R2 a login that waits for its second step is none anywhere, and goes on at the new nodes', async () => {
  const { code } = await enrol('eve');
  const visitor = await logIn('eve', NEW);
  expect(await whoOnAll(visitor)).toEqual(everywhere('nobody'));
  const page = await visitor.get('/two-factor/challenge', NEW + 1);
  expect(page.status).toBe(200);
  const token = /name="second_factor_token" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const done = await visitor.post(
    '/two-factor/challenge',
    { second_factor_token: token, code: code(1) },
    NEW,
  );
  expect(done.location).toBe('/whoami');
  expect(await whoOnAll(visitor)).toEqual(everywhere('eve'));
});

it('a logout on an old node is one on the new ones, and so is the end of a session that was adopted', async () => {
  const visitor = await logIn('bob', OLD);
  await visitor.get('/whoami', NEW);
  const copy = visitor.copy();
  await visitor.post('/logout', {}, OLD);
  expect(await whoOnAll(visitor)).toEqual(everywhere('nobody'));
  expect(await whoOnAll(copy)).toEqual(everywhere('nobody'));
});

it('R7 a session from before that was adopted ends on the new nodes when its owner turns the second factor on', async () => {
  const old = await logIn('joe', OLD);
  expect(await whoOnAll(old)).toEqual(everywhere('joe'));
  await enrol('joe');
  expect((await old.get('/whoami', NEW)).text).toBe('nobody');
  expect((await old.get('/whoami', OLD)).text).toBe('nobody');
});

it('R1 160 requests of 20 visitors at once over all nodes: nobody logged out, nobody let in', async () => {
  await enrol('zoe');
  const [bobs, zoes] = await Promise.all([
    Promise.all(Array.from({ length: 10 }, (_, n) => logIn('bob', n % 4))),
    Promise.all(Array.from({ length: 10 }, (_, n) => logIn('zoe', n % 4))),
  ]);
  const see = (visitor: Visitor, node: number): Promise<string> =>
    visitor
      .copy()
      .get('/whoami', node)
      .then(({ text }) => text);
  const nodes = [0, 1, 2, 3, 2, 3, 0, 1];
  const seen = await Promise.all(bobs.flatMap((bob) => nodes.map((node) => see(bob, node))));
  expect(new Set(seen)).toEqual(new Set(['bob']));
  const onNew = await Promise.all(zoes.flatMap((zoe) => [2, 3, 2, 3].map((node) => see(zoe, node))));
  expect(new Set(onNew)).toEqual(new Set(['nobody']));
});
