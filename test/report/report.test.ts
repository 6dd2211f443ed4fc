import { randomBytes } from 'node:crypto';
import { MemoryStore } from 'express-session';
import { createSecondFactor, drawReport } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import { failing, type HostParts, sendPassword, submit, wrongCodes } from '../helpers/host.js';
import { released } from '../../src/storage/sql/migrations.js';
import { codesOf, createReported, detailsOf, look, rowsOf, valueOf } from './looking.js';

describe('report', () => {
  it('says what was not looked at where it is told nothing, and finds no problem', async () => {
    const report = await look(await createReported());
    expect(codesOf(report)).toEqual([]);
    for (const [section, name] of [
      ['users', 'users'],
      ['endpoints', 'server'],
      ['sessions', 'store'],
      ['cookie', 'cookie-sent'],
      ['clocks', 'clock-redis'],
      ['clocks', 'clock-server'],
    ] as const)
      expect(rowsOf(report, section)).toContainEqual({
        name,
        value: { word: 'not-looked-at' },
        state: 'unknown',
      });
  });

  it('changes nothing, and looks before ready() and without tables', async () => {
    const host = await createReported({ isReady: false });
    const report = await look(host);
    expect(codesOf(report)).toEqual(['not-migrated']);
    expect(valueOf(report, 'tables', 'table', 'two_factor_auth')).toEqual({ word: 'missing' });
    expect(host.database.prepare('select * from sqlite_master').all()).toEqual([]);
  });

  it('tells tables of a newer release, and looks at no record of theirs', async () => {
    const host = await createReported();
    host.database.exec('insert into two_factor_migrations values (99)');
    const report = await look(host);
    expect(detailsOf(report, 'schema-newer')).toEqual({ there: 99, known: released.length });
    expect(valueOf(report, 'users', 'enrolled')).toEqual({ word: 'not-looked-at' });
  });

  it('tells an unfinished migration', async () => {
    const host = await createReported();
    host.database.exec('delete from two_factor_migrations; insert into two_factor_migrations values (-1)');
    expect(detailsOf(await look(host), 'not-migrated')).toEqual({
      there: 0,
      known: released.length,
      missing: [],
    });
  });

  it('survives a storage that fails, and one that is silent', { timeout: 30_000 }, async () => {
    const wrapStorage = (inspect: () => Promise<never>): HostParts => ({
      wrapStorage: (storage) => ({ ...storage, inspect }),
    });
    const password = 'postgres://app:hunter2@db/app';
    const refused = Object.assign(new Error(`No connection to ${password}`), { code: 'ECONNREFUSED' });
    const failed = await look(await createReported(wrapStorage(() => Promise.reject(refused))));
    expect(detailsOf(failed, 'storage-unreachable')).toEqual({ reason: 'ECONNREFUSED' });
    expect(JSON.stringify(failed)).not.toContain('hunter2');
    expect(valueOf(failed, 'self-test', 'rfc-vector')).toEqual({ word: 'works' });
    const silent = await look(await createReported(wrapStorage(() => new Promise<never>(() => undefined))));
    expect(detailsOf(silent, 'storage-unreachable')).toEqual({ reason: 'ETIMEDOUT' });
  });

  it('says that the second step is off, and which options loosen it', async () => {
    const login = { skipSecondStep: () => false, sessionless: 'allow' } as const;
    const report = await look(await createReported({ options: { enabled: false, login } }), {
      mode: 'development',
    });
    expect(codesOf(report)).toEqual(['switched-off', 'development-mode']);
    expect(valueOf(report, 'configuration', 'loosened')).toBe('login.skipSecondStep, login.sessionless');
  });
});

