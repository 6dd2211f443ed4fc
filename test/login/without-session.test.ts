import type { RequestHandler } from 'express';
import { BasicStrategy } from 'passport-http';
import { Strategy as BearerStrategy } from 'passport-http-bearer';
import type { LoginOptions } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  type Host,
  sendPassword,
  type TestUser,
  userIdOf,
  userOf,
  whoIs,
} from '../helpers/host.js';

/** An application with an API for HTTP Basic and for Bearer tokens (the token is the user's name). */
function createApiHost(login: LoginOptions = {}, enabled = true): Promise<Host> {
  return createHost({
    options: { login, enabled },
    routes(app, host) {
      const { passport, secondFactor, users } = host;
      const find = (name: string): Express.User | false => (users.has(name) ? userOf(host, name) : false);
      passport.use(
        new BasicStrategy((name, password, done) => {
          done(null, users.get(name)?.password === password ? find(name) : false);
        }),
      );
      passport.use(
        new BearerStrategy((token, done) => {
          done(null, find(token));
        }),
      );
      const sendUser: RequestHandler = (request, response) => {
        response.json({ user: userIdOf(request), isAuthenticated: request.isAuthenticated() });
      };
      for (const kind of ['basic', 'bearer']) {
        const check = passport.authenticate(kind, { session: false }) as RequestHandler;
        app.get(`/api/${kind}`, check, sendUser);
        app.get(`/api/open/${kind}`, secondFactor.allowSessionless(), check, sendUser);
      }
      app.post('/token', (request, response, next) => {
        const issue = (error: unknown, user: TestUser | false): void => {
          if (error || !user) {
            next(error ?? new Error('wrong password'));
            return;
          }
          secondFactor.hold(request, response, user as unknown as Express.User).then((isHeld) => {
            if (!isHeld) response.json({ token: user.id });
          }, next);
        };
        (passport.authenticate('local', { session: false }, issue) as RequestHandler)(
          request,
          response,
          next,
        );
      });
      app.use('/api', secondFactor.errors());
    },
  });
}

type Send = (agent: Agent, path: string, userId: string) => ReturnType<Agent['get']>;

const kinds: [string, Send][] = [
  ['basic', (agent, path, userId) => agent.get(path).auth(userId, `${userId}-password`)],
  ['bearer', (agent, path, userId) => agent.get(path).set('Authorization', `Bearer ${userId}`)],
];

describe.each(kinds)('an API with session: false (%s)', (kind, send) => {
  it('R2 refuses whoever has a second factor and serves the others', async () => {
    const host = await createApiHost();
    await host.enrol('ada');
    const refused = await send(host.agent(), `/api/${kind}`, 'ada').set('Accept', 'application/json');
    expect([refused.status, refused.type]).toEqual([401, 'application/problem+json']);
    expect(refused.body).toMatchObject({ code: 'second-factor-required' });
    expect(refused.headers['set-cookie']).toBeUndefined();
    expect((await send(host.agent(), `/api/${kind}`, 'ada')).status).toBe(401);
    expect((await send(host.agent(), `/api/${kind}`, 'bob')).body).toEqual({
      user: 'bob',
      isAuthenticated: true,
    });
  });

  it('R2 refuses the owner of a pending and of a complete session alike', async () => {
    const host = await createApiHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await send(agent, `/api/${kind}`, 'ada')).status).toBe(401);
    await answer(agent, factor.code());
    expect((await send(agent, `/api/${kind}`, 'ada')).status).toBe(401);
    expect(await whoIs(agent)).toBe('ada');
  });

  it('serves them on a route that says allowSessionless(), and on no other', async () => {
    const host = await createApiHost();
    await host.enrol('ada');
    expect((await send(host.agent(), `/api/open/${kind}`, 'ada')).body).toEqual({
      user: 'ada',
      isAuthenticated: true,
    });
    expect((await send(host.agent(), `/api/${kind}`, 'ada')).status).toBe(401);
  });

  it('R1 logs nobody in by it: without the header the same agent is nobody, also on our pages', async () => {
    const host = await createApiHost({ sessionless: 'allow' });
    await host.enrol('ada');
    const agent = host.agent();
    expect((await send(agent, `/api/${kind}`, 'ada')).status).toBe(200);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await send(agent, '/two-factor', 'ada')).headers['location']).toBe('/login');
  });

  it('sessionless: allow serves everybody', async () => {
    const host = await createApiHost({ sessionless: 'allow' });
    await host.enrol('ada');
    expect((await send(host.agent(), `/api/${kind}`, 'ada')).status).toBe(200);
  });

  it('sessionless: a function decides, and anything but true refuses', async () => {
    const asked: [string, object][] = [];
    let verdict: unknown = true;
    const host = await createApiHost({
      sessionless(request, user, options) {
        asked.push([`${(user as unknown as TestUser).id} at ${request.path}`, options]);
        return verdict as boolean;
      },
    });
    await host.enrol('ada');
    const status = async (userId: string): Promise<number> =>
      (await send(host.agent(), `/api/${kind}`, userId)).status;
    expect(await status('ada')).toBe(200);
    expect(asked).toEqual([[`ada at /api/${kind}`, expect.objectContaining({ session: false })]]);
    for (verdict of [false, undefined, 'yes', 1, Promise.resolve(false)])
      expect(await status('ada')).toBe(401);
    verdict = Promise.resolve(true);
    expect(await status('ada')).toBe(200);
    expect(await status('bob')).toBe(200);
    expect(asked.every(([who]) => who.startsWith('ada'))).toBe(true);
  });

  it('refuses whomever login.condition refuses', async () => {
    const host = await createApiHost({ condition: () => 'refuse', sessionless: 'allow' });
    expect((await send(host.agent(), `/api/${kind}`, 'bob')).status).toBe(403);
    expect((await send(host.agent(), `/api/open/${kind}`, 'bob')).status).toBe(403);
  });

  it('serves everybody while the second step is switched off', async () => {
    const host = await createApiHost({}, false);
    await host.enrol('ada');
    expect((await send(host.agent(), `/api/${kind}`, 'ada')).status).toBe(200);
  });
});

