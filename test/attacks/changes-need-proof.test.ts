import session from 'express-session';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { atOnce, eachFace, type Move, setUp } from '../helpers/faces.js';
import {
  API,
  copyAgent,
  createHost,
  type Host,
  readBackupCodes,
  readFormToken,
  readTables,
  setUpFactor,
  slowly,
  submit,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const MINUTE = 60_000;
const CHALLENGE = '/two-factor/challenge';
const SETUP_CHALLENGE = `${CHALLENGE}?return_to=%2Ftwo-factor%2Fsetup`;

function isEnabled(host: Host, userId: string): boolean {
  const accounts = readTables(host)['two_factor_auth'] as { user_id: string; enabled_at: number | null }[];
  return accounts.some((account) => account.user_id === userId && account.enabled_at !== null);
}

describe.each(eachFace)(
  'over the %s, R6 somebody at a session whose login is older than 5 minutes',
  (_, face) => {
    it('cannot set up a factor without the password, and can with it', async () => {
      const host = await createHost();
      const agent = await host.signIn('ada');
      host.clock.advance(5 * MINUTE - 1);
      expect((await face.setup(agent)).kind).toBe('accepted');
      host.clock.advance(1);
      const late = await face.setup(agent);
      expect([late.kind, late.key]).toEqual(['proof-required', '']);

      expect((await face.provePassword(agent, 'wrong')).kind).toBe('wrong');
      expect((await face.setup(agent)).kind).toBe('proof-required');
      expect((await face.provePassword(agent, 'ada-password')).kind).toBe('accepted');
      await setUp(face, host, agent);
      expect(isEnabled(host, 'ada')).toBe(true);
    });

    it('gains nothing by a login of a time when the clock was an hour ahead', async () => {
      const host = await createHost();
      host.clock.advance(60 * MINUTE);
      const agent = await host.signIn('ada');
      host.clock.advance(-60 * MINUTE);
      expect((await face.setup(agent)).kind).toBe('proof-required');
      // A node whose clock is a little ahead of another's is no thief.
      host.clock.advance(60 * MINUTE - 1_000);
      expect((await face.setup(agent)).kind).toBe('accepted');
    });

    it('cannot confirm a setup that was opened while the login was young', async () => {
      const host = await createHost();
      const agent = await host.signIn('ada');
      const { key } = await face.setup(agent);
      const code = totpCode(key, host.clock() + 5 * MINUTE);
      const confirm = await face.prepare(agent, { does: 'enable', code });
      host.clock.advance(5 * MINUTE);
      expect((await confirm()).kind).toBe('proof-required');
      expect(isEnabled(host, 'ada')).toBe(false);
    });

    it("cannot prove it with another user's password, nor with none", async () => {
      const host = await createHost();
      const agent = await host.signIn('ada');
      host.clock.advance(5 * MINUTE);
      expect((await face.provePassword(agent, 'eve-password')).kind).toBe('wrong');
      expect((await face.provePassword(agent, '')).kind).toBe('wrong');
      expect((await face.answer(agent, '000000')).kind).not.toBe('accepted');
      expect((await face.setup(agent)).kind).toBe('proof-required');
    });

    it('guesses the password five times, and the session is over', async () => {
      const host = await createHost();
      const agent = await host.signIn('ada');
      host.clock.advance(5 * MINUTE);
      for (const password of ['1', '2', '3', '4']) {
        expect((await face.provePassword(agent, password)).kind).toBe('wrong');
        expect(await whoIs(agent)).toBe('ada');
      }
      const last = await face.provePassword(agent, '5');
      expect([last.status, last.kind]).toEqual([429, 'exhausted']);
      expect(await whoIs(agent)).toBe('nobody');
      expect((await face.setup(agent)).kind).toBe('login-required');
    });

    it('has five guesses at the password in 16 parallel ones', async () => {
      let asked = 0;
      const user = {
        id: (of: Express.User) => (of as { id: string }).id,
        label: () => 'ada',
        checkPassword: async () => {
          asked += 1;
          return false;
        },
      };
      const host = await createHost({ wrapStorage: slowly, options: { user } });
      const agent = await host.signIn('ada');
      host.clock.advance(5 * MINUTE);
      const password = 'guess';
      await atOnce(Array.from({ length: 16 }, () => [face, agent, { does: 'provePassword', password }]));
      expect(asked).toBe(5);
      expect(await whoIs(agent)).toBe('nobody');
    });

    it('cannot get new backup codes without a code, and can with one', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await face.signInWhole(host, 'ada', factor.code());
      host.clock.advance(5 * MINUTE);
      const asked = await face.proposeCodes(agent);
      expect([asked.kind, asked.backupCodes]).toEqual(['proof-required', []]);
      expect(readBackupCodes((await agent.get('/two-factor/backup-codes')).text)).toEqual([]);

      // The password alone is no proof for somebody with a second factor.
      expect((await face.provePassword(agent, 'ada-password')).kind).not.toBe('accepted');
      expect((await face.proposeCodes(agent)).kind).toBe('proof-required');

      expect((await face.answer(agent, factor.code())).kind).toBe('accepted');
      expect((await face.proposeCodes(agent)).backupCodes).toHaveLength(10);
    });

    it('cannot add an authenticator to a factor that is on with the password alone', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await face.signInWhole(host, 'ada', factor.code());
      host.clock.advance(5 * MINUTE);
      const { kind, key } = await face.setup(agent);
      expect([kind, key]).toEqual(['proof-required', '']);
      expect((await face.provePassword(agent, 'ada-password')).kind).not.toBe('accepted');
      expect((await face.setup(agent)).kind).toBe('proof-required');
      expect((await face.enable(agent, factor.code())).kind).toBe('proof-required');
    });
  },
);

