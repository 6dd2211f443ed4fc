import type { RequestHandler } from 'express';
import type { Test } from 'supertest';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  API,
  type Agent,
  answer,
  bindStamp,
  createHost,
  type HostParts,
  readSession,
  readSessions,
  sendPassword,
  sessionId,
  signInWhole,
  userIdOf,
  userOf,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const MINUTE = 60_000;
const CHALLENGE = '/two-factor/challenge';

/** Logs in whomever the header `X-As` names, on every path, as remember-me strategies do. */
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

function readPendingOf(session: Record<string, unknown> | undefined): unknown {
  return (session?.['secondFactor'] as { pending?: unknown } | undefined)?.pending;
}

describe('a held login is answered to a program', () => {
  const byJson = (agent: Agent): Test =>
    agent.post('/login').send({ username: 'ada', password: 'ada-password' });

  it.each<[string, (agent: Agent) => Test]>([
    ['that sends JSON', byJson],
    ['that accepts JSON', (agent) => sendPassword(agent, 'ada').set('Accept', 'application/json')],
    [
      'that prefers JSON',
      (agent) => sendPassword(agent, 'ada').set('Accept', 'text/html;q=0.5, application/json'),
    ],
    ['that runs fetch()', (agent) => sendPassword(agent, 'ada').set('Sec-Fetch-Dest', 'empty')],
  ])('%s: 401, the reason and the place of the challenge', async (_kind, send) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = host.agent();
    const login = await send(agent);
    expect([login.status, login.type, login.headers['location']]).toEqual([
      401,
      'application/problem+json',
      undefined,
    ]);
    expect(login.headers['cache-control']).toBe('no-store');
    expect(login.body).toEqual({
      title: 'A second factor is required.',
      status: 401,
      code: 'second-factor-required',
      factors: ['totp', 'backup-code'],
      challenge: CHALLENGE,
      answers: { totp: `${API}/verify/me`, 'backup-code': `${API}/verify-backup/me` },
    });
    expect(await whoIs(agent)).toBe('nobody');
    await answer(agent, factor.code());
    expect(await whoIs(agent)).toBe('ada');
  });

  it.each<[string, (agent: Agent) => Test]>([
    ['navigates', (agent) => sendPassword(agent, 'ada').set('Sec-Fetch-Dest', 'document')],
    [
      'prefers HTML',
      (agent) => sendPassword(agent, 'ada').set('Accept', 'text/html,application/json;q=0.9,*/*;q=0.8'),
    ],
    ['says nothing', (agent) => sendPassword(agent, 'ada')],
  ])('but a browser that %s is sent to the challenge', async (_kind, send) => {
    const host = await createHost();
    await host.enrol('ada');
    const login = await send(host.agent());
    expect([login.status, login.headers['location']]).toEqual([303, CHALLENGE]);
  });
});

describe('a held login whose headers are sent already', () => {
  it('never throws, calls nothing back and logs nobody in', async () => {
    const [done, rejected] = [vi.fn(), vi.fn()];
    process.on('unhandledRejection', rejected);
    onTestFinished(() => void process.off('unhandledRejection', rejected));
    const host = await createHost({
      routes(app, created) {
        app.get('/redirects-itself', (request, response) => {
          request.logIn(userOf(created, 'ada'), done);
          response.redirect('/welcome');
        });
        app.get('/streams', (request, response) => {
          response.write('first ');
          request.logIn(userOf(created, 'ada'), done);
          setTimeout(() => response.end('last'), 50);
        });
      },
    });
    await host.enrol('ada');
    const agent = await host.signIn('bob');
    const redirect = await agent.get('/redirects-itself');
    expect([redirect.status, redirect.headers['location']]).toEqual([302, '/welcome']);
    expect(await whoIs(agent)).not.toBe('ada');

    const other = host.agent();
    expect((await other.get('/streams')).text).toBe('first last');
    expect(await whoIs(other)).toBe('nobody');
    expect((await readSessions(host)).filter((session) => session.includes('"pending"'))).toHaveLength(2);
    expect(done).not.toHaveBeenCalled();
    expect(rejected).not.toHaveBeenCalled();
  });
});

