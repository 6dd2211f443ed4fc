import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { sqlStorage } from '../../src/storage/sql/sql-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import * as fixtures from '../../src/testing/storage-fixtures.js';
import { countWinners, newRaceKey, storageRaces } from '../../src/testing/storage-races.js';
import { newDatabaseFile, openDatabase } from './sqlite-file.js';
import { released } from '../../src/storage/sql/migrations.js';

let file: string;
let storage: Storage;

beforeAll(async () => {
  file = newDatabaseFile();
  storage = sqlStorage.sqlite(openDatabase(file));
  await storage.migrate();
});

describe('sqlStorage.sqlite', () => {
  it('migrates a migrated file without a change', async () => {
    const db = openDatabase(file);
    const schema = () => db.prepare('select name, sql from sqlite_master order by name').all();
    const before = schema();
    await storage.migrate();
    await sqlStorage.sqlite(db).migrate();
    expect(schema()).toEqual(before);
    expect(db.prepare('select version from two_factor_migrations').all()).toEqual(
      released.map((_, index) => ({ version: index + 1 })),
    );
  });

  it('sets no pragma', async () => {
    const db = openDatabase(newDatabaseFile());
    const names = ['journal_mode', 'synchronous', 'busy_timeout', 'foreign_keys'];
    const read = () => names.map((name) => db.pragma(name));
    const before = read();
    await sqlStorage.sqlite(db).migrate();
    expect(read()).toEqual(before);
  });

  it('refuses reads and writes inside a transaction of the host, and works again after it', async () => {
    const db = openDatabase(file);
    const shared = sqlStorage.sqlite(db);
    db.exec('BEGIN');
    await expect(shared.findAccount('anybody')).rejects.toThrow('a connection of its own');
    await expect(shared.raiseEpoch(fixtures.revocationOf('anybody'))).rejects.toThrow(
      'a connection of its own',
    );
    db.exec('ROLLBACK');
    expect(await shared.findAccount('anybody')).toBeUndefined();
  });

  it('waits for a lock that code of the same process holds, and lets that code go on', async () => {
    const host = openDatabase(file);
    const userId = fixtures.newUser();
    host.exec('BEGIN IMMEDIATE');
    const raised = storage.raiseEpoch(fixtures.revocationOf(userId));
    await wait(100);
    host.exec('COMMIT');
    expect(await raised).toBe(1);
  });

  it('leaves no lock behind on a connection that met one', async () => {
    const [host, own] = [openDatabase(file), openDatabase(file)];
    // Kept, because garbage collection would end what a statement left unfinished, at a time of its own.
    const statements: unknown[] = [];
    const waiting = sqlStorage.sqlite({
      get inTransaction() {
        return own.inTransaction;
      },
      exec: (sql) => own.exec(sql),
      prepare: (sql) => {
        const statement = own.prepare(sql);
        statements.push(statement);
        return statement;
      },
    });
    host.exec('BEGIN IMMEDIATE');
    const raised = waiting.raiseEpoch(fixtures.revocationOf(fixtures.newUser()));
    await wait(20);
    host.exec('COMMIT');
    await raised;
    expect(own.inTransaction).toBe(false);
    expect(() => host.exec('BEGIN IMMEDIATE; COMMIT')).not.toThrow();
  });

  it('gives up on a lock after five seconds and says where to look', { timeout: 15_000 }, async () => {
    const host = openDatabase(file);
    host.exec('BEGIN IMMEDIATE');
    await expect(storage.raiseEpoch(fixtures.revocationOf('anybody'))).rejects.toThrow(
      'stayed locked for 5 s',
    );
    host.exec('ROLLBACK');
    expect(await storage.findAccount('anybody')).toBeUndefined();
    await fixtures.begin(storage, 'login', fixtures.newUser());
    expect(() => host.exec('BEGIN IMMEDIATE; COMMIT')).not.toThrow();
  });

  it('rolls back and stays usable when a statement fails in the middle of a verb', async () => {
    const userId = await fixtures.enrol(storage);
    const enrolment = await fixtures.begin(storage, 'enrolment', fixtures.newUser(), { epoch: 0 });
    const enabling = fixtures.enablingOf(enrolment, { backupCodes: fixtures.backupCodesOf(userId) });
    await expect(storage.enable(enabling)).rejects.toThrow(/UNIQUE/);
    expect(await storage.findAccount(enrolment.userId)).toBeUndefined();
    expect(await storage.findPending(enrolment.handleHash)).toEqual(enrolment);
    expect(await storage.raiseEpoch(fixtures.revocationOf(userId))).toBe(2);
  });

  describe('verbs that wait at the same time', () => {
    /** A storage whose connection tells what it executes, and may break there. */
    function watch(onExec: (sql: string) => void) {
      const own = openDatabase(file);
      const executed: string[] = [];
      const watched = sqlStorage.sqlite({
        get inTransaction() {
          return own.inTransaction;
        },
        prepare: (sql) => own.prepare(sql),
        exec(sql) {
          executed.push(sql);
          onExec(sql);
          return own.exec(sql);
        },
      });
      return { own, watched, countCommits: () => executed.filter((sql) => sql === 'COMMIT').length };
    }

    it('are committed together, and what one of them undoes or breaks is its own', async () => {
      const { watched, countCommits } = watch(() => undefined);
      const [first, second, none] = [fixtures.newUser(), fixtures.newUser(), fixtures.newUser()];
      const enrolled = await fixtures.enrol(storage);
      const enrolment = await fixtures.begin(storage, 'enrolment', fixtures.newUser(), { epoch: 0 });
      const broken = fixtures.enablingOf(enrolment, { backupCodes: fixtures.backupCodesOf(enrolled) });
      const outcomes = await Promise.allSettled([
        watched.raiseEpoch(fixtures.revocationOf(first)),
        watched.enable(broken),
        watched.raiseEpoch({ ...fixtures.revocationOf(none), epoch: 7 }),
        watched.raiseEpoch(fixtures.revocationOf(second)),
      ]);
      expect(outcomes).toMatchObject([
        { value: 1 },
        { status: 'rejected' },
        { value: undefined, status: 'fulfilled' },
        { value: 1 },
      ]);
      expect(countCommits()).toBe(1);
      expect(await storage.findPending(enrolment.handleHash)).toEqual(enrolment);
      expect((await storage.findAccount(first))?.epoch).toBe(1);
      expect(await storage.findAccount(none)).toBeUndefined();
    });

    it('are told of nothing that was not committed: where the commit fails, each goes by itself', async () => {
      let commits = 0;
      const { watched } = watch((sql) => {
        // The first is that of all, the second that of the first verb alone.
        if (sql === 'COMMIT' && (commits += 1) <= 2) throw new Error('disk I/O error');
      });
      const users = [fixtures.newUser(), fixtures.newUser(), fixtures.newUser()];
      const outcomes = await Promise.allSettled(
        users.map((userId) => watched.raiseEpoch(fixtures.revocationOf(userId))),
      );
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
      const epochs = await Promise.all(
        users.map(async (userId) => (await storage.findAccount(userId))?.epoch),
      );
      expect(epochs).toEqual([undefined, 1, 1]);
    });

    it('go each by itself where one has ended the transaction of all, as a full disk does', async () => {
      let isFull = true;
      const { own, watched } = watch((sql) => {
        if (sql !== 'RELEASE verb' || !isFull) return;
        isFull = false;
        own.exec('ROLLBACK');
        throw new Error('database or disk is full');
      });
      const users = [fixtures.newUser(), fixtures.newUser()];
      const raised = users.map((userId) => watched.raiseEpoch(fixtures.revocationOf(userId)));
      expect(await Promise.all(raised)).toEqual([1, 1]);
    });
  });

  it('reads numbers as numbers when the host’s connection returns bigints', async () => {
    const db = openDatabase(file);
    db.defaultSafeIntegers(true);
    const exact = sqlStorage.sqlite(db);
    const userId = await fixtures.enrol(exact);
    const pending = await fixtures.begin(exact, 'login', userId, { completedAt: fixtures.now });
    expect(await exact.findPending(pending.handleHash)).toEqual(pending);
    expect(await exact.listAuthenticators(userId)).toEqual([fixtures.authenticatorOf(userId)]);
    expect(await exact.findAccount(userId)).toEqual(fixtures.accountOf(userId));
    expect(await exact.findBackupCodeSet(userId)).toMatchObject({
      createdAt: fixtures.now,
      total: 10,
      left: 10,
    });
  });

  it('stores times as integers, also those that a delay computes', async () => {
    const pending = await fixtures.begin(storage, 'login', await fixtures.enrol(storage));
    const limits = { ...fixtures.limits, delayFrom: 1 };
    await storage.spendAttempt(fixtures.attemptOn(pending, { limits }));
    const row = openDatabase(file)
      .prepare(
        'select typeof(totp_delayed_until) as delay, typeof(enabled_at) as time from two_factor_auth where user_id = ?',
      )
      .all(pending.userId);
    expect(row).toEqual([{ delay: 'integer', time: 'integer' }]);
  });

  for (const race of storageRaces) {
    it(`${race.title}, over four connections of one process`, async () => {
      const connections = Array.from({ length: 4 }, () => sqlStorage.sqlite(openDatabase(file)));
      const key = newRaceKey();
      await race.prepare(storage, key);
      const counts = await Promise.all(
        connections.map((connection, index) =>
          countWinners(
            race,
            connection,
            key,
            Array.from({ length: 8 }, (_, n) => index * 8 + n),
          ),
        ),
      );
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(race.winners);
    });
  }
});
