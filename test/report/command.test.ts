import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { createInstallation, type ExampleServer, startExample } from '../helpers/example-server.js';
import { redisUrl } from '../helpers/redis.js';
import { emailOf, Visitor } from '../helpers/visitor.js';
import { configs, expectNoneOf, lookAt, problemCodes, runReport, secretsOf } from './installations.js';

const LONG = 60_000;

const installation = createInstallation(redisUrl(), { ADMINISTRATORS: 'Root-Ada' });
const { environment } = installation;
let server: ExampleServer;
let visitor: Visitor;
/** Of the environment, of the tables and of what was shown to the user. */
let secrets: string[];

beforeAll(async () => {
  server = await startExample(environment);
  visitor = new Visitor([server.url]);
  await visitor.register('root-ada');
  const { backupCodes } = await visitor.setUp();
  const database = new Database(environment['DATABASE_URL']!.slice('file:'.length));
  const read = (sql: string): string[] =>
    database
      .prepare(sql)
      .all()
      .map((row) => Object.values(row as object)[0] as string);
  secrets = [
    ...secretsOf(environment),
    ...backupCodes,
    ...read('select sealed_secret from two_factor_authenticators'),
    ...read('select sealed_key from two_factor_backup_sets'),
    ...read('select code_hash from two_factor_backup_codes'),
    ...read('select user_id from two_factor_auth'),
    emailOf('root-ada'),
  ];
  database.close();
  expect(secrets.length).toBeGreaterThan(15);
}, LONG);

afterAll(async () => {
  await server.stop();
  installation.remove();
});

describe('second-factor report on a healthy installation', () => {
  it('finds everything in order, in both languages, and exits with 0', { timeout: LONG }, async () => {
    const look = (...args: string[]) =>
      runReport(environment, '--config', configs.example, '--url', server.url, ...args);
    const [english, indonesian, { printed, code }] = await Promise.all([
      look('--lang', 'en'),
      look('--lang', 'id'),
      lookAt(environment, configs.example, '--url', server.url),
    ]);
    const [en, id] = [english.out, indonesian.out];
    expect(problemCodes(printed)).toEqual([]);
    expect([english.code, indonesian.code, code]).toEqual([0, 0, 0]);
    expect(printed.problems.map((problem) => problem.code)).toContain('development-mode');
    for (const line of [
      /^ok +second step +on$/m,
      /^ok +migrated to version +\d+$/m,
      /^ok +two_factor_authenticators +1$/m,
      /^ok +users +1$/m,
      /^ok +coverage +100 %$/m,
      /^ok +express +5\S+ \(expected: \^4\.21 \|\| \^5\)$/m,
      /^ok +GET \/two-factor\/challenge +303 \/login$/m,
      /^ok +codes as in RFC 6238 +works$/m,
      /^ok +authenticators, key test +1$/m,
      /^ok +sets of backup codes, key test +1$/m,
      /^ok +store +RedisStore$/m,
      /^ok +time to read +\d+\.\d ms$/m,
      /^ok +sent by the server +Path=\/.*HttpOnly/m,
      /^ok +database +[+-]\d\.\d+ s \(expected: ± 10 s\)$/m,
      /^ok +Redis +[+-]\d\.\d+ s/m,
      /^ok +running server +[+-]\d\.\d+ s/m,
      /^ok +second steps begun +0$/m,
    ])
      expect(en).toMatch(line);
    for (const line of [
      /^Faktor kedua: laporan status$/m,
      /^baik +langkah kedua +aktif$/m,
      /^baik +pengguna +1$/m,
      /^baik +kode sesuai RFC 6238 +berfungsi$/m,
      /^catatan: development-mode \(Konfigurasi\)$/m,
    ])
      expect(id).toMatch(line);
    expectNoneOf(secrets, en + id + JSON.stringify(printed));
  });

  it('is shown to administrators of the example, in both languages, and is not there for others', async () => {
    const page = await visitor.get('/admin/two-factor');
    expect(page.status).toBe(200);
    expect(page.text).toMatch(/<html lang="en">[^]*<h1>Second factor: status report<\/h1>/);
    expect(page.text).toMatch(/<th role="rowheader" scope="row">coverage<\/th>\s*<td role="cell">100 %/);
    expect((await visitor.get('/account')).text).toContain('href="/admin/two-factor"');
    const translated = await visitor.get('/admin/two-factor?lang=id');
    expect(translated.text).toMatch(/<html lang="id">[^]*<h1>Faktor kedua: laporan status<\/h1>/);
    expect(translated.text).toContain('Yang perlu dilakukan');
    expectNoneOf(secrets, page.text + translated.text);

    const bob = new Visitor([server.url]);
    expect((await bob.get('/admin/two-factor')).status).toBe(404);
    await bob.register('bob');
    expect((await bob.get('/admin/two-factor')).status).toBe(404);
    expect((await bob.get('/account')).text).not.toContain('/admin/');

    const halfWay = new Visitor([server.url]);
    await halfWay.signIn('root-ada');
    expect((await halfWay.get('/admin/two-factor')).status).toBe(404);
  });
});

