import type { RequestHandler } from 'express';
import type { Test } from 'supertest';
import { describe, expect, it } from 'vitest';
import { call, faces } from '../helpers/faces.js';
import {
  type Agent,
  API,
  createHost,
  type Host,
  type HostParts,
  readTables,
  sendPassword,
  signInWhole,
  userOf,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const MINUTE = 60_000;
const CHALLENGE = '/two-factor/challenge';
const GUESSED_BACKUP_CODE = '0000-0000-0000-0000-0000-0000';

function logInByJson(agent: Agent, userId = 'ada'): Test {
  return agent.post('/login').send({ username: userId, password: `${userId}-password` });
}

async function failOften(host: Host, codes: readonly string[]): Promise<void> {
  for (const code of codes) {
    await faces.API.answer(await host.signIn('ada'), code);
    host.clock.advance(60 * MINUTE);
  }
}

describe('a held JSON login', () => {
  const cases: [string, string[], (host: Host) => Promise<void>][] = [
    [
      'both kinds of code',
      ['totp', 'backup-code'],
      async (host) => {
        await host.enrol('ada');
      },
    ],
    [
      'backup codes alone where the TOTP lane is suspended',
      ['backup-code'],
      async (host) => failOften(host, wrongCodes(await host.enrol('ada'), 5)),
    ],
    [
      'TOTP codes alone where the backup codes’ lane is suspended',
      ['totp'],
      async (host) => {
        await host.enrol('ada');
        await failOften(
          host,
          Array.from({ length: 5 }, () => GUESSED_BACKUP_CODE),
        );
      },
    ],
    [
      'TOTP codes alone where all backup codes are used',
      ['totp'],
      async (host) => {
        const { backupCodes } = await host.enrol('ada');
        for (const code of backupCodes) await signInWhole(host, 'ada', code);
      },
    ],
    [
      'both where all backup codes are used and support has given a code',
      ['totp', 'backup-code'],
      async (host) => {
        const { backupCodes } = await host.enrol('ada');
        for (const code of backupCodes) await signInWhole(host, 'ada', code);
        await host.secondFactor.service.issueSupportCode('ada', { reason: 'lost phone' });
      },
    ],
    [
      'TOTP codes alone where the code that support gave has expired',
      ['totp'],
      async (host) => {
        const { backupCodes } = await host.enrol('ada');
        for (const code of backupCodes) await signInWhole(host, 'ada', code);
        await host.secondFactor.service.issueSupportCode('ada', { reason: 'lost phone' });
        host.clock.advance(15 * 60_000);
      },
    ],
    [
      'both where the TOTP lane is only delayed: the answer says for how long',
      ['totp', 'backup-code'],
      async (host) => {
        for (const code of wrongCodes(await host.enrol('ada'), 4))
          await faces.API.answer(await host.signIn('ada'), code);
      },
    ],
    [
      'nothing where nothing is left',
      [],
      async (host) => {
        const factor = await host.enrol('ada');
        for (const code of factor.backupCodes) await signInWhole(host, 'ada', code);
        await failOften(host, wrongCodes(factor, 5));
      },
    ],
  ];

  it.each(cases)('offers %s', async (_, factors, prepare) => {
    const host = await createHost({ options: { attempts: { cap: 5 } } });
    await prepare(host);
    const agent = host.agent();
    const login = await logInByJson(agent);
    const paths: Record<string, string> = {
      totp: `${API}/verify/me`,
      'backup-code': `${API}/verify-backup/me`,
    };
    const how = {
      factors,
      challenge: CHALLENGE,
      answers: Object.fromEntries(factors.map((factor) => [factor, paths[factor]])),
    };
    expect([login.status, login.body]).toEqual([
      401,
      { title: 'A second factor is required.', status: 401, code: 'second-factor-required', ...how },
    ]);
    expect((await agent.get(`${API}/session`)).body).toMatchObject({ state: 'pending', ...how });
    expect((await agent.get(`${API}/status/me`)).body).toMatchObject(how);
  });

  it('names no call of an API that is not mounted', async () => {
    const host = await createHost({ hasApi: false });
    await host.enrol('ada');
    const { body } = await logInByJson(host.agent());
    expect(body).toEqual({
      title: 'A second factor is required.',
      status: 401,
      code: 'second-factor-required',
      factors: ['totp', 'backup-code'],
      challenge: CHALLENGE,
    });
  });

  it('is completed by what it names, and then goes where it was going', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = host.agent();
    const { answers } = (await logInByJson(agent)).body;
    const done = await agent
      .post(answers.totp)
      .set('Sec-Fetch-Site', 'same-origin')
      .send({ code: factor.code() });
    expect([done.status, done.body.return_to]).toEqual([200, '/account']);
    expect(await whoIs(agent)).toBe('ada');
  });

  it('of somebody without a second factor is complete', async () => {
    const host = await createHost();
    const agent = host.agent();
    expect((await logInByJson(agent, 'bob')).status).toBe(302);
    expect((await agent.get(`${API}/session`)).body).toMatchObject({ state: 'complete', user_id: 'bob' });
  });
});

