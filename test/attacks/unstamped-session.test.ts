import express, { type RequestHandler } from 'express';
import { BasicStrategy } from 'passport-http';
import { expect, it } from 'vitest';
import {
  type Agent,
  bindStamp,
  createHost,
  createPassport,
  type Host,
  readSession,
  sendPassword,
  signInWhole,
  submit,
  userIdOf,
  userOf,
  whoIs,
  writeSession,
} from '../helpers/host.js';

/** Makes Bob's session, as it stands in Redis, into one that names Ada. */
async function forge(host: Host, agent: Agent, secondFactor: unknown): Promise<void> {
  const session = await readSession(host, agent);
  await writeSession(host, agent, { cookie: session?.['cookie'], passport: { user: 'ada' }, secondFactor });
}

async function readStampOf(host: Host, agent: Agent): Promise<Record<string, unknown>> {
  const session = await readSession(host, agent);
  return (session?.['secondFactor'] as { stamp: Record<string, unknown> }).stamp;
}

it('R1 the whole stamp of a user lets that user in, so that the forgeries below fail for their fault alone', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const stamp = await readStampOf(host, await signInWhole(host, 'ada', factor.code()));
  const agent = await host.signIn('bob');
  await forge(host, agent, { stamp: bindStamp(agent, stamp) });
  expect(await whoIs(agent)).toBe('ada');
});

it('R1 a whole stamp that was copied from another session is nobody’s', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const stamp = await readStampOf(host, await signInWhole(host, 'ada', factor.code()));
  const agent = await host.signIn('bob');
  for (const session of [stamp['session'], undefined, '', true, 7]) {
    await forge(host, agent, { stamp: { ...stamp, session } });
    expect(await whoIs(agent)).toBe('nobody');
  }
});

it('R1 a stamp in a session that names no user is not made whole by a login without a session', async () => {
  const host = await createHost({
    options: { login: { sessionless: 'allow' }, paths: { pages: '/mfa', home: '/account' } },
    first(app, { passport, users, secondFactor }, sessions) {
      passport.use(
        new BasicStrategy((name, password, done) => {
          const user = users.get(name);
          done(null, user?.password === password ? user : false);
        }),
      );
      const basic = passport.authenticate('basic', { session: false }) as RequestHandler;
      app.use(sessions, passport.session() as RequestHandler, (request, response, next) => {
        if (request.get('Authorization') === undefined) next();
        else basic(request, response, next);
      });
      app.use('/mfa', secondFactor.pages());
      app.post('/profile', (request, response, next) => {
        request.logIn(request.user!, (error: unknown) => {
          if (error) next(error);
          else response.send('saved');
        });
      });
      app.post('/old-logout', (request, response) => {
        delete (request.session as { passport?: unknown }).passport;
        response.send('out');
      });
    },
  });
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  await submit(agent, '/mfa/challenge', { code: factor.code() });
  expect(await whoIs(agent)).toBe('ada');
  await agent.post('/old-logout');
  const page = await agent.get('/mfa').auth('ada', 'ada-password');
  await agent.post('/profile').auth('ada', 'ada-password');
  expect([page.status, await whoIs(agent)]).toEqual([303, 'nobody']);
});

it.each<[string, (ada: Record<string, unknown>, bob: Record<string, unknown>) => unknown]>([
  ['no stamp', () => undefined],
  ['null', () => null],
  ['a bare boolean', () => true],
  ['a text', () => 'stamp'],
  ['a flag of other packages', () => ({ passed: true, verified: true })],
  ['a stamp that is only true', () => ({ stamp: true })],
  ['a stamp that is null', () => ({ stamp: null })],
  ['the stamp of another user', (_ada, bob) => ({ stamp: bob })],
  ['a stamp of the epoch before', (ada) => ({ stamp: { ...ada, epoch: 0 } })],
  ['a stamp of an epoch to come', (ada) => ({ stamp: { ...ada, epoch: 2 } })],
  ['a stamp without an epoch', (ada) => ({ stamp: { ...ada, epoch: undefined } })],
  ['an epoch that is a text', (ada) => ({ stamp: { ...ada, epoch: '1' } })],
  ['a user id that is a list', (ada) => ({ stamp: { ...ada, userId: ['ada'] } })],
  ['a user id that is an object', (ada) => ({ stamp: { ...ada, userId: { id: 'ada' } } })],
  ['a stamp without a handle', (ada) => ({ stamp: { ...ada, handle: undefined } })],
  ['a handle that is a number', (ada) => ({ stamp: { ...ada, handle: 7 } })],
  ['a stamp without methods', (ada) => ({ stamp: { ...ada, proofs: undefined } })],
  ['methods that are a text', (ada) => ({ stamp: { ...ada, proofs: 'totp' } })],
  ['a stamp without a time', (ada) => ({ stamp: { ...ada, completedAt: undefined } })],
  ['a pending login that is only true', () => ({ pending: true })],
])(
  'R1 a session that names a user by hand, with %s, is nobody’s and loses the user',
  async (_fault, make) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const ada = await readStampOf(host, await signInWhole(host, 'ada', factor.code()));
    const agent = await host.signIn('bob');
    const made = make(bindStamp(agent, ada), await readStampOf(host, agent));
    await forge(host, agent, made);

    const page = await agent.get('/two-factor');
    expect([page.status, page.headers['location']]).toEqual([303, '/login']);
    expect(await readSession(host, agent)).toEqual({ cookie: expect.anything() as unknown, passport: {} });
    expect(await whoIs(agent)).toBe('nobody');
  },
);

