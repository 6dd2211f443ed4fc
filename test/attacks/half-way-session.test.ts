import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { SecondFactorError } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import { atOnce, eachFace } from '../helpers/faces.js';
import {
  API,
  type Agent,
  answer,
  copyAgent,
  createHost,
  createPassport,
  type Host,
  readSession,
  readTables,
  sendPassword,
  sessionId,
  slowly,
  submit,
  userIdOf,
  whoIs,
  readFormToken,
} from '../helpers/host.js';
import { readDescription } from '../helpers/openapi.js';

const MINUTE = 60_000;

/** A form of this session, sent by hand to any path. */
async function post(agent: Agent, path: string, fields: Record<string, string> = {}) {
  return submit(agent, path, fields, '/two-factor/challenge');
}

async function startLogin(host: Host, userId: string): Promise<Agent> {
  const agent = host.agent();
  const login = await sendPassword(agent, userId);
  expect([login.status, login.headers['location']]).toEqual([303, '/two-factor/challenge']);
  return agent;
}

/** Every call of the API that a pending login must not make, with what would be right in a complete one. */
function closedCalls(code: string): [method: 'get' | 'post', path: string, body?: object][] {
  return [
    ['get', '/status/me'],
    ['get', '/activity/me'],
    ['get', '/setup/me'],
    ['get', '/backup-codes/me'],
    ['post', '/verify-password/me', { password: 'ada-password' }],
    ['post', '/enable/me', { code }],
    ['post', '/backup-codes/me', { saved: true }],
    ['post', '/disable/me', { code }],
    ['post', '/rename/me', { authenticator_id: 'any', name: 'Mine' }],
    ['post', '/remove/me', { authenticator_id: 'any' }],
    ['post', '/sign-out-elsewhere/me', {}],
    ['get', '/trusted-browsers/me'],
    ['post', '/revoke-trusted-browser/me', { browser_id: 'any' }],
    ['post', '/revoke-trusted-browsers/me', {}],
  ];
}

