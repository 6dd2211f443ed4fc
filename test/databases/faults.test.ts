import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Storage } from '../../src/storage/storage.js';
import * as fixtures from '../../src/testing/storage-fixtures.js';
import { createDatabase, type DatabaseServer, startMariadb, startPostgres } from '../helpers/databases.js';
import { startOwnTime } from '../helpers/own-time.js';
import {
  connect,
  type HostConnection,
  type Kind,
  kinds,
  openStorage,
  runSql,
  untilNothingIsOpen,
} from './databases.js';

/** Milliseconds until a verb that cannot be answered must have said so. */
const PATIENCE = 2_000;

/** Servers of this file alone: the others' must not be stopped. */
const servers = {} as Record<Kind, DatabaseServer>;

beforeAll(async () => {
  [servers.postgres, servers.mysql] = await Promise.all([startPostgres(), startMariadb()]);
});

afterAll(async () => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
});

async function rejectsInTime(work: Promise<unknown>): Promise<string> {
  const ownTime = startOwnTime();
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(ownTime()).toBeLessThan(PATIENCE);
  return (error as Error).message;
}

describe.each(kinds)('sqlStorage over %s', (_, kind) => {
  let url: string;
  let storage: Storage;
  let userId: string;
  let host: HostConnection;

  beforeEach(async () => {
    url = await createDatabase(servers[kind]);
    storage = openStorage(kind, url, 4);
    await storage.migrate();
    userId = await fixtures.enrol(storage);
    host = await connect(kind, url);
    return () => host.close();
  });

  const holdAccount = async (): Promise<void> => {
    await host.query('begin');
    await host.query(`select * from two_factor_auth where user_id = '${userId}' for update`);
  };

  it('gives up within two seconds where a lock is held, with nothing half done', async () => {
    const login = await fixtures.begin(storage, 'login', userId);
    await holdAccount();
    const calls = [
      storage.raiseEpoch(fixtures.revocationOf(userId)),
      storage.accept(fixtures.useStep(login, 101)),
      storage.spendAttempt(fixtures.attemptOn(login)),
      // The pool has four connections; these wait for one.
      storage.spendAttempt(fixtures.attemptOn(login)),
      storage.raiseEpoch(fixtures.revocationOf(userId)),
      storage.raiseEpoch(fixtures.revocationOf(userId)),
    ];
    await Promise.all(calls.map(rejectsInTime));
    await host.query('rollback');
    await untilNothingIsOpen(kind, url);
    expect(await storage.findAccount(userId)).toEqual(fixtures.accountOf(userId));
    expect(await storage.findPending(login.handleHash)).toEqual(login);
    expect(await storage.accept(fixtures.useStep(login, 101))).toBe('accepted');
  });

  it('goes on at once where a lock is released in time', async () => {
    await holdAccount();
    const raised = storage.raiseEpoch(fixtures.revocationOf(userId));
    await wait(300);
    await host.query('commit');
    expect(await raised).toBe(2);
  });

  it('gives up within two seconds where the table is locked as a whole, and piles up no connection', async () => {
    await host.query(
      kind === 'postgres' ? 'begin; lock table two_factor_auth' : 'lock tables two_factor_auth write',
    );
    for (let time = 0; time < 3; time += 1) {
      await Promise.all(Array.from({ length: 6 }, () => rejectsInTime(storage.findAccount(userId))));
    }
    const sql =
      kind === 'postgres'
        ? 'select count(*) as n from pg_stat_activity where datname = current_database()'
        : 'select count(*) as n from information_schema.processlist where db = database()';
    // Four of the pool, perhaps one that is being replaced for each; the host's and this one.
    expect(Number(((await runSql(kind, url, sql)) as { n: unknown }[])[0]?.n)).toBeLessThanOrEqual(10);
    await host.query(kind === 'postgres' ? 'rollback' : 'unlock tables');
    await untilNothingIsOpen(kind, url);
    expect((await storage.findAccount(userId))?.epoch).toBe(1);
  });

  it('gives up within two seconds where the server hangs, and works when it goes on', async () => {
    const server = servers[kind];
    await server.pause();
    try {
      await Promise.all([
        rejectsInTime(storage.findAccount(userId)),
        rejectsInTime(storage.raiseEpoch(fixtures.revocationOf(userId))),
        rejectsInTime(storage.findPending('nobody')),
      ]);
    } finally {
      server.resume();
    }
    await untilNothingIsOpen(kind, url);
    const epoch = (await storage.findAccount(userId))?.epoch ?? 0;
    expect(epoch).toBe(1);
    expect(await storage.raiseEpoch(fixtures.revocationOf(userId))).toBe(2);
  });

  it('closes the connections of a server that goes on hanging, and takes new ones', async () => {
    const server = servers[kind];
    await server.pause();
    try {
      await Promise.all(
        Array.from({ length: 6 }, () => rejectsInTime(storage.raiseEpoch(fixtures.revocationOf(userId)))),
      );
      await wait(4_000);
    } finally {
      server.resume();
    }
    expect(await storage.raiseEpoch(fixtures.revocationOf(userId))).toBe(2);
  });

  it('rejects what a killed server was doing, and works with the same pool after its restart', async () => {
    const login = await fixtures.begin(storage, 'login', userId);
    await host.query('begin');
    await host.query(`select * from two_factor_pending where handle_hash = '${login.handleHash}' for update`);
    // It has raised the epoch and waits in the middle, for the pending row.
    const raised = rejectsInTime(storage.raiseEpoch(fixtures.revocationOf(userId)));
    await wait(200);
    await servers[kind].stopHard();
    await raised;
    await rejectsInTime(storage.findAccount(userId));
    await servers[kind].restart();
    expect((await storage.findAccount(userId))?.epoch).toBe(1);
    expect(await storage.findPending(login.handleHash)).toEqual(login);
    expect(await storage.raiseEpoch(fixtures.revocationOf(userId))).toBe(2);
  });

  it('repeats a transaction that the server chose to end a deadlock', async () => {
    const login = await fixtures.begin(storage, 'login', userId);
    // InnoDB spares who has changed more rows, PostgreSQL who looks later.
    await host.query('create table of_the_host (a int)');
    if (kind === 'postgres') await host.query("set deadlock_timeout = '10s'");
    await host.query('begin');
    await host.query(`insert into of_the_host values ${Array.from({ length: 50 }, () => '(1)').join(', ')}`);
    await host.query(`select * from two_factor_pending where handle_hash = '${login.handleHash}' for update`);
    const ownTime = startOwnTime();
    const raised = storage.raiseEpoch(fixtures.revocationOf(userId));
    await wait(200);
    // The account is theirs, the pending row is ours: one of the two must yield.
    await host.query(`update two_factor_auth set epoch = epoch + 10 where user_id = '${userId}'`);
    await host.query('commit');
    expect(await raised).toBe(12);
    expect(ownTime()).toBeLessThan(1_500);
    expect(await storage.findPending(login.handleHash)).toBeUndefined();
  });

  it('gives up within two seconds where the pool has no free connection', async () => {
    await holdAccount();
    await Promise.all(
      Array.from({ length: 12 }, () => rejectsInTime(storage.raiseEpoch(fixtures.revocationOf(userId)))),
    );
    await host.query('rollback');
    await untilNothingIsOpen(kind, url);
    expect(await storage.raiseEpoch(fixtures.revocationOf(userId))).toBe(2);
  });
});
