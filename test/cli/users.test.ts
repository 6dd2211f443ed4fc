import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createInstallation, type ExampleServer, startExample } from '../helpers/example-server.js';
import { runCommand } from '../helpers/program.js';
import { redisUrl } from '../helpers/redis.js';
import { type KeptFactor, Visitor } from '../helpers/visitor.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const installation = createInstallation(redisUrl());
const { environment } = installation;
let server: ExampleServer;
let ada: Visitor;
let factor: KeptFactor;
let adaId: string;

const run = (...args: string[]) =>
  runCommand(environment, ...args, '--config', 'examples/identity-server/second-factor.config.js');

function read(sql: string): Record<string, unknown>[] {
  const database = new Database(environment['DATABASE_URL']!.slice('file:'.length));
  try {
    return database.prepare(sql).all() as Record<string, unknown>[];
  } finally {
    database.close();
  }
}

beforeAll(async () => {
  server = await startExample(environment);
  ada = new Visitor([server.url]);
  await ada.register('ada');
  factor = await ada.setUp();
  adaId = String(read('select user_id from two_factor_auth')[0]?.['user_id']);
});

afterAll(async () => {
  await server.stop();
  installation.remove();
});

describe('second-factor status', () => {
  it('tells how the second factor of a user stands, and nothing secret', async () => {
    const { code, out } = await run('status', adaId);
    expect(code).toBe(0);
    expect(out).toMatch(/^second factor +on since \d{4}-/m);
    expect(out).toMatch(/^backup codes +10 of 10 left, looked at$/m);
    const sealed = read('select sealed_secret as secret from two_factor_authenticators');
    for (const secret of [...factor.backupCodes, String(sealed[0]?.['secret'])])
      expect(out).not.toContain(secret);
    const json = await run('status', adaId, '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      userId: adaId,
      backupCodes: { left: 10 },
      suspectedAt: null,
    });
  });

  it('tells that there is none', async () => {
    expect(await run('status', 'nobody')).toMatchObject({ code: 1 });
  });

  it.each([[[]], [['a', 'b']], [['--colour', 'a']]])('explains itself where it cannot: %j', async (args) => {
    const { code, err, out } = await run('status', ...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('second-factor status <user id>');
  });
});

describe('second-factor migrate', () => {
  it('can be repeated while the application runs', async () => {
    expect(await run('migrate')).toMatchObject({ code: 0, out: 'The tables are those of this version.\n' });
    expect(await ada.isSignedIn()).toBe(true);
  });
});

describe('second-factor reset', () => {
  it('does nothing without a reason, and nothing without a terminal or --yes', async () => {
    expect(await run('reset', adaId, '--yes')).toMatchObject({ code: 2 });
    const { code, err } = await run('reset', adaId, '--reason', 'lost phone');
    expect([code, err.trim()]).toEqual([2, 'There is no terminal to ask at: say --yes.']);
    expect(await ada.isSignedIn()).toBe(true);
  });

  it('turns it off, ends the sessions, is written down, and the owner is told', async () => {
    const done = await run('reset', adaId, '--reason', 'lost phone', '--actor', 'grace', '--yes');
    expect(done).toMatchObject({ code: 0, out: 'The second factor is off now.\n' });
    expect(await ada.isSignedIn()).toBe(false);
    const [event] = read("select details from two_factor_events where kind = 'factor.reset'");
    expect(JSON.parse(String(event?.['details']))).toEqual({ actor: 'grace', reason: 'lost phone' });
    await vi.waitFor(
      () =>
        expect(
          read("select body from outbox where subject = 'Two-step sign-in was turned off for you'"),
        ).toHaveLength(1),
      10_000,
    );
    expect(await run('reset', adaId, '--reason', 'again', '--yes', '--json')).toMatchObject({
      code: 1,
      out: `{"userId":"${adaId}","reset":false}\n`,
    });
    const again = new Visitor([server.url]);
    expect((await again.signIn('ada')).location).toBe('/account');
  });
});