describe('R1 R2 somebody who knows only the password', () => {
  it('is nobody, and every page sends them to the challenge or the login', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const agent = await host.signIn('ada');

    expect(await whoIs(agent)).toBe('nobody');
    expect((await agent.get('/account')).headers['location']).toBe('/login');
    for (const path of ['', '/setup', '/backup-codes', '/disable', '/browsers']) {
      const response = await agent.get(`/two-factor${path}`);
      expect([response.status, response.headers['location']]).toEqual([303, '/two-factor/challenge']);
    }
    const challenge = await agent.get('/two-factor/challenge');
    expect(challenge.status).toBe(200);
    expect(challenge.text).not.toContain('ada');
  });

  it('is told by every call of the API only how to answer, and the code is not used up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const before = readTables(host);
    for (const [method, path, body] of closedCalls(factor.code())) {
      for (const address of [path, path.replace(/me$/, 'ada')]) {
        const sent = agent[method](API + address).set('Sec-Fetch-Site', 'same-origin');
        const response = await (body ? sent.send(body) : sent);
        expect([address, response.status, response.body]).toEqual([
          address,
          401,
          {
            title: 'A second factor is required.',
            status: 401,
            code: 'second-factor-required',
            factors: ['totp', 'backup-code'],
            challenge: '/two-factor/challenge',
            answers: { totp: `${API}/verify/me`, 'backup-code': `${API}/verify-backup/me` },
          },
        ]);
      }
    }
    expect(readTables(host)).toEqual(before);
    const { body } = await agent.get(`${API}/session`);
    expect(Object.keys(body).sort()).toEqual(['answers', 'challenge', 'expires_at', 'factors', 'state']);
    expect(JSON.stringify(body)).not.toContain('ada');
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it('leaves no call of the API out above: these are all but the four that a pending login may make', async () => {
    const { paths } = await readDescription();
    const open = ['/session', '/openapi.json', '/verify/me', '/verify-backup/me', '/cancel/me'];
    const all = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path.replace('{user_id}', 'me')}`),
    );
    const closed = closedCalls('').map(([method, path]) => `${method} ${path}`);
    expect(all.filter((name) => !open.includes(name.split(' ')[1]!)).sort()).toEqual(closed.sort());
  });

  it('is sent to the challenge by the login and lands where it was going once the code is right', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await startLogin(host, 'ada');

    const done = await answer(agent, factor.code());
    expect([done.status, done.headers['location']]).toEqual([303, '/account']);
    expect(await whoIs(agent)).toBe('ada');
  });

  it('is told by the API where the login was going once the code is right', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await startLogin(host, 'ada');
    const done = await agent
      .post(`${API}/verify/me`)
      .set('Sec-Fetch-Site', 'same-origin')
      .send({ code: factor.code() });
    const at = new Date(host.clock()).toISOString();
    expect([done.status, done.body]).toEqual([
      200,
      { user_id: 'ada', proofs: { pwd: at, totp: at }, return_to: '/account', trusted: false },
    ]);
    expect(await whoIs(agent)).toBe('ada');
  });

  it('R2 changes nothing with any form, not even with a right code, and the code is not used up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const before = readTables(host);
    for (const path of ['/setup', '/backup-codes', '/backup-codes/saved', '/disable']) {
      const response = await post(agent, `/two-factor${path}`, { code: factor.code() });
      expect([path, response.status, response.headers['location']]).toEqual([
        path,
        303,
        '/two-factor/challenge',
      ]);
    }
    expect(readTables(host)).toEqual(before);
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it.each(['get', 'post'] as const)(
    'R2 is nobody in a %s route of the host, whatever it looks at',
    async (verb) => {
      const host = await createHost({
        routes(app) {
          app.all('/transfer', (request, response) => {
            response.json([userIdOf(request), request.isAuthenticated(), request.isUnauthenticated()]);
          });
        },
      });
      await host.enrol('ada');
      const agent = await host.signIn('ada');
      expect((await agent[verb]('/transfer')).body).toEqual(['nobody', false, true]);
      expect(await readSession(host, agent)).not.toHaveProperty('passport');
    },
  );

  it('R2 gets no token from a route without sessions, which serves everybody else', async () => {
    const refuse: ErrorRequestHandler = (error, _request, response, next) => {
      if (error instanceof SecondFactorError) response.status(error.status).json({ code: error.code });
      else next(error);
    };
    const host = await createHost({
      routes(app, { passport }) {
        const login = passport.authenticate('local', { session: false }) as RequestHandler;
        app.post('/token', login, (request, response) => {
          response.json({ tokenOf: userIdOf(request) });
        });
        app.use(refuse);
      },
    });
    await host.enrol('ada');
    const refused = await sendPassword(host.agent(), 'ada', '/token');
    expect([refused.status, refused.body]).toEqual([401, { code: 'second-factor-required' }]);
    const served = await sendPassword(host.agent(), 'bob', '/token');
    expect([served.status, served.body]).toEqual([200, { tokenOf: 'bob' }]);
    expect(served.headers['set-cookie']).toBeUndefined();
  });

  it('R2 R5 is too late after 10 minutes, and the next login still goes where this one was going', async () => {
    const host = await createHost({
      routes(app) {
        app.get('/orders/:id', (request, response) => {
          request.session.returnTo = request.originalUrl;
          response.redirect('/login');
        });
      },
    });
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await agent.get('/orders/7?page=2');
    await sendPassword(agent, 'ada');
    const token = readFormToken((await agent.get('/two-factor/challenge')).text);

    host.clock.advance(10 * MINUTE - 1);
    expect((await agent.get('/two-factor/challenge')).status).toBe(200);
    host.clock.advance(1);
    const late = await agent
      .post('/two-factor/challenge')
      .type('form')
      .send({ second_factor_token: token, code: factor.code() });
    expect([late.status, late.headers['location']]).toEqual([401, undefined]);
    expect(await whoIs(agent)).toBe('nobody');

    await sendPassword(agent, 'ada');
    expect((await answer(agent, factor.code())).headers['location']).toBe('/orders/7?page=2');
  });

  it('R2 R5 learns from the page that it is too late, and again the target is kept', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    host.clock.advance(10 * MINUTE);
    const page = await agent.get('/two-factor/challenge');
    expect([page.status, page.text.includes('timed out')]).toEqual([401, true]);
    expect(await readSession(host, agent)).toMatchObject({ returnTo: '/account' });
    await sendPassword(agent, 'ada');
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it.each(eachFace)(
    'R2 cannot move the deadline by hand, because storage holds it too: %s',
    async (_, face) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      const session = (await readSession(host, agent)) as {
        secondFactor: { pending: { expiresAt: number } };
      };
      session.secondFactor.pending.expiresAt += 60 * MINUTE;
      await host.redis.set(host.prefix + sessionId(agent), JSON.stringify(session));
      host.clock.advance(10 * MINUTE);
      expect((await face.answer(agent, factor.code())).kind).toBe('expired');
      expect(await whoIs(agent)).toBe('nobody');
    },
  );

  it.each(eachFace)('R2 R5 is too late after 10 minutes over the %s', async (_, face) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    host.clock.advance(10 * MINUTE - 1);
    expect((await face.answer(agent, '000000')).kind).toBe('wrong');
    const code = factor.code();
    const send = await face.prepare(agent, { does: 'answer', code });
    host.clock.advance(1);
    const late = await send();
    expect([late.status, late.kind]).toEqual([401, 'expired']);
    expect(await whoIs(agent)).toBe('nobody');
    expect(await readSession(host, agent)).toMatchObject({ returnTo: '/account' });
    expect((await face.answer(agent, code)).kind).toBe('login-required');
  });

  it.each(eachFace)(
    'R2 cannot answer the pending login of somebody else with a code of their own: %s',
    async (_, face) => {
      const host = await createHost();
      await host.enrol('ada');
      const evesFactor = await host.enrol('eve');
      const agent = await host.signIn('ada');
      expect((await face.answer(agent, evesFactor.code())).kind).toBe('wrong');
      expect((await face.answer(agent, evesFactor.backupCodes[0]!)).kind).toBe('wrong');
      expect(await whoIs(agent)).toBe('nobody');
    },
  );
});

it.each(eachFace)(
  'R1 a sub-router with its own passport.session() does not let a pending login in: %s',
  async (_, face) => {
    const host = await createHost({
      routes(app, { passport }) {
        const router = express.Router();
        router.use(passport.session() as RequestHandler);
        router.get('/who', (request, response) => {
          response.send(userIdOf(request));
        });
        app.use('/sub', router);
      },
    });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await agent.get('/sub/who')).text).toBe('nobody');
    await face.answer(agent, factor.code());
    expect((await agent.get('/sub/who')).text).toBe('ada');
  },
);

it.each(eachFace)(
  'R1 a second Passport instance that is protected by a name holds its logins too: %s',
  async (_, face) => {
    const host = await createHost({
      routes(app, { secondFactor, users }) {
        const admin = createPassport(users);
        secondFactor.protect(admin, { name: 'admin' });
        const router = express.Router();
        router.use(admin.session() as RequestHandler);
        router.post('/login', admin.authenticate('local', { successRedirect: '/account' }) as RequestHandler);
        router.get('/who', (request, response) => {
          response.send(userIdOf(request));
        });
        app.use('/admin', router);
      },
    });
    const factor = await host.enrol('ada');
    const agent = host.agent();
    expect((await sendPassword(agent, 'ada', '/admin/login')).headers['location']).toBe(
      '/two-factor/challenge',
    );
    expect((await agent.get('/admin/who')).text).toBe('nobody');
    await face.answer(agent, factor.code());
    expect((await agent.get('/admin/who')).text).toBe('ada');
  },
);

it.each(eachFace)(
  'R2 the answers of two people at the same instant do not change places: %s',
  async (_, face) => {
    const host = await createHost({ wrapStorage: slowly });
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const agents = [await host.signIn('ada'), await host.signIn('eve')] as const;
    const outcomes = await atOnce([
      [face, agents[0], { does: 'answer', code: ada.code() }],
      [face, agents[1], { does: 'answer', code: eve.code() }],
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
    if (face.name === 'API')
      expect(outcomes.map(({ response }) => response.body.user_id)).toEqual(['ada', 'eve']);
    else
      expect(outcomes.map(({ response }) => response.headers['location'])).toEqual(['/account', '/account']);
    expect([await whoIs(agents[0]), await whoIs(agents[1])]).toEqual(['ada', 'eve']);
  },
);

it.each(eachFace)(
  'R2 a wrong answer is not judged by the right answer of somebody else at the same instant: %s',
  async (_, face) => {
    const host = await createHost({ wrapStorage: slowly });
    const [ada] = [await host.enrol('ada'), await host.enrol('eve')];
    const agents = [await host.signIn('ada'), await host.signIn('eve')] as const;
    const outcomes = await atOnce([
      [face, agents[0], { does: 'answer', code: ada.code() }],
      [face, agents[1], { does: 'answer', code: '000000' }],
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'wrong']);
    expect([await whoIs(agents[0]), await whoIs(agents[1])]).toEqual(['ada', 'nobody']);
  },
);

it.each(eachFace)(
  'R2 a copied cookie of a pending login is worth nothing once the owner has completed it: %s',
  async (_, face) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const thief = copyAgent(host, agent);
    await face.answer(agent, factor.code());
    expect([await whoIs(agent), await whoIs(thief)]).toEqual(['ada', 'nobody']);
  },
);
