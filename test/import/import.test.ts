import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type ImportOptions, type ImportResult, type ImportRow, type Storage } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import { formatCode, generateCode } from '../../src/backup-codes/code.js';
import { decodeKey, encodeKey } from '../../src/totp/key-uri.js';
import { eachFace, setUp } from '../helpers/faces.js';
import { createHost, type Host, readTables, slowly, whoIs } from '../helpers/host.js';

const newSecret = (): Buffer => randomBytes(20);

async function run(host: Host, rows: Iterable<ImportRow>, options?: ImportOptions): Promise<ImportResult[]> {
  const results: ImportResult[] = [];
  for await (const result of host.secondFactor.service.import(rows, options)) results.push(result);
  return results;
}

const kindsOf = (results: readonly ImportResult[]): string[] => results.map(({ kind }) => kind);

/** The code that somebody else's program shows. */
function oathtool(host: Host, secret: Uint8Array, steps = 0, mode = 'sha1', ...args: string[]): string {
  const now = new Date(host.clock() + steps * 30_000).toISOString().replace('T', ' ').replace(/\..*/, ' UTC');
  const hex = Buffer.from(secret).toString('hex');
  return execFileSync('oathtool', [`--totp=${mode}`, '--now', now, ...args, hex])
    .toString()
    .trim();
}