describe.each(eachFace)('over the %s, R6 somebody at a session that has just logged in', (_, face) => {
  it('cannot turn the factor off without a right code', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await face.signInWhole(host, 'ada', factor.code());
    for (const code of ['', 'abc']) expect((await face.disable(agent, code)).kind).toBe('malformed');
    expect((await face.disable(agent, wrongCodes(factor, 1)[0]!)).kind).toBe('wrong');
    expect(isEnabled(host, 'ada')).toBe(true);

    expect((await face.disable(agent, factor.code(1))).kind).toBe('accepted');
    expect(isEnabled(host, 'ada')).toBe(false);
    expect(await whoIs(agent)).toBe('ada');
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
    expect((await face.disable(agent, factor.code(1))).kind).toBe('not-enabled');
  });

  it("cannot turn it off with another user's code", async () => {
    const host = await createHost();
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const agent = await face.signInWhole(host, 'ada', ada.code());
    for (const code of [eve.code(), eve.backupCodes[0]!]) {
      expect((await face.disable(agent, code)).kind).toBe('wrong');
    }
    expect(isEnabled(host, 'ada')).toBe(true);
  });

  it('cannot put a second setup over the live factor', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await face.signInWhole(host, 'ada', factor.code());
    const { key } = await face.setup(agent);
    expect(totpCode(key, host.clock())).not.toBe(factor.code());
    const before = readTables(host)['two_factor_authenticators'];
    expect((await face.enable(agent, factor.code(1))).kind).toBe('wrong');
    expect(readTables(host)['two_factor_authenticators']).toEqual(before);
    expect((await face.enable(agent, totpCode(key, host.clock()))).kind).toBe('accepted');
    const both = readTables(host)['two_factor_authenticators'] as { id: string; sealed_secret: string }[];
    expect(both).toHaveLength(2);
    expect(both).toContainEqual(before![0]);
  });
});

