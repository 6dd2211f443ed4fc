import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { SecondFactorRequired } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  answer,
  createHost,
  type Host,
  type HostParts,
  readSession,
  sendPassword,
  userIdOf,
  userOf,
  whoIs,
} from '../helpers/host.js';

const CHALLENGE = '/two-factor/challenge';

/** `req.logIn` in a promise with a `finally`, as people write it. */
function logInWith(connections: { open: number }) {
  return async (request: Request, user: Express.User): Promise<void> => {
    connections.open += 1;
    try {
      await new Promise<void>((resolve, reject) => {
        request.logIn(user, (error?: Error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    } finally {
      connections.open -= 1;
    }
  };
}

/** A login route that keeps a connection for as long as its promise is open. */
function withPromises(connections: { open: number }): NonNullable<HostParts['routes']> {
  const logIn = logInWith(connections);
  return (app, host) => {
    app.post('/promised-login', (request, response, next) => {
      logIn(request, userOf(host, (request.body as { username: string }).username)).then(() => {
        response.redirect('/account');
      }, next);
    });
    app.use(host.secondFactor.errors());
    app.use(((error: Error & { status?: number }, _request, response, next) => {
      if (response.headersSent) next(error);
      else response.status(error.status ?? 500).send(`the host says: ${error.message}`);
    }) satisfies ErrorRequestHandler);
  };
}

describe('held: respond', () => {
  it('never calls back, so a promise around it keeps what its finally would release', async () => {
    const connections = { open: 0 };
    const host = await createHost({ routes: withPromises(connections) });
    await host.enrol('ada');
    for (let login = 0; login < 20; login++) {
      expect((await sendPassword(host.agent(), 'ada', '/promised-login')).headers['location']).toBe(
        CHALLENGE,
      );
    }
    expect(connections.open).toBe(20);
  });
});

describe('held: error', () => {
  const createErrorHost = (connections = { open: 0 }): Promise<Host> =>
    createHost({ options: { login: { held: 'error' } }, routes: withPromises(connections) });

  it('rejects a promise around req.logIn: 20 held logins keep no connection', async () => {
    const connections = { open: 0 };
    const host = await createErrorHost(connections);
    const factor = await host.enrol('ada');
    const agents = Array.from({ length: 20 }, () => host.agent());
    for (const agent of agents) {
      const login = await sendPassword(agent, 'ada', '/promised-login');
      expect([login.status, login.headers['location']]).toEqual([303, CHALLENGE]);
      expect(await whoIs(agent)).toBe('nobody');
    }
    expect(connections.open).toBe(0);
    await answer(agents[7]!, factor.code());
    expect(await whoIs(agents[7]!)).toBe('ada');
  });

  it('goes through Passport’s own authenticate as well, and errors() tells a program where to answer', async () => {
    const host = await createErrorHost();
    await host.enrol('ada');
    const agent = host.agent();
    const login = await agent.post('/login').send({ username: 'ada', password: 'ada-password' });
    expect([login.status, login.type]).toEqual([401, 'application/problem+json']);
    expect(login.body).toMatchObject({ code: 'second-factor-required', challenge: CHALLENGE });
    expect(login.headers['cache-control']).toBe('no-store');
    expect(await whoIs(agent)).toBe('nobody');
    expect((await agent.get(CHALLENGE)).status).toBe(200);
  });

  it('is a SecondFactorRequired to a callback, and a 401 where errors() is not mounted', async () => {
    const errors: unknown[] = [];
    const host = await createHost({
      options: { login: { held: 'error' } },
      routes(app) {
        app.use(((error, _request, _response, next) => {
          errors.push(error);
          next(error);
        }) satisfies ErrorRequestHandler);
      },
    });
    await host.enrol('ada');
    expect((await sendPassword(host.agent(), 'ada')).status).toBe(401);
    expect(errors).toEqual([expect.any(SecondFactorRequired)]);
  });

  it('calls back without an error on our own pages, where a redirect would never end', async () => {
    const host = await createHost({
      options: { login: { held: 'error' } },
      first(app, created, sessions) {
        app.use(sessions, created.passport.session() as RequestHandler, (request, _response, next) => {
          if (request.get('X-As') === undefined) next();
          else request.logIn(userOf(created, 'ada'), next);
        });
      },
    });
    await host.enrol('ada');
    expect((await host.agent().get(CHALLENGE).set('X-As', 'ada')).status).toBe(200);
  });
});

describe('errors()', () => {
  const createRefusingHost = (): Promise<Host> =>
    createHost({ options: { login: { condition: () => 'refuse' } }, routes: withPromises({ open: 0 }) });

  it('tells a program of every refusal, and leaves a person’s to the host', async () => {
    const host = await createRefusingHost();
    const program = await host.agent().post('/login').send({ username: 'bob', password: 'bob-password' });
    expect([program.status, program.type]).toEqual([403, 'application/problem+json']);
    expect(program.body).toEqual({ title: 'This login is not allowed.', status: 403, code: 'login-refused' });
    const silent = await sendPassword(host.agent(), 'bob').set('Accept', '*/*');
    expect([silent.status, silent.type]).toEqual([403, 'application/problem+json']);
    const person = await sendPassword(host.agent(), 'bob').set('Accept', 'text/html,*/*;q=0.8');
    expect([person.status, person.text]).toEqual([403, 'the host says: This login is not allowed.']);
  });

  it('leaves errors of others alone', async () => {
    const host = await createHost({
      routes(app, created) {
        app.get('/broken', () => {
          throw new Error('of the host');
        });
        withPromises({ open: 0 })(app, created);
      },
    });
    const broken = await host.agent().get('/broken').set('Accept', 'application/json');
    expect([broken.status, broken.text]).toEqual([500, 'the host says: of the host']);
  });
});

describe('secondFactor.logIn', () => {
  const parts: HostParts = {
    routes(app, host) {
      app.post('/own-login', (request, response, next) => {
        const user = userOf(host, (request.body as { username: string }).username);
        host.secondFactor.logIn(request, user, { successRedirect: '/orders' }).then((result) => {
          response.json({ result, user: userIdOf(request), isAuthenticated: request.isAuthenticated() });
        }, next);
      });
    },
  };

  it('says whether the login is complete or held, and answers nothing itself', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const [ada, bob] = [host.agent(), host.agent()];
    expect((await sendPassword(bob, 'bob', '/own-login')).body).toEqual({
      result: 'complete',
      user: 'bob',
      isAuthenticated: true,
    });
    expect(await whoIs(bob)).toBe('bob');
    expect((await sendPassword(ada, 'ada', '/own-login')).body).toEqual({
      result: 'held',
      user: 'nobody',
      isAuthenticated: false,
    });
    expect(await whoIs(ada)).toBe('nobody');
    expect(await readSession(host, ada)).toMatchObject({ secondFactor: { pending: { userId: 'ada' } } });
    expect((await answer(ada, factor.code())).headers['location']).toBe('/orders');
  });

  it('rejects where the state is unknown', async () => {
    const host = await createHost({ ...parts, isReady: false });
    expect((await sendPassword(host.agent(), 'bob', '/own-login')).status).toBe(503);
  });
});