/** Logs whomever the header `X-As` names in on every request, as remember-me strategies do. */
const withRememberMe: HostParts = {
  first(app, host, sessions) {
    const remember: RequestHandler = (request, _response, next) => {
      const userId = request.get('X-As');
      if (userId === undefined || request.isAuthenticated()) next();
      else request.logIn(userOf(host, userId), next);
    };
    app.use(sessions, host.passport.session() as RequestHandler, remember);
  },
};

describe('a strategy that logs in on every request', () => {
  it('leaves the API’s own calls alone while the login is pending', async () => {
    const host = await createHost(withRememberMe);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await agent.get('/account').set('X-As', 'ada');
    const session = await agent.get(`${API}/session`).set('X-As', 'ada');
    expect([session.status, session.body.state]).toEqual([200, 'pending']);
    const pending = (): unknown[] =>
      (readTables(host)['two_factor_pending'] as { purpose: string }[]).filter(
        ({ purpose }) => purpose === 'login',
      );
    expect(pending()).toHaveLength(1);

    const wrong = await call(agent, '/verify/me', { code: wrongCodes(factor, 1)[0] }).set('X-As', 'ada');
    expect([wrong.status, wrong.body.attempts_left]).toEqual([422, 4]);
    const again = await call(agent, '/verify-backup/ada', { code: GUESSED_BACKUP_CODE }).set('X-As', 'ada');
    expect([again.status, again.body.attempts_left]).toEqual([422, 3]);
    expect(pending()).toHaveLength(1);
    const right = await call(agent, '/verify/ADA', { code: factor.code() }).set('X-As', 'ada');
    expect([right.status, await whoIs(agent)]).toEqual([404, 'nobody']);
    expect((await call(agent, '/VERIFY/ada', { code: factor.code() }).set('X-As', 'ada')).status).toBe(200);
    expect(await whoIs(agent)).toBe('ada');
  });

  it('lets itself be cancelled', async () => {
    const host = await createHost(withRememberMe);
    await host.enrol('ada');
    const agent = host.agent();
    await agent.get('/account').set('X-As', 'ada');
    expect((await call(agent, '/cancel/me', {}).set('X-As', 'ada')).status).toBe(200);
    expect((await agent.get(`${API}/session`)).body).toEqual({ state: 'anonymous' });
  });

  it.each(['a b', 'a/b', 'ü@b.example', '100%', 'a?b#c', 'ME'])(
    'leaves the calls of a user alone whose id is %j',
    async (userId) => {
      const host = await createHost(withRememberMe);
      host.users.set(userId, { id: userId, password: 'any' });
      const factor = await host.enrol(userId);
      const agent = host.agent();
      // Headers are Latin-1: the login itself is by password, and then again on each request.
      const as = host.users.get(userId)!;
      host.users.set('x', as);
      await agent.get('/account').set('X-As', 'x');
      const path = `/verify/${encodeURIComponent(userId)}`;
      const right = await call(agent, path, { code: factor.code() }).set('X-As', 'x');
      expect([right.status, right.body.user_id]).toEqual([200, userId]);
    },
  );

  it('lets nobody in anywhere else, and every other call is answered as a held login', async () => {
    const host = await createHost(withRememberMe);
    await host.enrol('ada');
    await host.enrol('eve');
    const agent = host.agent();
    await agent.get('/account').set('X-As', 'ada');
    const elsewhere = [
      '/whoami',
      '/account',
      `${API}/status/me`,
      `${API}/setup/me`,
      `${API}/backup-codes/me`,
    ];
    for (const path of [...elsewhere, `${API}/verify/eve`, `${API}/openapi.json`, `${API}/nothing`]) {
      const { status, body } = await agent.get(path).set({ 'X-As': 'ada', Accept: 'application/json' });
      expect([path, status, body.code]).toEqual([path, 401, 'second-factor-required']);
    }
    for (const path of ['/disable/me', '/enable/me', '/verify-password/me', '/remove/me', '/verify/eve']) {
      const { status, body } = await call(agent, path, { code: '000000' }).set('X-As', 'ada');
      expect([path, status, body.code]).toEqual([path, 401, 'second-factor-required']);
    }
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('does not turn the pending login of one into that of another on the API’s own paths', async () => {
    const host = await createHost(withRememberMe);
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const agent = host.agent();
    await sendPassword(agent, 'ada');
    // Whoever is logged in anew owes their own code, and gets no other's.
    const sent = await call(agent, '/verify/me', { code: ada.code() }).set('X-As', 'eve');
    expect(sent.status).not.toBe(200);
    expect(await whoIs(agent)).toBe('nobody');
    const own = await call(agent, '/verify/me', { code: eve.code() });
    expect([own.status, own.body.user_id]).toEqual([200, 'eve']);
  });
});
