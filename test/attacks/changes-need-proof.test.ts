import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  createHost,
  type Host,
  readBackupCodes,
  readSetupKey,
  readTables,
  setUpFactor,
  signInWhole,
  slowly,
  stepUp,
  submit,
  submitAtOnce,
  whoIs,
  wrongCodes,
  readFormToken,
} from '../helpers/host.js';

const MINUTE = 60_000;
const CHALLENGE = '/two-factor/challenge';
const SETUP_CHALLENGE = `${CHALLENGE}?return_to=%2Ftwo-factor%2Fsetup`;

/** Proves the password again, on the way to the setup. */
function provePassword(agent: Agent, password: string): ReturnType<typeof submit> {
  return submit(agent, CHALLENGE, { password, return_to: '/two-factor/setup' }, SETUP_CHALLENGE);
}

function isEnabled(host: Host, userId: string): boolean {
  const accounts = readTables(host)['two_factor_auth'] as { user_id: string; enabled_at: number | null }[];
  return accounts.some((account) => account.user_id === userId && account.enabled_at !== null);
}

describe('R6 somebody at a session whose login is older than 5 minutes', () => {
  it('cannot set up a factor without the password, and can with it', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    host.clock.advance(5 * MINUTE - 1);
    expect((await agent.get('/two-factor/setup')).status).toBe(200);
    host.clock.advance(1);
    const late = await agent.get('/two-factor/setup');
    expect([late.status, late.headers['location']]).toEqual([303, SETUP_CHALLENGE]);
    expect((await agent.get(SETUP_CHALLENGE)).text).toContain('type="password"');

    expect((await provePassword(agent, 'wrong')).status).toBe(422);
    expect((await agent.get('/two-factor/setup')).status).toBe(303);
    const proven = await provePassword(agent, 'ada-password');
    expect([proven.status, proven.headers['location']]).toEqual([303, '/two-factor/setup']);
    await setUpFactor(host, agent);
    expect(isEnabled(host, 'ada')).toBe(true);
  });

  it('cannot confirm a setup that was opened while the login was young', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const page = await agent.get('/two-factor/setup');
    host.clock.advance(5 * MINUTE);
    const fields = {
      second_factor_token: readFormToken(page.text),
      code: totpCode(readSetupKey(page.text), host.clock()),
    };
    const confirmed = await agent.post('/two-factor/setup').type('form').send(fields);
    expect([confirmed.status, confirmed.headers['location']]).toEqual([303, SETUP_CHALLENGE]);
    expect(isEnabled(host, 'ada')).toBe(false);
  });

  it("cannot prove it with another user's password, nor with none", async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    host.clock.advance(5 * MINUTE);
    expect((await provePassword(agent, 'eve-password')).status).toBe(422);
    expect((await provePassword(agent, '')).status).toBe(422);
    const code = await submit(agent, CHALLENGE, { code: '000000' }, SETUP_CHALLENGE);
    expect(code.status).toBe(422);
    expect((await agent.get('/two-factor/setup')).status).toBe(303);
  });

  it('guesses the password five times, and the session is over', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    host.clock.advance(5 * MINUTE);
    for (const password of ['1', '2', '3', '4']) {
      expect((await provePassword(agent, password)).status).toBe(422);
      expect(await whoIs(agent)).toBe('ada');
    }
    expect((await provePassword(agent, '5')).status).toBe(429);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await agent.get('/two-factor/setup')).headers['location']).toBe('/login');
  });

  it('never gets past a host that cannot check passwords, and is told to sign in again', async () => {
    const user = { id: (user: Express.User) => (user as { id: string }).id, label: () => 'ada' };
    const host = await createHost({ options: { user } });
    const agent = await host.signIn('ada');
    const second_factor_token = readFormToken((await agent.get('/two-factor/setup')).text);
    host.clock.advance(5 * MINUTE);
    const page = await agent.get(SETUP_CHALLENGE);
    expect(page.status).toBe(403);
    expect(page.text).toContain('Sign out and sign in again');
    expect(page.text).not.toContain('type="password"');
    const posted = await agent
      .post(CHALLENGE)
      .type('form')
      .send({ second_factor_token, password: 'ada-password' });
    expect(posted.status).toBe(422);
    expect((await agent.get('/two-factor/setup')).status).toBe(303);

    await agent.post('/logout');
    await agent.post('/login').type('form').send({ username: 'ada', password: 'ada-password' });
    await setUpFactor(host, agent);
    expect(isEnabled(host, 'ada')).toBe(true);
  });

  it('cannot get new backup codes without a code, and can with one', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(5 * MINUTE);
    const asked = await submit(agent, '/two-factor/backup-codes', {});
    expect(asked.headers['location']).toBe(`${CHALLENGE}?return_to=%2Ftwo-factor%2Fbackup-codes`);
    expect(readBackupCodes((await agent.get('/two-factor/backup-codes')).text)).toEqual([]);

    // The password alone is no proof for somebody with a second factor.
    const page = '/two-factor/disable';
    expect((await submit(agent, CHALLENGE, { password: 'ada-password' }, page)).status).toBe(422);
    expect((await submit(agent, '/two-factor/backup-codes', {})).headers['location']).toContain('/challenge');

    const proven = await stepUp(agent, factor.code(), '/two-factor/backup-codes');
    expect(proven.headers['location']).toBe('/two-factor/backup-codes');
    await submit(agent, '/two-factor/backup-codes', {});
    expect(readBackupCodes((await agent.get('/two-factor/backup-codes')).text)).toHaveLength(10);
  });
});

