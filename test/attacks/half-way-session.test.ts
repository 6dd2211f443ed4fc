import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { SecondFactorError } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
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
  submitAtOnce,
  userIdOf,
  whoIs,
  readFormToken,
} from '../helpers/host.js';

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

describe('R1 R2 somebody who knows only the password', () => {
  it('is nobody, and every page sends them to the challenge or the login', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const agent = await host.signIn('ada');

    expect(await whoIs(agent)).toBe('nobody');
    expect((await agent.get('/account')).headers['location']).toBe('/login');
    for (const path of ['', '/setup', '/backup-codes', '/disable']) {
      const response = await agent.get(`/two-factor${path}`);
      expect([response.status, response.headers['location']]).toEqual([303, '/two-factor/challenge']);
    }
    const challenge = await agent.get('/two-factor/challenge');
    expect(challenge.status).toBe(200);
    expect(challenge.text).not.toContain('ada');
  });

  it('is sent to the challenge by the login and lands where it was going once the code is right', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await startLogin(host, 'ada');

    const done = await answer(agent, factor.code());
    expect([done.status, done.headers['location']]).toEqual([303, '/account']);
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

  it('R2 cannot move the deadline by hand, because storage holds it too', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const session = (await readSession(host, agent)) as { secondFactor: { pending: { expiresAt: number } } };
    session.secondFactor.pending.expiresAt += 60 * MINUTE;
    await host.redis.set(host.prefix + sessionId(agent), JSON.stringify(session));
    host.clock.advance(10 * MINUTE);
    expect((await answer(agent, factor.code())).status).toBe(401);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('R2 cannot answer the pending login of somebody else with a code of their own', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const evesFactor = await host.enrol('eve');
    const agent = await host.signIn('ada');
    expect((await answer(agent, evesFactor.code())).status).toBe(422);
    expect((await answer(agent, evesFactor.backupCodes[0]!)).status).toBe(422);
    expect(await whoIs(agent)).toBe('nobody');
  });
});

it('R1 a sub-router with its own passport.session() does not let a pending login in', async () => {
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
  await answer(agent, factor.code());
  expect((await agent.get('/sub/who')).text).toBe('ada');
});

it('R1 a second Passport instance that is protected by a name holds its logins too', async () => {
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
  await answer(agent, factor.code());
  expect((await agent.get('/admin/who')).text).toBe('ada');
});

it('R2 the answers of two people at the same instant do not change places', async () => {
  const host = await createHost({ wrapStorage: slowly });
  const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
  const agents = [await host.signIn('ada'), await host.signIn('eve')] as const;
  const path = '/two-factor/challenge';
  const responses = await submitAtOnce([
    { agent: agents[0], path, fields: { code: ada.code() } },
    { agent: agents[1], path, fields: { code: eve.code() } },
  ]);
  expect(responses.map((response) => response.headers['location'])).toEqual(['/account', '/account']);
  expect([await whoIs(agents[0]), await whoIs(agents[1])]).toEqual(['ada', 'eve']);
});

it('R2 a wrong answer is not judged by the right answer of somebody else at the same instant', async () => {
  const host = await createHost({ wrapStorage: slowly });
  const [ada] = [await host.enrol('ada'), await host.enrol('eve')];
  const agents = [await host.signIn('ada'), await host.signIn('eve')] as const;
  const path = '/two-factor/challenge';
  const [right, wrong] = await submitAtOnce([
    { agent: agents[0], path, fields: { code: ada.code() } },
    { agent: agents[1], path, fields: { code: '000000' } },
  ]);
  expect([right?.status, wrong?.status]).toEqual([303, 422]);
  expect([await whoIs(agents[0]), await whoIs(agents[1])]).toEqual(['ada', 'nobody']);
});

it('R2 a copied cookie of a pending login is worth nothing once the owner has completed it', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  const thief = copyAgent(host, agent);
  await answer(agent, factor.code());
  expect([await whoIs(agent), await whoIs(thief)]).toEqual(['ada', 'nobody']);
});