describe('second-factor report on a broken installation', { timeout: LONG }, () => {
  async function expectProblem(
    looked: Awaited<ReturnType<typeof lookAt>>,
    code: string,
    meaning: { en: RegExp; id: RegExp },
  ): Promise<void> {
    expect(looked.code).toBe(1);
    expect(problemCodes(looked.printed)).toEqual([code]);
    const [problem] = looked.printed.problems.filter(({ severity }) => severity === 'problem');
    expect(problem!.meaning).toMatch(meaning.en);
    expect(problem!.action).not.toBe('');
    const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');
    expect(flat(looked.en)).toMatch(meaning.en);
    expect(flat(looked.en)).toContain(`PROBLEM: ${code}`);
    expect(flat(looked.id)).toMatch(meaning.id);
    expect(flat(looked.id)).toContain(`MASALAH: ${code}`);
    // The other sections are looked at all the same.
    expect(looked.printed.sections).toHaveLength(10);
    expect(looked.en).toMatch(/^ok +codes as in RFC 6238 +works$/m);
    expectNoneOf(secrets, looked.en + looked.id + JSON.stringify(looked.printed));
  }

  it('says that the server does not run', async () => {
    const gone = await startExample(environment);
    await gone.stop();
    await expectProblem(await lookAt(environment, configs.example, '--url', gone.url), 'server-not-running', {
      en: /Nobody answers at http:\/\/localhost:\d+ \(ECONNREFUSED\)/,
      id: /Tidak ada yang menjawab di http:\/\/localhost:\d+ \(ECONNREFUSED\)/,
    });
  });

  it('says that the tables are not migrated, and does not migrate them', async () => {
    const fresh = createInstallation(redisUrl());
    try {
      const looked = await lookAt(fresh.environment, configs.example, '--url', server.url);
      await expectProblem(looked, 'not-migrated', {
        en: /Tables are missing \(two_factor_auth, .*two_factor_pending.*\)/,
        id: /Ada tabel yang belum dibuat \(two_factor_auth, .*two_factor_pending.*\)/,
      });
      const again = await lookAt(fresh.environment, configs.example);
      expect(problemCodes(again.printed)).toEqual(['not-migrated']);
    } finally {
      fresh.remove();
    }
  });

  it('says which key is missing, and how much it has sealed', async () => {
    const other = { ...environment, TWO_FACTOR_KEYS: `other:${randomBytes(32).toString('base64')}` };
    await expectProblem(await lookAt(other, configs.example, '--url', server.url), 'key-missing', {
      en: /2 records were sealed with the key "test", which is not in the ring/,
      id: /2 rekaman disegel dengan kunci "test", yang tidak ada dalam daftar kunci/,
    });
  });

  it('says that the secret of a key has changed under its id', async () => {
    const changed = { ...environment, TWO_FACTOR_KEYS: `test:${randomBytes(32).toString('base64')}` };
    await expectProblem(await lookAt(changed, configs.example, '--url', server.url), 'seal-broken', {
      en: /sealed with the key "test" does not open \(2 records/,
      id: /disegel dengan kunci "test" tidak dapat dibuka \(2 rekaman/,
    });
  });

  it('says that production keeps its sessions in memory', async () => {
    const production = { ...environment, NODE_ENV: 'production' };
    const looked = await lookAt(production, configs.memoryStore, '--url', server.url);
    await expectProblem(looked, 'session-store-memory', {
      en: /Sessions are kept in the memory of one process/,
      id: /Sesi disimpan di memori satu proses/,
    });
    const development = await lookAt(environment, configs.memoryStore, '--url', server.url);
    expect(development.code).toBe(0);
  });

  it('says that the clock is off, by how much, and against what', async () => {
    await expectProblem(await lookAt(environment, configs.clockOff, '--url', server.url), 'clock-off', {
      en: /the database is 90 s behind, Redis is 90 s behind, the running server is (90|89) s behind\. A code/,
      id: /basis data 90 detik lebih lambat, Redis 90 detik lebih lambat, server yang berjalan (90|89) detik lebih lambat\. Sebuah kode/,
    });
  });

  it('says that Redis is out of reach', async () => {
    const redis = await startRedisServer();
    await redis.stop();
    const without = { ...environment, REDIS_URL: redis.url };
    secrets.push(...secretsOf(without));
    await expectProblem(
      await lookAt(without, configs.example, '--url', server.url),
      'session-store-unreachable',
      {
        en: /The session store \(RedisStore\) does not answer/,
        id: /Penyimpanan sesi \(RedisStore\) tidak menjawab/,
      },
    );
  });
});

describe('second-factor report that cannot look', { timeout: LONG }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function write(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  }

  it.each([
    ['a configuration that is not there', () => join(folder, 'nothing.js'), /There is no .*nothing\.js/],
    ['an empty one', () => write('empty.mjs', ''), /default export must be the options/],
    [
      'one that throws, without the password in its words',
      () => write('throws.mjs', "throw new Error('No way to postgres://app:hunter2@db/app.');"),
      /cannot be used: No way to postgres:\/\/…@db\/app\./,
    ],
    [
      'wrong options, without repeating a key',
      () => write('wrong.mjs', "export default { issuer: 'A:B', keys: [{ id: 'a', secret: 'hunter2' }] };"),
      /issuer: must have 1 to 64 characters[^]*keys\[0\]\.secret: must be at least 32 bytes/,
    ],
  ])('exits with 2 for %s', async (_what, file, message) => {
    const { code, out, errors } = await runReport({}, '--config', file());
    expect(errors).toMatch(message);
    expect(errors).not.toMatch(/hunter2|\n {4}at /);
    expect([code, out]).toEqual([2, '']);
  });

  it.each([
    [['--lang', 'de'], /--lang must be en or id/],
    [['--url', 'localhost:3000'], /must be a web address/],
    [['--colour'], /colour/],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, errors } = await runReport(environment, '--config', configs.example, ...args);
    expect(errors).toMatch(message);
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, out } = await runReport({}, '--help');
    expect(out).toMatch(/--lang en\|id/);
    expect(code).toBe(0);
  });
});

