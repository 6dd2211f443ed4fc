import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Chunks } from '../../src/import/lines.js';
import { formats } from '../../src/import/formats.js';
import { checkRecord, type ImportRow } from '../../src/import/record.js';

const KEY = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const BYTES = Buffer.from('12345678901234567890');

async function readAll(format: string, text: Chunks | string, issuer?: string): Promise<ImportRow[]> {
  const rows: ImportRow[] = [];
  const chunks = typeof text === 'string' ? [Buffer.from(text)] : text;
  for await (const row of formats[format]!(chunks, issuer)) rows.push(row);
  return rows;
}

/** What becomes of each row: its line, and the reason or the record as it is taken over. */
async function judge(format: string, text: Chunks | string, issuer?: string): Promise<unknown[]> {
  return (await readAll(format, text, issuer)).map((row) => {
    if ('reason' in row) return [row.line, row.reason];
    const checked = checkRecord(row, {});
    if (typeof checked === 'string') return [row.line, checked];
    const { secret, algorithm, digits, period, name } = checked;
    return [row.line, row.userId, Buffer.from(secret).toString('latin1'), algorithm, digits, period, name];
  });
}

const plain = (line: number, userId: string, name = 'Authenticator app'): unknown[] => [
  ...[line, userId, BYTES.toString('latin1'), 'sha1', 6, 30, name],
];