describe('users and answers in the report', () => {
  it('are counted, with their coverage', async () => {
    const host = await createReported();
    await host.enrol('ada');
    const report = await look(host, { countUsers: () => 3 });
    expect(rowsOf(report, 'users').map(({ name, value }) => [name, value])).toEqual([
      ['users', 3],
      ['enrolled', 1],
      ['coverage', '33 %'],
      ['failing', 0],
      ['delayed', 0],
      ['suspended', 0],
    ]);
    expect(codesOf(await look(host, { countUsers: async () => 0 }))).toEqual(['no-users']);
    const failed = await look(host, { countUsers: () => Promise.reject(new Error('away')) });
    expect(valueOf(failed, 'users', 'users')).toEqual({ word: 'fails' });
    expect(codesOf(failed)).toEqual([]);
  });

  it('tell wrong answers, and suspended users', async () => {
    const host = await createReported({ options: { attempts: { cap: 5 } } });
    for (const userId of ['ada', 'bob']) {
      const factor = await host.enrol(userId);
      const agent = host.agent();
      await sendPassword(agent, userId);
      for (const code of wrongCodes(factor, 5)) await submit(agent, '/two-factor/challenge', { code });
    }
    const report = await look(host);
    expect(rowsOf(report, 'answers').map(({ value }) => value)).toEqual([2, 0, 10, '100 %']);
    expect(detailsOf(report, 'answers-often-wrong')).toEqual({ wrong: 10, percent: 100 });
    expect(detailsOf(report, 'users-suspended')).toEqual({ count: 2 });
    expect(report.problems.every(({ severity }) => severity === 'notice')).toBe(true);
  });
});

describe('keys in the report', () => {
  const key = (id: string) => ({ id, secret: randomBytes(32) });

  it('are tried one by one, old ones too', async () => {
    const [old, fresh] = [key('old'), key('fresh')];
    const host = await createReported({ options: { keys: [old] } });
    await host.enrol('ada');
    const rotated = createSecondFactor({ ...host.options, keys: [fresh, old] });
    const report = await rotated.report();
    expect(codesOf(report)).toEqual([]);
    expect(rowsOf(report, 'self-test').map(({ name, of, state }) => [name, of, state])).toEqual([
      ['rfc-vector', undefined, 'ok'],
      ['seal', 'fresh', 'ok'],
      ['seal', 'old', 'ok'],
      ['sealed-authenticator', 'old', 'ok'],
      ['sealed-backup-codes', 'old', 'ok'],
    ]);
    const lost = await createSecondFactor({ ...host.options, keys: [fresh] }).report();
    expect(detailsOf(lost, 'key-missing')).toEqual({ keyId: 'old', records: 2 });
    const known = await createSecondFactor({
      ...host.options,
      keys: [fresh, { id: 'old', lost: true }],
    }).report();
    expect(detailsOf(known, 'key-lost')).toEqual({ keyId: 'old', records: 2 });
    expect(codesOf(known)).toEqual(['key-lost']);
    expect(rowsOf(known, 'self-test').map(({ name, of, state }) => [name, of, state])).toEqual([
      ['rfc-vector', undefined, 'ok'],
      ['seal', 'fresh', 'ok'],
      ['sealed-authenticator', 'old', 'problem'],
      ['sealed-backup-codes', 'old', 'problem'],
    ]);
  });

  it('are told to be away where their function fails, and nothing of what it said', async () => {
    const host = await createReported();
    await host.enrol('ada');
    const report = await createSecondFactor({
      ...host.options,
      keys: () => Promise.reject(Object.assign(new Error('token=hunter2'), { code: 'ECONNREFUSED' })),
    }).report();
    expect(codesOf(report)).toEqual(['keys-unavailable']);
    expect(detailsOf(report, 'keys-unavailable')).toEqual({ reason: 'ECONNREFUSED' });
    expect(JSON.stringify(report)).not.toContain('hunter2');
  });

  it('do not open a record that was moved to another user', async () => {
    const host = await createReported();
    await host.enrol('ada');
    host.database.exec("update two_factor_authenticators set user_id = 'eve'");
    const report = await look(host);
    expect(detailsOf(report, 'seal-broken')).toEqual({ keyId: 'test', records: 1 });
  });

  it('are not named by a value that nobody has sealed', async () => {
    const host = await createReported();
    await host.enrol('ada');
    host.database.exec(
      "update two_factor_authenticators set sealed_secret = 'JBSWY3DPEHPK3PXP JBSWY3DPEHPK3PXP'",
    );
    const report = await look(host);
    expect(codesOf(report)).toHaveLength(1);
    expect(JSON.stringify(report) + drawReport(report, { language: 'en' })).not.toContain('JBSWY3DP');
  });
});

describe('report in an application whose storage is away', () => {
  it('still tells about everything else', async () => {
    const faults = new Set(['inspect' as const]);
    const host = await createReported({ wrapStorage: (storage) => failing(storage, faults) });
    const report = await look(host, { session: { store: new MemoryStore() }, mode: 'development' });
    expect(codesOf(report)).toEqual(['storage-unreachable', 'development-mode']);
    expect(valueOf(report, 'sessions', 'probe')).toEqual({ word: 'works' });
  });
});