it.each([true, 'pending', { pending: true }, { pending: null }, { pending: { handle: 7 } }, { stamp: 7 }])(
  'R1 %j in an anonymous session is neither a login nor an error',
  async (secondFactor) => {
    const host = await createHost();
    const agent = await host.signIn('bob');
    const session = await readSession(host, agent);
    await writeSession(host, agent, { cookie: session?.['cookie'], secondFactor });
    expect(await whoIs(agent)).toBe('nobody');
    expect((await agent.get('/two-factor/challenge')).headers['location']).toBe('/login');
    expect((await sendPassword(agent, 'bob')).headers['location']).toBe('/account');
  },
);

it('R1 a route that writes passport.user itself logs nobody in, not even for a router in the same request', async () => {
  const host = await createHost({
    routes(app, { passport }) {
      const writeUser: RequestHandler = (request, _response, next) => {
        request.session.passport = { user: 'ada' };
        next();
      };
      app.get('/impersonate', writeUser, passport.session() as RequestHandler, (request, response) => {
        response.send(userIdOf(request));
      });
      app.get('/impersonate-later', writeUser, (_request, response) => {
        response.send('written');
      });
    },
  });
  await host.enrol('ada');
  for (const agent of [host.agent(), await host.signIn('ada'), await host.signIn('bob')]) {
    expect((await agent.get('/impersonate')).text).not.toBe('ada');
    expect((await agent.get('/impersonate-later')).text).toBe('written');
    expect(await whoIs(agent)).toBe('nobody');
  }
});

it('R1 a sub-router with its own passport.session() does not accept an unstamped session', async () => {
  const host = await createHost({
    first(app, { passport }, sessions) {
      const router = express.Router();
      router.use(sessions, passport.session() as RequestHandler);
      router.get('/who', (request, response) => {
        response.send(userIdOf(request));
      });
      app.use('/sub', router);
    },
  });
  const agent = await host.signIn('bob');
  expect((await agent.get('/sub/who')).text).toBe('bob');
  await forge(host, agent, undefined);
  expect((await agent.get('/sub/who')).text).toBe('nobody');
  expect(await whoIs(agent)).toBe('nobody');
});

it('R1 an unprotected Passport behind the protected one finds no user left in an unstamped session', async () => {
  const host = await createHost({
    routes(app, { users }) {
      const unprotected = createPassport(users);
      app.get('/other', unprotected.session() as RequestHandler, (request, response) => {
        response.send(userIdOf(request));
      });
      app.post(
        '/other-login',
        unprotected.authenticate('local', { successRedirect: '/account' }) as RequestHandler,
      );
    },
  });
  const factor = await host.enrol('ada');
  const agent = await host.signIn('bob');
  await forge(host, agent, undefined);
  expect((await agent.get('/other')).text).toBe('nobody');

  const login = await sendPassword(agent, 'ada', '/other-login');
  expect([login.status, login.headers['location']]).toEqual([303, '/two-factor/challenge']);
  expect((await agent.get('/other')).text).toBe('nobody');
  expect(await whoIs(await signInWhole(host, 'ada', factor.code()))).toBe('ada');
});

it('R1 a login route above passport.session() is held', async () => {
  const host = await createHost({
    first(app, { passport }, sessions) {
      const login = passport.authenticate('local', { successRedirect: '/account' }) as RequestHandler;
      app.post('/early', sessions, express.urlencoded({ extended: false }), login);
    },
  });
  await host.enrol('ada');
  const agent = host.agent();
  const login = await sendPassword(agent, 'ada', '/early');
  expect([login.status, login.headers['location']]).toEqual([303, '/two-factor/challenge']);
  expect(await whoIs(agent)).toBe('nobody');
  const other = host.agent();
  await sendPassword(other, 'bob', '/early');
  expect(await whoIs(other)).toBe('bob');
});

it('R1 middleware that was made before protect() lets no unstamped session in and leaves no login behind', async () => {
  const host = await createHost({
    first(app, { secondFactor, users }, sessions) {
      const passport = createPassport(users);
      const session = passport.session() as RequestHandler;
      const login = passport.authenticate('local', { successRedirect: '/account' }) as RequestHandler;
      secondFactor.protect(passport, { name: 'early' });
      app.post('/early', sessions, express.urlencoded({ extended: false }), login);
      app.get('/early', sessions, session, (request, response) => {
        response.send(userIdOf(request));
      });
    },
  });
  await host.enrol('ada');
  const thief = host.agent();
  await sendPassword(thief, 'ada', '/early');
  expect((await thief.get('/early')).text).toBe('nobody');
  expect(await whoIs(thief)).toBe('nobody');
  const agent = await host.signIn('bob');
  expect((await agent.get('/early')).text).toBe('bob');
  await forge(host, agent, undefined);
  expect((await agent.get('/early')).text).toBe('nobody');
});

it('R1 a user whom an API token put into the request has no complete login on our pages', async () => {
  const host = await createHost({
    first(app, created, sessions) {
      app.use(sessions, created.passport.session() as RequestHandler, (request, _response, next) => {
        if (request.get('X-Token') === 'ada') request.user = userOf(created, 'ada');
        next();
      });
    },
  });
  await host.enrol('ada');
  for (const agent of [host.agent(), await host.signIn('ada')]) {
    for (const path of ['/two-factor', '/two-factor/backup-codes', '/two-factor/disable']) {
      const page = await agent.get(path).set('X-Token', 'ada');
      expect(page.status).toBe(303);
      expect(page.headers['location']).toMatch(/^\/(login|two-factor\/challenge)$/);
    }
  }
});