describe('a list of key URIs', () => {
  it('takes the user from the label, or from a column before it', async () => {
    const text = [
      `otpauth://totp/Old%20Service:ada%40x.example?secret=${KEY}&issuer=Old%20Service`,
      `otpauth://totp/bob?secret=${KEY.toLowerCase()}`,
      '',
      `42,otpauth://totp/Old:eve?secret=${KEY}`,
      `43\totpauth://totp/Old:eve?secret=${KEY}\r`,
      `7, otpauth://totp/a?secret=${KEY}&algorithm=SHA256&digits=8&period=60`,
    ].join('\n');
    expect(await judge('otpauth', text)).toEqual([
      plain(1, 'ada@x.example'),
      plain(2, 'bob'),
      plain(4, '42'),
      plain(5, '43'),
      [6, '7', BYTES.toString('latin1'), 'sha256', 8, 60, 'Authenticator app'],
    ]);
  });

  it.each([
    ['otpauth://hotp/a?secret=KEY&counter=1', 'type-unsupported'],
    ['otpauth://steam/a?secret=KEY', 'type-unsupported'],
    ['otpauth://totp/a', 'secret-invalid'],
    ['otpauth://totp/a?secret=0189', 'secret-invalid'],
    ['otpauth://totp/a?secret=GEZDGNBVGY3TQOJQG', 'secret-invalid'],
    ['otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ', 'secret-short'],
    ['otpauth://totp/a?secret=GEZDGNBV', 'secret-too-short'],
    [`otpauth://totp/a?secret=${'A'.repeat(104)}`, 'secret-long'],
    ['otpauth://totp/a?secret=KEY&digits=7', 'digits-unsupported'],
    ['otpauth://totp/a?secret=KEY&digits=6.0', 'digits-unsupported'],
    ['otpauth://totp/a?secret=KEY&digits=%EF%BC%96', 'digits-unsupported'],
    ['otpauth://totp/a?secret=KEY&algorithm=MD5', 'algorithm-unsupported'],
    ['otpauth://totp/a?secret=KEY&algorithm=__proto__', 'algorithm-unsupported'],
    ['otpauth://totp/a?secret=KEY&period=0', 'period-unsupported'],
    ['otpauth://totp/a?secret=KEY&period=14', 'period-unsupported'],
    ['otpauth://totp/a?secret=KEY&period=121', 'period-unsupported'],
    ['otpauth://totp/a?secret=KEY&period=-30', 'period-unsupported'],
    ['otpauth://totp/a?secret=KEY&period=99999999999999999999', 'period-unsupported'],
    ['otpauth://totp/%ff?secret=KEY', 'row-malformed'],
    ['otpauth://totp/?secret=KEY', 'user-invalid'],
    ['otpauth://totp/Old:?secret=KEY&issuer=Old', 'user-invalid'],
    ['otpauth://totp/Old:a?secret=KEY', 'label-ambiguous'],
    ['M\uFFFDller,otpauth://totp/a?secret=KEY', 'user-invalid'],
    [`${'\t'.repeat(60_000)}x otpauth://totp/a?secret=KEY`, 'row-malformed'],
    [`otpauth://totp/a?secret=${'='.repeat(60_000)}A`, 'secret-long'],
    [`otpauth://totp/${'a'.repeat(256)}?secret=KEY`, 'user-invalid'],
    [',otpauth://totp/a?secret=KEY', 'user-invalid'],
    ['42 otpauth://totp/a?secret=KEY', 'row-malformed'],
    ['https://totp/a?secret=KEY', 'row-malformed'],
    ['nonsense', 'row-malformed'],
    [`otpauth://totp/a?secret=KEY&x=${'x'.repeat(70_000)}`, 'row-too-long'],
  ])('refuses %.60s', async (line, reason) => {
    const good = `otpauth://totp/b?secret=${KEY}`;
    const text = [good, line.replace('KEY', KEY), good].join('\n');
    expect(await judge('otpauth', text)).toEqual([plain(1, 'b'), [2, reason], plain(3, 'b')]);
  });

  it('takes a name with a colon, or with a URI in it, for a name', async () => {
    const text = [
      `otpauth://totp/x%3A42?secret=${KEY}&issuer=Old`,
      `otpauth://totp/7?secret=MINE#,otpauth://totp/a?secret=${KEY}`,
    ].join('\n');
    expect(await judge('otpauth', text)).toEqual([
      plain(1, 'x:42'),
      plain(2, 'otpauth://totp/7?secret=MINE#'),
    ]);
  });

  it('takes only one issuer where it is named', async () => {
    const text = [
      `otpauth://totp/Old:a?secret=${KEY}`,
      `otpauth://totp/b?secret=${KEY}&issuer=Old`,
      `otpauth://totp/Old:c?secret=${KEY}&issuer=Bank`,
      `otpauth://totp/d?secret=${KEY}`,
    ].join('\n');
    expect(await judge('otpauth', text, 'Old')).toEqual([
      plain(1, 'a'),
      plain(2, 'b'),
      [3, 'other-issuer'],
      [4, 'other-issuer'],
    ]);
  });

  it('reads pieces that end anywhere, also inside of a character', async () => {
    const bytes = Buffer.from(
      `Bjö\u{1F600},otpauth://totp/x?secret=${KEY}\r\nü,otpauth://totp/x?secret=${KEY}`,
    );
    const pieces = [...bytes].map((byte) => Buffer.from([byte]));
    expect(await judge('otpauth', pieces)).toEqual([plain(1, 'Bjö\u{1F600}'), plain(2, 'ü')]);
  });

  it('keeps no more than 64 KiB of a line without an end', async () => {
    let given = 0;
    function* endless(): Generator<Buffer> {
      for (; given < 4_000; given += 1) yield Buffer.alloc(64 * 1_024, 'a');
      yield Buffer.from(`\nb,otpauth://totp/x?secret=${KEY}`);
    }
    const before = process.memoryUsage.rss();
    expect(await judge('otpauth', endless())).toEqual([[1, 'row-too-long'], plain(2, 'b')]);
    expect(given).toBe(4_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * 1_024 * 1_024);
  });
});

