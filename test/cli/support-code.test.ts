import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createInstallation, type ExampleServer, startExample } from '../helpers/example-server.js';
import { runCommand } from '../helpers/program.js';
import { redisUrl } from '../helpers/redis.js';
import { type KeptFactor, Visitor } from '../helpers/visitor.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
const config = ['--config', 'examples/identity-server/second-factor.config.js'];
const CODE = /^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}\n$/;
const installation = createInstallation(redisUrl());
const { environment } = installation;
let server: ExampleServer;
let factor: KeptFactor;
let adaId: string;

const run = (...args: string[]) => runCommand(environment, 'support-code', ...args, ...config);

/** At a terminal, whose user types this; of stdout and stderr one stream is made there. */
async function runAtTerminal(
  typed: string,
  ...args: string[]
): Promise<{ code: number | null; out: string }> {
  const quoted = [process.execPath, 'dist/cli/main.js', 'support-code', ...args, ...config]
    .map((part) => `'${part}'`)
    .join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', quoted, '/dev/null'], {
    cwd: root,
    env: { ...environment, PATH: process.env['PATH'] },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.write(`${typed}\n`);
  const [code, out] = await Promise.all([ended, text(child.stdout)]);
  return { code, out };
}

function query(sql: string): Record<string, unknown>[] {
  const database = new Database(environment['DATABASE_URL']!.slice('file:'.length));
  try {
    return database.prepare(sql).all() as Record<string, unknown>[];
  } finally {
    database.close();
  }
}

const waiting = (): number => query("select 1 from two_factor_pending where purpose = 'support-code'").length;

/** A fresh browser, after the password. */
async function signIn(): Promise<Visitor> {
  const visitor = new Visitor([server.url]);
  await visitor.signIn('ada');
  return visitor;
}

beforeAll(async () => {
  server = await startExample(environment);
  const ada = new Visitor([server.url]);
  await ada.register('ada');
  factor = await ada.setUp();
  adaId = String(query('select user_id from two_factor_auth')[0]?.['user_id']);
});

afterAll(async () => {
  await server.stop();
  installation.remove();
});

describe('second-factor support-code', () => {
  it('prints the code, and nothing else, on stdout; it signs in once, and the owner is told of both', async () => {
    const given = await run(adaId, '--reason', 'lost phone, ID seen', '--actor', 'grace', '--yes');
    expect(given.code).toBe(0);
    expect(given.out).toMatch(CODE);
    const [, until = ''] = /^It works once, until (\d{4}-.*Z), after the password/.exec(given.err) ?? [];
    expect(given.err).not.toContain(given.out.trim());

    const answered = await (await signIn()).answer(given.out.trim());
    expect(answered.location).toBe('/two-factor/backup-codes/used?return_to=%2Faccount&kind=support');
    const again = await signIn();
    expect((await again.answer(given.out.trim())).text).toContain('That code is not right');
    expect(await again.isSignedIn()).toBe(false);

    const events = query("select details, at from two_factor_events where kind = 'support-code.issued'");
    expect(events).toHaveLength(1);
    expect(JSON.parse(String(events[0]?.['details']))).toEqual({
      actor: 'grace',
      reason: 'lost phone, ID seen',
      expiresAt: Date.parse(until),
    });
    expect((Date.parse(until) - Number(events[0]?.['at'])) / 60_000).toBeCloseTo(15, 1);
    const subjects = ['A support code was given out for your account', 'A support code was used'];
    await vi.waitFor(() => {
      const mails = query('select subject, body from outbox');
      expect(mails.map(({ subject }) => subject)).toEqual(expect.arrayContaining(subjects));
      for (const { body } of mails) expect(body).not.toContain(given.out.trim());
    }, 10_000);
  });

  it.each([
    ['90s', 90_000],
    ['2h', 7_200_000],
    ['24h', 86_400_000],
  ])('gives one for %s, in JSON with when it expires', async (time, lifetime) => {
    const before = Date.now();
    const { code, out } = await run(adaId, '--reason', 'lost phone', '--for', time, '--yes', '--json');
    expect(code).toBe(0);
    const given = JSON.parse(out) as Record<string, unknown>;
    expect(Object.keys(given).sort()).toEqual(['code', 'expiresAt', 'kind', 'userId']);
    expect(given).toMatchObject({ userId: adaId, kind: 'issued' });
    expect(Number(given['expiresAt']) - before).toBeGreaterThanOrEqual(lifetime);
    expect(Number(given['expiresAt']) - before).toBeLessThan(lifetime + 30_000);
    // One at a time.
    expect(waiting()).toBe(1);
  });

  it.each([
    ['no reason', []],
    ['an empty reason', ['--reason', '  ']],
    ['a time that is none', ['--reason', 'lost phone', '--for', '15']],
    ['a time that is too short', ['--reason', 'lost phone', '--for', '59s']],
    ['a time that is too long', ['--reason', 'lost phone', '--for', '25h']],
    ['two users', ['somebody', '--reason', 'lost phone']],
    ['an option that it does not have', ['--reason', 'lost phone', '--fur', '15m']],
    ['no terminal and no --yes', ['--reason', 'lost phone']],
  ])('gives none with %s', async (name, args) => {
    const before = query('select handle_hash from two_factor_pending');
    const yes = name === 'no terminal and no --yes' ? [] : ['--yes'];
    const { code, out, err } = await run(adaId, ...args, ...yes);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/--reason|--for must|Name one user id|--fur|say --yes/);
    expect(query('select handle_hash from two_factor_pending')).toEqual(before);
  });

  it('gives none to somebody without a second factor, and asks nothing', async () => {
    const { code, out, err } = await run('nobody', '--reason', 'lost phone');
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('Nobody with this id has a second factor');
    const inJson = await run('nobody', '--reason', 'lost phone', '--json');
    expect(inJson).toMatchObject({ code: 1, out: '{"userId":"nobody","kind":"not-enabled"}\n' });
  });

  it('at a terminal shows whose second factor it is, and has the id typed', async () => {
    const before = query("select handle_hash from two_factor_pending where purpose = 'support-code'");
    const refused = await runAtTerminal('somebody', adaId, '--reason', 'lost phone');
    expect(refused.code).toBe(2);
    expect(refused.out).toMatch(/second factor +on since/);
    expect(refused.out).toContain('That is another id: nothing was done.');
    expect(query("select handle_hash from two_factor_pending where purpose = 'support-code'")).toEqual(
      before,
    );
    const given = await runAtTerminal(adaId, adaId, '--reason', 'lost phone');
    expect(given.code).toBe(0);
    const [printed = ''] = /([0-9A-Z]{4}-){5}[0-9A-Z]{4}/.exec(given.out) ?? [];
    expect((await (await signIn()).answer(printed)).location).toContain('kind=support');
  });

  it('gives none where the password has to be changed first', async () => {
    // The server may be writing a mail.
    const database = new Database(environment['DATABASE_URL']!.slice('file:'.length), { timeout: 5_000 });
    database.exec(`update two_factor_auth set suspected_at = ${String(Date.now())}`);
    const { code, out, err } = await run(adaId, '--reason', 'lost phone');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('until its password is changed');
    database.exec('update two_factor_auth set suspected_at = null');
    database.close();
  });

  it('leaves the second factor as it was', async () => {
    const visitor = await signIn();
    await visitor.answer(factor.backupCodes[0]!);
    expect(await visitor.isSignedIn()).toBe(true);
  });
});