describe('R6 somebody at a session that has just logged in', () => {
  it('cannot turn the factor off without a right code', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    for (const code of ['', 'abc', wrongCodes(factor, 1)[0]!]) {
      expect((await submit(agent, '/two-factor/disable', { code })).status).toBe(422);
    }
    expect((await submit(agent, '/two-factor/disable', { password: 'ada-password' })).status).toBe(422);
    expect(isEnabled(host, 'ada')).toBe(true);

    const done = await submit(agent, '/two-factor/disable', { code: factor.code(1) });
    expect(done.headers['location']).toBe('/two-factor');
    expect(isEnabled(host, 'ada')).toBe(false);
    expect(await whoIs(agent)).toBe('ada');
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
  });

  it("cannot turn it off with another user's code", async () => {
    const host = await createHost();
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const agent = await signInWhole(host, 'ada', ada.code());
    for (const code of [eve.code(), eve.backupCodes[0]!]) {
      expect((await submit(agent, '/two-factor/disable', { code })).status).toBe(422);
    }
    expect(isEnabled(host, 'ada')).toBe(true);
  });

  it('cannot put a second setup over the live factor', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const page = await agent.get('/two-factor/setup');
    expect(page.text).toContain('Add an authenticator app');
    expect(totpCode(readSetupKey(page.text), host.clock())).not.toBe(factor.code());
    const before = readTables(host)['two_factor_authenticators'];
    const forced = await submit(agent, '/two-factor/setup', { code: factor.code(1) }, '/two-factor/disable');
    expect(forced.status).toBe(422);
    expect(readTables(host)['two_factor_authenticators']).toEqual(before);
    const added = totpCode(readSetupKey(page.text), host.clock());
    expect((await submit(agent, '/two-factor/setup', { code: added })).headers['location']).toBe(
      '/two-factor',
    );
    const both = readTables(host)['two_factor_authenticators'] as { id: string; sealed_secret: string }[];
    expect(both).toHaveLength(2);
    expect(both).toContainEqual(before![0]);
  });
});

it('R10 a double click on "Turn on" sets up one factor and offers no second secret', async () => {
  const host = await createHost({ wrapStorage: slowly });
  const agent = await host.signIn('ada');
  const path = '/two-factor/setup';
  const key = readSetupKey((await agent.get(path)).text);
  const fields = { code: totpCode(key, host.clock()) };
  const responses = await submitAtOnce([
    { agent, path, fields },
    { agent, path, fields },
  ]);
  for (const { text } of responses) expect(text).not.toContain('setup-key');
  expect(readTables(host)['two_factor_authenticators']).toHaveLength(1);
  expect(await whoIs(agent)).toBe('ada');
});

it('R10 a setup that is open in another session dies with the first one that is confirmed', async () => {
  const host = await createHost();
  const [first, second] = [await host.signIn('ada'), await host.signIn('ada')];
  const page = (await second.get('/two-factor/setup')).text;
  const fields = {
    second_factor_token: readFormToken(page),
    code: totpCode(readSetupKey(page), host.clock()),
  };
  await setUpFactor(host, first);
  const before = readTables(host);
  await second.post('/two-factor/setup').type('form').send(fields);
  expect(readTables(host)).toEqual(before);
  expect([await whoIs(first), await whoIs(second)]).toEqual(['ada', 'nobody']);
});