describe('CSV', () => {
  it('reads columns by their headings, in any order and quoted', async () => {
    const text = [
      '\uFEFFname,Secret,user_id,algorithm,digits,period,backup_codes',
      `Phone,${KEY},ada,,,,`,
      `"Ada's ""phone"", old",${KEY.replace(/(.{4})/g, '$1 ')},bob,HmacSHA512,8,60,a b`,
      `,${KEY}======,42,SHA-256,6,30,`,
    ].join('\r\n');
    const secret = BYTES.toString('latin1');
    expect(await judge('csv', text)).toEqual([
      plain(2, 'ada', 'Phone'),
      [3, 'bob', secret, 'sha512', 8, 60, `Ada's "phone", old`],
      [4, '42', secret, 'sha256', 6, 30, 'Authenticator app'],
    ]);
  });

  it.each(['', `ada,${KEY}`, 'user_id', 'user_id,secret,colour', 'user_id,secret,secret', 'user_id;secret'])(
    'reads nothing under the headings %j, and repeats nothing of them',
    async (heading) => {
      const refused = judge('csv', `${heading}\nada,${KEY}`);
      await expect(refused).rejects.toThrow(/^The first line must name the columns/);
      await expect(refused).rejects.not.toThrow(KEY);
    },
  );

  it.each([
    [`ada,${KEY},more`, 'row-malformed'],
    ['ada', 'row-malformed'],
    [`"ada,${KEY}`, 'row-malformed'],
    [`a"da,${KEY}`, 'row-malformed'],
    [`"ada"x,${KEY}`, 'row-malformed'],
    [`,${KEY}`, 'user-invalid'],
    ['ada,', 'secret-invalid'],
    [`ada,${'A'.repeat(70_000)}`, 'row-too-long'],
    ['ada,$2b$10$N9qo8uLOickgx2ZMRZoMye', 'secret-invalid'],
  ])('refuses %.40s', async (row, reason) => {
    expect(await judge('csv', `user_id,secret\n${row}\nbob,${KEY}`)).toEqual([[2, reason], plain(3, 'bob')]);
  });
});

/** The export's messages by the wire format's description, written apart from what reads them. */
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
const number = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, value: Uint8Array | string): number[] => {
  const content = Buffer.from(value as Uint8Array);
  return [...varint((field << 3) | 2), ...varint(content.length), ...content];
};
interface Entry {
  secret?: Uint8Array;
  name?: string;
  issuer?: string;
  algorithm?: number;
  digits?: number;
  type?: number;
}
const otpEntry = ({
  secret = BYTES,
  name = 'ada',
  issuer = 'Old',
  algorithm = 1,
  digits = 1,
  type = 2,
}: Entry) =>
  bytes(
    1,
    Buffer.from([
      ...bytes(1, secret),
      ...bytes(2, name),
      ...bytes(3, issuer),
      ...number(4, algorithm),
      ...number(5, digits),
      ...number(6, type),
    ]),
  );
const rest = [...number(2, 1), ...number(3, 1), ...number(4, 0), ...number(5, 1_234_567)];
const migration = (message: number[]): string =>
  `otpauth-migration://offline?data=${encodeURIComponent(Buffer.from(message).toString('base64'))}`;

describe('an export of Google Authenticator', () => {
  it('has several entries in one URI, and a column before it counts', async () => {
    const many = [...otpEntry({}), ...otpEntry({ name: 'Old:bob', algorithm: 2, digits: 2 }), ...rest];
    const text = [migration(many), `42,${migration([...otpEntry({}), ...rest])}`].join('\n');
    expect(await judge('google', text)).toEqual([
      plain(1, 'ada'),
      [1, 'bob', BYTES.toString('latin1'), 'sha256', 8, 30, 'Authenticator app'],
      plain(2, '42'),
    ]);
  });

  it('reads what is not said as the app does, and base64 that nobody has escaped', async () => {
    const secret = Buffer.alloc(20, 0xfb);
    const unsaid = [...otpEntry({ secret, algorithm: 0, digits: 0 }), ...rest];
    const uri = decodeURIComponent(migration(unsaid));
    expect(uri).toContain('+');
    const [row] = await readAll('google', uri);
    expect(row).toMatchObject({ userId: 'ada', algorithm: 'sha1', digits: 6 });
    expect(Buffer.from((row as { secret: Uint8Array }).secret)).toEqual(secret);
  });

  it.each<[string, Entry, string]>([
    ['codes by counter', { type: 1 }, 'type-unsupported'],
    ['no type', { type: 0 }, 'type-unsupported'],
    ['MD5', { algorithm: 4 }, 'algorithm-unsupported'],
    ['an unknown algorithm', { algorithm: 99 }, 'algorithm-unsupported'],
    ['an unknown number of digits', { digits: 3 }, 'digits-unsupported'],
    ['another issuer', { issuer: 'Bank' }, 'other-issuer'],
    ['a short secret', { secret: Buffer.alloc(10) }, 'secret-short'],
    ['no secret', { secret: Buffer.alloc(0) }, 'secret-too-short'],
    ['no name', { name: '' }, 'user-invalid'],
  ])('refuses an entry with %s, and takes the next', async (_what, entry, reason) => {
    const uri = migration([...otpEntry(entry), ...otpEntry({}), ...rest]);
    expect(await judge('google', uri, 'Old')).toEqual([[1, reason], plain(1, 'ada')]);
  });

  it('bears every payload that is cut off or bent', async () => {
    const message = [...otpEntry({}), ...rest];
    for (let length = 0; length < message.length; length += 1) {
      const rows = await judge('google', migration(message.slice(0, length)));
      expect(rows).toHaveLength(1);
    }
    for (let at = 0; at < message.length; at += 1)
      for (const bit of [1, 0x80]) {
        const bent = message.map((byte, index) => (index === at ? byte ^ bit : byte));
        expect((await judge('google', migration(bent))).length).toBeGreaterThan(0);
      }
    for (const data of ['', '%', '!!!!', 'AA', '////////////'])
      expect(await judge('google', `otpauth-migration://offline?data=${data}`)).toEqual([
        [1, 'row-malformed'],
      ]);
    const endless = [10, ...Array.from({ length: 30 }, () => 0xff)];
    expect(await judge('google', migration(endless))).toEqual([[1, 'row-malformed']]);
    expect(await judge('google', migration([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]))).toEqual([
      [1, 'row-malformed'],
    ]);
    expect(await judge('google', `otpauth://totp/a?secret=${KEY}`)).toEqual([[1, 'row-malformed']]);
  });
});

