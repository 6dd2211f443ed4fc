import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeKey } from '../../src/totp/key-uri.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const index = new URL('../../dist/index.js', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'second-factor-import-'));
const secret = randomBytes(32).toString('base64');

let count = 0;
let database = '';

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  database = join(folder, `second-factor-${String((count += 1))}.db`);
});

interface Printed {
  code: number | null;
  out: string;
  err: string;
}

function write(text: string): string {
  const file = join(folder, `list-${String((count += 1))}`);
  writeFileSync(file, text);
  return file;
}

/** @param then what the command does in the middle of its third batch. */
async function run(args: readonly string[], then = ''): Promise<Printed> {
  const config = write(
    `import Database from ${JSON.stringify(import.meta.resolve('libsql'))};
     import { sqlStorage } from ${JSON.stringify(index)};
     const database = new Database(${JSON.stringify(database)});
     const storage = sqlStorage.sqlite(database);
     let batches = 0;
     const importFactors = async (imports) => {
       if ((batches += 1) === 3) { ${then} }
       return storage.importFactors(imports);
     };
     export default { issuer: 'A', origin: 'http://a.example', storage: { ...storage, importFactors },
       keys: [{ id: 'a', secret: ${JSON.stringify(secret)} }], user: { id: () => 'ada', label: () => 'ada' } };
     export const close = () => database.close();`,
  );
  renameSync(config, `${config}.mjs`);
  const child = spawn(process.execPath, [main, 'import', ...args, '--config', `${config}.mjs`], {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (printed.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (printed.err += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...printed };
}

function countFactors(): number {
  const db = new Database(database);
  const [row] = db.prepare('select count(*) as count from two_factor_authenticators').all() as {
    count: number;
  }[];
  db.close();
  return row?.count ?? 0;
}

const newKey = (): string => encodeKey(randomBytes(20));
const makeCsv = (rows: number): string =>
  `user_id,secret\n${Array.from({ length: rows }, (_, row) => `user-${String(row)},${newKey()}\n`).join('')}`;

describe('second-factor import', () => {
  it('takes a file over, says what it did not take, and shows nothing that stands in it', async () => {
    const keys = Array.from({ length: 4 }, newKey);
    const rows = [
      `ada,${keys[0]}`,
      `${keys[1]},bob`,
      `eve,${keys[2]},9`,
      `ada,${keys[3]}`,
      'bob,GEZDGNBVGY3TQOJQ',
    ];
    const file = write(`user_id,secret\n${rows.join('\n')}\n`);
    const { code, out, err } = await run([file, '--format', 'csv']);
    expect([code, out]).toEqual([
      1,
      [
        'line 3: the secret is missing or no base32',
        'line 4: this is no row of this format',
        'line 5: the user has another second factor, which stays',
        'line 6: the secret has less than 128 bits (RFC 4226 asks for that)',
        '1 were taken over, 0 with backup codes',
        '0 were there already',
        '1 have a second factor of their own',
        '0 turned theirs off',
        '3 were refused',
        '',
      ].join('\n'),
    ]);
    for (const text of [...keys, 'GEZDGNBV', 'ada', 'eve']) expect(out + err).not.toContain(text);
    const again = await run([file, '--format', 'csv', '--allow-short-secrets', '--json']);
    expect([
      again.code,
      again.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ]).toEqual([
      1,
      [
        { line: 3, kind: 'refused', reason: 'secret-invalid' },
        { line: 4, kind: 'refused', reason: 'row-malformed' },
        { line: 5, kind: 'exists' },
        { dryRun: false, imported: 1, already: 1, exists: 1, removed: 0, refused: 2, withBackupCodes: 0 },
      ],
    ]);
  });

  it('changes nothing in a dry run', async () => {
    const file = write(makeCsv(120));
    const { code, out } = await run([file, '--format', 'csv', '--dry-run']);
    expect([code, countFactors()]).toEqual([0, 0]);
    expect(out).toMatch(/^120 would be taken over/);
  });

  it('goes on where it was killed, and says how far it is', async () => {
    const file = write(makeCsv(230));
    const killed = await run([file, '--format', 'csv'], "process.kill(process.pid, 'SIGKILL');");
    expect([killed.code, countFactors()]).toEqual([null, 100]);
    const { code, out, err } = await run([file, '--format', 'csv']);
    expect([code, countFactors()]).toEqual([0, 230]);
    expect(out).toMatch(/^130 were taken over[^]*\n100 were there already\n/);
    expect(err).toMatch(/^10 %, 24 of 232\n[^]*90 %/);
  });

  it('is 2 where the storage fails in the middle, and keeps what it did', async () => {
    const { code, err } = await run([write(makeCsv(230)), '--format', 'csv'], "throw new Error('disk');");
    expect([code, countFactors()]).toEqual([2, 100]);
    expect(err).toMatch(/cannot be checked right now/);
  });

  it('reads the other formats', async () => {
    const uri = (label: string): string => `otpauth://totp/${label}?secret=${newKey()}`;
    expect(
      await run([write(`${uri('Old:ada')}\n${uri('Bank:ada')}`), '--format', 'otpauth', '--issuer', 'Old']),
    ).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^line 2: it is of another issuer\n1 were taken over/),
    });
    const info = { secret: newKey(), algo: 'SHA1', digits: 6, period: 30 };
    const entries = [{ type: 'totp', name: 'bob', issuer: 'Old', info }];
    const vault = write(JSON.stringify({ version: 1, header: {}, db: { version: 3, entries } }));
    expect(await run([vault, '--format', 'aegis'])).toMatchObject({ code: 0, err: '' });
    expect(await run([write('otpauth-migration://offline?data=AAAA'), '--format', 'google'])).toMatchObject({
      code: 1,
    });
    expect(countFactors()).toBe(2);
  });

  it('says what it cannot do', async () => {
    const file = write(makeCsv(1));
    const faults: [string[], RegExp][] = [
      [[], /^Name one file/],
      [[file], /^--format must be one of csv, otpauth, google, aegis/],
      [[file, '--format', 'toString'], /^--format must be/],
      [[file, '--format', 'csv', '--issuer', 'x'], /names no issuers/],
      [[`${file}-x`, '--format', 'csv'], /^There is no file/],
      [[write(`ada,${newKey()}`), '--format', 'csv'], /^The first line must name the columns/],
      [[write('{"db":"x"}'), '--format', 'aegis'], /encrypted/],
      [[folder, '--format', 'csv'], /^There is no file/],
      [['/dev/stdin', '--format', 'otpauth'], /^There is no file/],
      [[write('\n'), '--format', 'otpauth'], /has no rows/],
    ];
    for (const [args, message] of faults) {
      const { code, out, err } = await run(args);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(message);
    }
    expect(await run(['--help'])).toMatchObject({ code: 0 });
  });
});