describe.each(eachFace)('over the %s, R10', (_, face) => {
  it('a double click on "Turn on" sets up one factor and offers no second secret', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const agent = await host.signIn('ada');
    const { key } = await face.setup(agent);
    const code = totpCode(key, host.clock());
    const outcomes = await atOnce([
      [face, agent, { does: 'enable', code }],
      [face, agent, { does: 'enable', code }],
    ]);
    for (const { response } of outcomes) {
      expect(response.text).not.toContain('setup-key');
      expect(response.body).not.toHaveProperty('secret');
    }
    expect(readTables(host)['two_factor_authenticators']).toHaveLength(1);
    expect(await whoIs(agent)).toBe('ada');
  });

  it.each<[string, Move['does']]>([
    ['a double click on "Turn on"', 'enable'],
    ['two removals at once', 'remove'],
    ['turning off twice at once', 'disable'],
    ['a double click on "I have saved these codes"', 'saveCodes'],
    ['two proofs at once', 'answer'],
    ['the password twice at once', 'provePassword'],
  ])('%s: the loser’s answer does not take the winner’s cookie away', async (_name, does) => {
    const host = await createHost({
      wrapStorage: slowly,
      first(app) {
        const store = new session.MemoryStore();
        const options = { store, secret: 'test', resave: false, saveUninitialized: false, name: 'sid' };
        app.use(session({ ...options, rolling: true }));
      },
    });
    const agent = await host.signIn('ada');
    const moves: Move[] = [];
    if (does === 'enable') {
      const code = totpCode((await face.setup(agent)).key, host.clock());
      moves.push({ does, code }, { does, code });
    } else if (does === 'provePassword') {
      const password = 'ada-password';
      moves.push({ does, password }, { does, password });
    } else {
      const first = await setUp(face, host, agent);
      await face.answer(agent, first.code(1));
      await setUp(face, host, agent);
      host.clock.advance(MINUTE);
      await face.answer(agent, first.code());
      const ids = (await face.readAuthenticators(agent)).map(({ id }) => id);
      await face.saveCodes(agent);
      if (does === 'saveCodes') await face.proposeCodes(agent);
      const codes = first.backupCodes.slice(0, 2);
      if (does === 'remove') moves.push(...ids.map((id): Move => ({ does, id })));
      else if (does === 'saveCodes') moves.push({ does }, { does });
      else moves.push(...codes.map((code): Move => ({ does: does === 'answer' ? does : 'disable', code })));
    }
    const outcomes = await atOnce(moves.map((move) => [face, copyAgent(host, agent), move]));
    expect(outcomes.some(({ kind }) => kind === 'accepted')).toBe(true);
    const cookies = outcomes.filter(({ response }) => response.headers['set-cookie'] !== undefined);
    expect(cookies.map(({ kind }) => kind)).toEqual(['accepted']);
  });

  it('a setup that is open in another session dies with the first one that is confirmed', async () => {
    const host = await createHost();
    const [first, second] = [await host.signIn('ada'), await host.signIn('ada')];
    const { key } = await face.setup(second);
    const confirm = await face.prepare(second, { does: 'enable', code: totpCode(key, host.clock()) });
    await setUp(face, host, first);
    const before = readTables(host);
    expect((await confirm()).kind).not.toBe('accepted');
    expect(readTables(host)).toEqual(before);
    expect([await whoIs(first), await whoIs(second)]).toEqual(['ada', 'nobody']);
  });
});

describe('R6 on the pages, somebody at an old session', () => {
  it('is shown the password form, on the way back to the setup', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const young = await agent.get('/two-factor/setup');
    host.clock.advance(5 * MINUTE);
    const late = await agent.get('/two-factor/setup');
    expect([late.status, late.headers['location']]).toEqual([303, SETUP_CHALLENGE]);
    const fields = { second_factor_token: readFormToken(young.text), code: '000000' };
    const confirmed = await agent.post('/two-factor/setup').type('form').send(fields);
    expect([confirmed.status, confirmed.headers['location']]).toEqual([303, SETUP_CHALLENGE]);
    expect((await agent.get(SETUP_CHALLENGE)).text).toContain('type="password"');
    const code = await submit(agent, CHALLENGE, { code: '000000' }, SETUP_CHALLENGE);
    expect(code.status).toBe(422);
    const password = { password: 'ada-password', return_to: '/two-factor/setup' };
    const proven = await submit(agent, CHALLENGE, password, SETUP_CHALLENGE);
    expect([proven.status, proven.headers['location']]).toEqual([303, '/two-factor/setup']);
  });

  it('cannot turn the factor off with the password', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await submit(agent, CHALLENGE, { code: factor.code() });
    const { status } = await submit(agent, '/two-factor/disable', { password: 'ada-password' });
    expect([status, isEnabled(host, 'ada')]).toEqual([422, true]);
  });
});

describe('R6 a host that cannot check passwords', () => {
  const user = { id: (of: Express.User) => (of as { id: string }).id, label: () => 'ada' };

  it('lets nobody with an old login past its pages, and tells them to sign in again', async () => {
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

  it('nor past its API', async () => {
    const host = await createHost({ options: { user } });
    const agent = await host.signIn('ada');
    host.clock.advance(5 * MINUTE);
    const setup = await agent.get(`${API}/setup/me`);
    expect([setup.status, setup.body]).toEqual([
      403,
      { title: expect.stringContaining('Sign out and sign in again'), status: 403, code: 'proof-impossible' },
    ]);
    const proof = await agent
      .post(`${API}/verify-password/me`)
      .set('Sec-Fetch-Site', 'same-origin')
      .send({ password: 'ada-password' });
    expect([proof.status, proof.body.code]).toEqual([403, 'proof-impossible']);
    expect((await agent.get(`${API}/setup/me`)).status).toBe(403);
  });
});