describe('an export of Aegis', () => {
  const entry = (fields: object = {}, info: object = {}) => ({
    ...{ type: 'totp', uuid: 'e2b4', name: 'ada', issuer: 'Old', note: '', icon: null, favorite: false },
    info: { secret: KEY, algo: 'SHA1', digits: 6, period: 30, ...info },
    ...fields,
  });
  const vault = (...entries: unknown[]): string =>
    JSON.stringify(
      { version: 1, header: { slots: null, params: null }, db: { version: 3, entries } },
      null,
      4,
    );

  it('gives its entries', async () => {
    const other = entry({ name: 'Old:bob' }, { algo: 'SHA256', digits: 8, period: 60 });
    expect(await judge('aegis', vault(entry(), other))).toEqual([
      plain(1, 'ada'),
      [2, 'bob', BYTES.toString('latin1'), 'sha256', 8, 60, 'Authenticator app'],
    ]);
  });

  it.each<[string, unknown, string]>([
    ['codes by counter', entry({ type: 'hotp' }), 'type-unsupported'],
    ['Steam', entry({ type: 'steam' }, { digits: 5 }), 'type-unsupported'],
    ['Yandex', entry({ type: 'yandex' }), 'type-unsupported'],
    ['MD5', entry({}, { algo: 'MD5' }), 'algorithm-unsupported'],
    ['no whole period', entry({}, { period: 30.5 }), 'period-unsupported'],
    ['another issuer', entry({ issuer: 'Bank' }), 'other-issuer'],
    ['no base32', entry({}, { secret: '!' }), 'secret-invalid'],
    ['no info', entry({ info: undefined }), 'row-malformed'],
    ['nothing', null, 'row-malformed'],
  ])('refuses an entry with %s', async (_what, bad, reason) => {
    expect(await judge('aegis', vault(bad, entry()), 'Old')).toEqual([[1, reason], plain(2, 'ada')]);
  });

  it.each([
    ['', 'no JSON'],
    [`{"secret":"${KEY}"`, 'no JSON'],
    ['[]', 'no export of Aegis'],
    [JSON.stringify({ version: 1, header: {}, db: 'b64' }), 'encrypted'],
  ])('reads no file that is none: %j', async (text, why) => {
    const refused = judge('aegis', text);
    await expect(refused).rejects.toThrow(why);
    await expect(refused).rejects.not.toThrow(KEY);
  });
});

describe('a secret in base32', () => {
  it('is read as oathtool reads it', async () => {
    const now = '2026-11-27 18:00:00 UTC';
    const [row] = await readAll('csv', `user_id,secret\nada,${KEY}`);
    const hex = Buffer.from((checkRecord(row as never, {}) as { secret: Uint8Array }).secret).toString('hex');
    const ask = (...args: string[]): string =>
      execFileSync('oathtool', ['--totp', '--now', now, ...args]).toString();
    expect(ask(hex)).toBe(ask('--base32', KEY));
  });
});