describe('second-factor report', () => {
  it('speaks the language of the environment', { timeout: LONG }, async () => {
    const speak = async (more: Record<string, string>) =>
      (await runReport({ ...environment, ...more }, '--config', configs.example)).out.split('\n', 1)[0];
    expect(await speak({ LANG: 'id_ID.UTF-8' })).toBe('Faktor kedua: laporan status');
    expect(await speak({ LANG: 'id_ID.UTF-8', LC_ALL: 'C.UTF-8' })).toBe('Second factor: status report');
    expect(await speak({ LANG: 'ido' })).toBe('Second factor: status report');
  });

  it('ends although the configuration leaves something open', { timeout: LONG }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'report-'));
    const file = join(folder, 'open.mjs');
    const keys = `[{ id: 'a', secret: '${randomBytes(32).toString('base64')}' }]`;
    writeFileSync(
      file,
      `import { memoryStorage } from '${new URL('../../dist/testing/index.js', import.meta.url).href}';
       setInterval(() => undefined, 1_000);
       const user = { id: () => 'a', label: () => 'a' };
       export default async () =>
         ({ issuer: 'A', origin: 'http://a.example', storage: memoryStorage(), enabled: false, keys: ${keys}, user });
       export const close = () => new Promise(() => undefined);`,
    );
    const { code, out } = await runReport({}, '--config', file);
    rmSync(folder, { recursive: true });
    expect(out).toContain('PROBLEM: switched-off');
    expect(out).toMatch(/rejected +none\n$/);
    expect(code).toBe(1);
  });
});