describe('R4 a login of the user whose login is pending already', () => {
  it('buys no further guesses', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const pending = readPendingOf(await readSession(host, agent));
    const codes = wrongCodes(factor, 5);
    for (const code of codes.slice(0, 3)) expect((await answer(agent, code)).status).toBe(422);
    await sendPassword(agent, 'ada');
    expect(readPendingOf(await readSession(host, agent))).toEqual(pending);
    expect((await answer(agent, codes[3]!)).text).toContain('once more');
    expect((await answer(agent, codes[4]!)).status).toBe(429);

    expect((await sendPassword(agent, 'ada')).headers['location']).toBe(CHALLENGE);
    expect(readPendingOf(await readSession(host, agent))).not.toEqual(pending);
  });

  it('does not move the deadline', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    host.clock.advance(6 * MINUTE);
    await sendPassword(agent, 'ada');
    host.clock.advance(4 * MINUTE);
    await expect(answer(agent, factor.code())).rejects.toThrow('has no form');
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('by a remember-me cookie on every request ends neither in a loop nor in a new budget', async () => {
    const host = await createHost(withRememberMe);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    agent.set('X-As', 'ada');
    const page = await agent.get('/account');
    expect([page.status, page.headers['location']]).toEqual([303, CHALLENGE]);
    const pending = readPendingOf(await readSession(host, agent));
    for (const code of wrongCodes(factor, 4)) expect((await answer(agent, code)).status).toBe(422);
    expect(readPendingOf(await readSession(host, agent))).toEqual(pending);
    expect((await agent.get('/two-factor/style.css')).status).toBe(200);

    expect((await answer(agent, factor.code())).status).toBe(303);
    expect(await whoIs(agent)).toBe('ada');
  });

  it('by a remember-me cookie on our own page is held there and opens the challenge as nobody', async () => {
    const host = await createHost(withRememberMe);
    await host.enrol('ada');
    const agent = host.agent();
    agent.set('X-As', 'ada');
    expect((await agent.get(CHALLENGE)).status).toBe(200);
    expect((await agent.get('/two-factor/setup')).headers['location']).toBe(CHALLENGE);
  });
});

describe('a login inside a complete session', () => {
  const parts: HostParts = {
    routes(app) {
      app.post('/profile', (request, response, next) => {
        request.logIn(request.user!, (error: unknown) => {
          if (error) next(error);
          else response.send('saved');
        });
      });
    },
  };

  it('of the same user renews the id and keeps the stamp, without asking for a code', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const [id, session] = [sessionId(agent), await readSession(host, agent)];
    host.clock.advance(MINUTE);
    expect((await agent.post('/profile')).text).toBe('saved');
    expect(sessionId(agent)).not.toBe(id);
    const { stamp } = session?.['secondFactor'] as { stamp: object };
    expect((await readSession(host, agent))?.['secondFactor']).toEqual({ stamp: bindStamp(agent, stamp) });
    expect(await whoIs(agent)).toBe('ada');
  });

  it('R1 of another user is held like any other', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const evesFactor = await host.enrol('eve');
    const agent = await signInWhole(host, 'eve', evesFactor.code());
    expect((await sendPassword(agent, 'ada')).headers['location']).toBe(CHALLENGE);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await answer(agent, evesFactor.code(1))).status).toBe(422);
    await answer(agent, factor.code());
    expect(await whoIs(agent)).toBe('ada');
  });

  it('R2 of another user leaves nobody logged in for the rest of the request either', async () => {
    const host = await createHost({
      first(app, created, sessions) {
        app.use(sessions, created.passport.session() as RequestHandler);
        app.get(CHALLENGE, (request, response, next) => {
          if (request.get('X-As') === undefined) next();
          else
            request.logIn(userOf(created, 'ada'), (error: unknown) => {
              if (error) next(error);
              else response.json({ user: userIdOf(request), isAuthenticated: request.isAuthenticated() });
            });
        });
      },
    });
    await host.enrol('ada');
    const agent = await host.signIn('bob');
    expect((await agent.get(CHALLENGE).set('X-As', 'ada')).body).toEqual({
      user: 'nobody',
      isAuthenticated: false,
    });
    expect(await whoIs(agent)).toBe('nobody');
  });

  it.each(['respond', 'error'] as const)(
    'R2 of another user does not call back without an error on a path that only looks like one of ours (held: %s)',
    async (held) => {
      const host = await createHost({
        options: { login: { held } },
        routes(app, { passport }) {
          app.post(['/:tenant/login', '/two-factor/challenge/:any'], (request, response, next) => {
            const settle = (error: unknown, user: Express.User | false): void => {
              if (error || !user) next(error ?? new Error('wrong password'));
              else
                request.logIn(user, (fault: unknown) => {
                  if (fault) next(fault);
                  else response.json({ token: 'for anybody' });
                });
            };
            (passport.authenticate('local', settle) as RequestHandler)(request, response, next);
          });
        },
      });
      await host.enrol('ada');
      for (const path of [
        '/acme/login',
        '/two-factor/login',
        '/two-factor/challenge/x',
        '/TWO-FACTOR/login',
      ]) {
        const login = await sendPassword(host.agent(), 'ada', path);
        expect(login.text, path).not.toContain('token');
        expect([303, 401], path).toContain(login.status);
      }
      expect((await sendPassword(host.agent(), 'bob', '/two-factor/login')).body).toEqual({
        token: 'for anybody',
      });
    },
  );

  it('R7 of the same user, whose stamp has been revoked in the meantime, is held', async () => {
    const host = await createHost({
      ...parts,
      routes(app, created) {
        parts.routes?.(app, created);
        app.post('/revoked-profile', (request, response, next) => {
          created.secondFactor.passwordChanged(userIdOf(request)).then(() => {
            request.logIn(request.user!, next);
          }, next);
        });
      },
    });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    expect((await agent.post('/revoked-profile')).headers['location']).toBe(CHALLENGE);
    expect(await whoIs(agent)).toBe('nobody');
  });
});