describe('hold(), for a route that issues tokens of its own', () => {
  it('R2 issues none to whoever owes the second step, and one after it', async () => {
    const host = await createApiHost();
    const factor = await host.enrol('ada');
    const agent = host.agent();
    const held = await sendPassword(agent, 'ada', '/token');
    expect([held.status, held.headers['location']]).toEqual([303, '/two-factor/challenge']);
    expect(await whoIs(agent)).toBe('nobody');
    await answer(agent, factor.code());
    expect(await whoIs(agent)).toBe('ada');
    expect((await sendPassword(agent, 'ada', '/token')).body).toEqual({ token: 'ada' });
  });

  it('tells a program so', async () => {
    const host = await createApiHost();
    await host.enrol('ada');
    const held = await host.agent().post('/token').send({ username: 'ada', password: 'ada-password' });
    expect([held.status, held.body]).toMatchObject([401, { code: 'second-factor-required' }]);
  });

  it('changes nothing for the others', async () => {
    const host = await createApiHost();
    const agent = await host.signIn('eve');
    expect((await sendPassword(agent, 'bob', '/token')).body).toEqual({ token: 'bob' });
    expect(await whoIs(agent)).toBe('eve');
    const visitor = host.agent();
    const issued = await sendPassword(visitor, 'bob', '/token');
    expect([issued.body, issued.headers['set-cookie']]).toEqual([{ token: 'bob' }, undefined]);
  });

  it('R4 buys no further guesses where the login is pending already', async () => {
    const host = await createApiHost();
    await host.enrol('ada');
    const agent = host.agent();
    await sendPassword(agent, 'ada', '/token');
    for (let tries = 4; tries > 0; tries--) {
      expect((await answer(agent, '000000')).status).toBe(422);
      await sendPassword(agent, 'ada', '/token');
    }
    expect((await answer(agent, '000000')).status).toBe(429);
  });

  it('R2 leaves nobody logged in for the rest of the request either', async () => {
    const seen: unknown[] = [];
    const host = await createHost({
      routes(app, created) {
        app.post('/hold', (request, response, next) => {
          created.secondFactor.hold(request, response, userOf(created, 'ada')).then((isHeld) => {
            seen.push(isHeld, request.user, request.isAuthenticated());
          }, next);
        });
      },
    });
    await host.enrol('ada');
    await (await host.signIn('bob')).post('/hold');
    expect(seen).toEqual([true, null, false]);
  });

  it('R2 ends the session of whoever was logged in before', async () => {
    const host = await createApiHost();
    await host.enrol('ada');
    const agent = await host.signIn('bob');
    await sendPassword(agent, 'ada', '/token');
    expect(await whoIs(agent)).toBe('nobody');
  });
});