describe.each(eachFace)('an imported second factor over the %s', (_, face) => {
  it('holds the next login, and its authenticator shows the code', async () => {
    const host = await createHost();
    const secret = newSecret();
    expect(await run(host, [{ line: 3, userId: 'ada', secret, name: 'Old phone' }])).toEqual([
      { line: 3, kind: 'imported', userId: 'ada', hasBackupCodes: false },
    ]);
    const agent = await host.signIn('ada');
    expect(await whoIs(agent)).toBe('nobody');
    expect((await face.answer(agent, '000000')).kind).toBe('wrong');
    expect((await face.answer(agent, oathtool(host, secret))).kind).toBe('accepted');
    expect(await whoIs(agent)).toBe('ada');
    expect(await face.readAuthenticators(agent)).toMatchObject([{ name: 'Old phone' }]);
    const again = await host.signIn('ada');
    expect((await face.answer(again, oathtool(host, secret))).kind).toBe('used');
    const [event] = await host.options.storage
      .listEvents('ada', 10)
      .then((events) => events.filter(({ kind }) => kind === 'factor.imported'));
    expect(event).toMatchObject({ details: { authenticator: 'Old phone' }, address: null });
  });

  it('keeps unusual parameters', async () => {
    const host = await createHost();
    const secret = randomBytes(32);
    await run(host, [
      { userId: 'ada', secret: encodeKey(secret), algorithm: 'sha256', digits: 8, period: 60 },
    ]);
    const agent = await host.signIn('ada');
    const code = oathtool(host, secret, 0, 'sha256', '--digits=8', '--time-step-size=60s');
    expect(code).toHaveLength(8);
    expect((await face.answer(agent, code)).kind).toBe('accepted');
  });

  it('takes a short secret only where that is said', async () => {
    const host = await createHost();
    const secret = randomBytes(10);
    expect(await run(host, [{ userId: 'ada', secret }])).toEqual([
      { kind: 'refused', reason: 'secret-short' },
    ]);
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
    expect(kindsOf(await run(host, [{ userId: 'ada', secret }], { allowShortSecrets: true }))).toEqual([
      'imported',
    ]);
    const agent = await host.signIn('ada');
    expect((await face.answer(agent, oathtool(host, secret))).kind).toBe('accepted');
  });

  it('refuses a code of a time step that the other system may have accepted', async () => {
    const host = await createHost();
    const secret = newSecret();
    await run(host, [{ userId: 'ada', secret }]);
    expect((await face.answer(await host.signIn('ada'), oathtool(host, secret, -1))).kind).toBe('used');
  });

  it('keeps backup codes of our own kind, and without them its owner gets new ones', async () => {
    const host = await createHost();
    const [ours, secret] = [[generateCode(), generateCode()], newSecret()];
    const rows = [
      { userId: 'ada', secret: newSecret(), backupCodes: ours.map(formatCode) },
      { userId: 'bob', secret, backupCodes: [ours[0]!, 'abcd-1234'] },
      {
        userId: 'eve',
        secret: newSecret(),
        backupCodes: ['$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
      },
    ];
    expect((await run(host, rows)).map((row) => 'hasBackupCodes' in row && row.hasBackupCodes)).toEqual([
      true,
      false,
      false,
    ]);
    const ada = await host.signIn('ada');
    expect((await face.answer(ada, ours[0]!)).kind).toBe('accepted');
    expect(await face.readLeft(ada)).toBe('1 of 2');
    const bob = await host.signIn('bob');
    expect((await face.answer(bob, ours[0]!)).kind).toBe('wrong');
    expect((await face.answer(bob, oathtool(host, secret))).kind).toBe('accepted');
    const { backupCodes } = await face.proposeCodes(bob);
    expect(backupCodes).toHaveLength(10);
    expect((await face.saveCodes(bob)).kind).toBe('accepted');
    expect((await face.answer(await host.signIn('bob'), backupCodes[0]!)).kind).toBe('accepted');
  });

  it('ends the sessions of before', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    await run(host, [{ userId: 'ada', secret: newSecret() }]);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('never touches a second factor of the user’s own, and brings none back', async () => {
    const host = await createHost();
    const own = await setUp(face, host, await host.signIn('ada'));
    const secret = newSecret();
    expect(
      kindsOf(
        await run(host, [
          { userId: 'ada', secret },
          { userId: 'ada', secret: own.key },
        ]),
      ),
    ).toEqual(['exists', 'already']);
    const agent = await host.signIn('ada');
    expect((await face.answer(agent, oathtool(host, secret))).kind).toBe('wrong');
    expect((await face.answer(agent, own.code(1))).kind).toBe('accepted');
    host.clock.advance(60_000);
    expect((await face.disable(agent, own.code())).kind).toBe('accepted');
    for (const dryRun of [true, false])
      expect(
        kindsOf(
          await run(
            host,
            [
              { userId: 'ada', secret },
              { userId: 'ada', secret: own.key },
            ],
            { dryRun },
          ),
        ),
      ).toEqual(['removed', 'removed']);
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
  });

  it('is there or the enrolment beside it, and never both', async () => {
    for (let round = 0; round < 4; round += 1) {
      const host = await createHost({ wrapStorage: slowly });
      const secret = newSecret();
      const agent = await host.signIn('ada');
      const { key } = await face.setup(agent);
      const send = await face.prepare(agent, { does: 'enable', code: oathtool(host, decodeKey(key)!) });
      const imports = Array.from({ length: 3 }, () => run(host, [{ userId: 'ada', secret }]));
      const [own, ...imported] = await Promise.all([send(), ...imports]);
      const won = imported.flat().filter(({ kind }) => kind === 'imported').length;
      expect(won + (own.kind === 'accepted' ? 1 : 0)).toBe(1);
      expect(await host.options.storage.listAuthenticators('ada')).toHaveLength(1);
    }
  });
});

describe('service.import', () => {
  const many = (count: number): ImportRow[] =>
    Array.from({ length: count }, (_, index) => ({
      line: index + 1,
      userId: `user-${index}`,
      secret: newSecret(),
    }));

  it('does nothing twice, answers in order and goes on where it ended', async () => {
    const host = await createHost();
    const rows = [
      ...many(120),
      { line: 121, reason: 'row-malformed' } as const,
      { line: 122, userId: '', secret: newSecret() },
    ];
    let seen = 0;
    for await (const { kind } of host.secondFactor.service.import(rows)) {
      expect(kind).toBe('imported');
      if ((seen += 1) === 60) break;
    }
    const results = await run(host, rows);
    expect(results.map(({ line }) => line)).toEqual(rows.map(({ line }) => line));
    expect(kindsOf(results)).toEqual([
      ...Array.from({ length: 100 }, () => 'already'),
      ...Array.from({ length: 20 }, () => 'imported'),
      'refused',
      'refused',
    ]);
    const before = readTables(host);
    expect(kindsOf(await run(host, rows)).filter((kind) => kind === 'already')).toHaveLength(120);
    expect(readTables(host)).toEqual(before);
  });

  it('several at once take each user once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const rows = many(60);
    const runs = await Promise.all([rows, [...rows].reverse(), rows].map((list) => run(host, list)));
    const kinds = kindsOf(runs.flat());
    expect(kinds.filter((kind) => kind === 'imported')).toHaveLength(60);
    expect(kinds.filter((kind) => kind === 'already')).toHaveLength(120);
  });

  it('writes nothing in a dry run, and says the same', async () => {
    const host = await createHost();
    await run(host, many(1));
    const rows: ImportRow[] = [
      { userId: 'user-0', secret: newSecret() },
      { userId: 'ada', secret: newSecret() },
      { userId: 'bob', secret: '' },
    ];
    const before = readTables(host);
    const dry = await run(host, rows, { dryRun: true });
    expect(readTables(host)).toEqual(before);
    expect(await run(host, rows)).toEqual(dry);
  });

  it('reads no more than 50 rows ahead', async () => {
    const host = await createHost();
    let [taken, done] = [0, 0];
    function* counted(): Generator<ImportRow> {
      for (const row of many(230)) {
        taken += 1;
        yield row;
      }
    }
    for await (const result of host.secondFactor.service.import(counted())) {
      expect(result.kind).toBe('imported');
      done += 1;
      if (taken - done > 50) throw new Error('It reads ahead.');
    }
    expect([taken, done]).toEqual([230, 230]);
  });

  it('keeps no secret in clear and tells nobody but those who listen', async () => {
    const host = await createHost();
    const secret = newSecret();
    const told: string[] = [];
    host.secondFactor.on('factor.imported', ({ userId }) => void told.push(userId));
    await run(host, [
      { userId: 'ada', secret },
      { userId: 'ada', secret },
    ]);
    const stored = JSON.stringify(readTables(host));
    for (const text of [
      encodeKey(secret),
      secret.toString('hex'),
      secret.toString('base64'),
      secret.toString('base64url'),
    ])
      expect(stored).not.toContain(text);
    expect(told).toEqual(['ada']);
  });

  it('waits for ready(), and ends where the storage does', async () => {
    const early = await createHost({ isReady: false });
    await expect(run(early, many(1))).rejects.toMatchObject({ code: 'not-ready' });
    const wrapStorage = (storage: Storage): Storage => ({
      ...storage,
      importFactors: () => Promise.reject(new Error('away')),
    });
    await expect(run(await createHost({ wrapStorage }), many(1))).rejects.toMatchObject({
      code: 'storage-unavailable',
    });
  });

  it('says "exists" of a secret that another key has sealed', async () => {
    const host = await createHost();
    const secret = newSecret();
    await run(host, [{ userId: 'ada', secret }]);
    host.database.exec("update two_factor_authenticators set sealed_secret = 'gone.AAAA'");
    expect(kindsOf(await run(host, [{ userId: 'ada', secret }]))).toEqual(['exists']);
  });

  it.each<[string, object]>([
    ['no secret', { userId: 'ada' }],
    ['a secret that is a number', { userId: 'ada', secret: 12 }],
    ['digits as text', { userId: 'ada', secret: 'A'.repeat(32), digits: '6' }],
    ['an algorithm that is no text', { userId: 'ada', secret: 'A'.repeat(32), algorithm: {} }],
    ['an id that is a number', { userId: 7, secret: 'A'.repeat(32) }],
    ['half a character as an id', { userId: '\ud800', secret: 'A'.repeat(32) }],
  ])('refuses a record with %s', async (_what, record) => {
    const host = await createHost();
    expect(kindsOf(await run(host, [record as ImportRow]))).toEqual(['refused']);
  });
});
