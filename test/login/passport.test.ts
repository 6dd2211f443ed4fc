import connectFlash from 'connect-flash';
import type { RequestHandler } from 'express';
import { Passport } from 'passport';
import { TotpStrategy } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  answer,
  createHost,
  type Host,
  type HostParts,
  readSession,
  sendPassword,
  submit,
  userIdOf,
  userOf,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const CHALLENGE = '/two-factor/challenge';

describe('what the host serialises', () => {
  interface Profile {
    id: string;
    roles: string[];
    at: number;
  }

  /** A Passport that keeps whole profiles in the session. */
  async function createProfileHost(): Promise<{
    host: Host;
    serialised: Profile[];
    fail(isFailing: boolean): void;
  }> {
    const serialised: Profile[] = [];
    let isFailing = false;
    const host = await createHost({
      first(app, created, sessions) {
        const passport = new Passport();
        passport.serializeUser((user, done) => {
          if (isFailing) {
            done(new Error('The directory is away.'));
            return;
          }
          const profile = {
            id: (user as unknown as { id: string }).id,
            roles: ['reader'],
            at: serialised.length,
          };
          serialised.push(profile);
          done(null, profile);
        });
        passport.deserializeUser((profile: Profile, done) => {
          done(null, userOf(created, profile.id));
        });
        created.secondFactor.protect(passport, { name: 'profiles' });
        app.get(
          '/profile-login/:userId',
          sessions,
          passport.session() as RequestHandler,
          (request, _response, next) => {
            request.logIn(userOf(created, request.params['userId'] as string), next);
          },
        );
        app.get('/profile', sessions, passport.session() as RequestHandler, (request, response) => {
          response.send(userIdOf(request));
        });
      },
    });
    return { host, serialised, fail: (value) => (isFailing = value) };
  }

  it('at the password step is written back unchanged at the completion', async () => {
    const { host, serialised } = await createProfileHost();
    const factor = await host.enrol('ada');
    const agent = host.agent();
    expect((await agent.get('/profile-login/ada')).headers['location']).toBe(CHALLENGE);
    expect((await agent.get('/profile')).text).toBe('nobody');
    await answer(agent, factor.code());
    expect(await readSession(host, agent)).toMatchObject({
      passport: { user: { id: 'ada', roles: ['reader'], at: 0 } },
    });
    expect(serialised).toHaveLength(1);
    expect((await agent.get('/profile')).text).toBe('ada');
  });

  it('fails at the password step, before any code is asked for, and nobody is logged in', async () => {
    const { host, fail } = await createProfileHost();
    await host.enrol('ada');
    const agent = host.agent();
    fail(true);
    for (const userId of ['ada', 'bob']) {
      expect((await agent.get(`/profile-login/${userId}`)).status).toBe(500);
      expect(await whoIs(agent)).toBe('nobody');
      expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
    }
    fail(false);
    expect((await agent.get('/profile-login/ada')).headers['location']).toBe(CHALLENGE);
  });
});

describe('req.logIn and req.logout take what Passport’s own take', () => {
  it('no options at all', async () => {
    const host = await createHost({
      routes(app, created) {
        app.get('/log-in', (request, response, next) => {
          const { logIn } = request as unknown as { logIn: (...parameters: unknown[]) => void };
          logIn.call(request, userOf(created, 'bob'), undefined, (error: unknown) => {
            if (error) next(error);
            else response.send('in');
          });
        });
        app.get('/log-out', (request, response, next) => {
          const { logout } = request as unknown as { logout: (...parameters: unknown[]) => void };
          logout.call(request, null, (error: unknown) => {
            if (error) next(error);
            else response.send('out');
          });
        });
      },
    });
    const agent = host.agent();
    expect((await agent.get('/log-in')).text).toBe('in');
    expect(await whoIs(agent)).toBe('bob');
    expect((await agent.get('/log-out')).text).toBe('out');
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('R2 another name for the user’s property: it stays unset while a login is pending', async () => {
    const host = await createHost({
      first(app, { passport }, sessions) {
        app.use(
          sessions,
          passport.initialize({ userProperty: 'account' }),
          passport.session() as RequestHandler,
        );
      },
      routes(app) {
        app.get('/account-of', (request, response) => {
          response.json([
            (request as { account?: { id: string } }).account?.id ?? null,
            request.isAuthenticated(),
          ]);
        });
      },
    });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await agent.get('/account-of')).body).toEqual([null, false]);
    await submit(agent, CHALLENGE, { code: factor.code() });
    expect((await agent.get('/account-of')).body).toEqual(['ada', true]);
    await agent.post('/logout');
    expect((await agent.get('/account-of')).body).toEqual([null, false]);
  });
});

describe('flash messages', () => {
  const withFlash: HostParts = {
    first(app, host, sessions) {
      app.use(sessions, connectFlash(), host.passport.session() as RequestHandler);
    },
    routes(app, { passport, secondFactor }) {
      passport.use(new TotpStrategy(secondFactor));
      const log = (options: object): RequestHandler[] => [
        (request, _response, next) => {
          request.flash('info', 'Welcome back');
          next();
        },
        passport.authenticate('local', { successRedirect: '/messages', ...options }) as RequestHandler,
      ];
      app.post('/login-flash', ...log({ failureFlash: 'Wrong password.', failureRedirect: '/messages' }));
      app.post('/login-keeping', ...log({ keepSessionInfo: true }));
      app.post(
        '/own-challenge',
        passport.authenticate('totp', {
          successRedirect: '/messages',
          failureRedirect: '/messages',
          failureFlash: true,
        }) as RequestHandler,
      );
      app.get('/messages', (request, response) => {
        response.json(request.flash());
      });
    },
  };

  it('of a wrong password and of a wrong code reach the next page', async () => {
    const host = await createHost(withFlash);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await agent.post('/login-flash').type('form').send({ username: 'ada', password: 'wrong' });
    expect((await agent.get('/messages')).body).toMatchObject({ error: ['Wrong password.'] });
    await sendPassword(agent, 'ada', '/login-flash');
    await agent
      .post('/own-challenge')
      .type('form')
      .send({ code: wrongCodes(factor, 1)[0] });
    expect((await agent.get('/messages')).body).toEqual({
      error: ['That code is not right. You can try 4 more times.'],
    });
    await agent.post('/own-challenge').type('form').send({ code: factor.code() });
    expect(await whoIs(agent)).toBe('ada');
  });

  it('move along with keepSessionInfo through the second step, and not without', async () => {
    const host = await createHost(withFlash);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await sendPassword(agent, 'ada', '/login-keeping');
    expect((await answer(agent, factor.code())).headers['location']).toBe('/messages');
    expect((await agent.get('/messages')).body).toEqual({ info: ['Welcome back'] });
    const other = host.agent();
    await sendPassword(other, 'ada', '/login-flash');
    await answer(other, factor.code(1));
    expect((await other.get('/messages')).body).toEqual({});
  });
});

describe('two Passport instances, of staff and of customers, in one application', () => {
  it('R1 hold their own logins, and one’s complete login is the other’s as far as it knows the user', async () => {
    const host = await createHost({
      routes(app, created) {
        const staff = new Passport();
        staff.serializeUser((user, done) => {
          done(null, { staff: (user as unknown as { id: string }).id });
        });
        staff.deserializeUser((key: { staff?: string }, done) => {
          done(null, key.staff === undefined ? false : userOf(created, key.staff));
        });
        created.secondFactor.protect(staff, { name: 'staff' });
        const session = staff.session() as RequestHandler;
        app.post('/staff/login/:userId', session, (request, response, next) => {
          request.logIn(userOf(created, request.params['userId'] as string), (error: unknown) => {
            if (error) next(error);
            else response.send('in');
          });
        });
        app.get('/staff', session, (request, response) => {
          response.send(userIdOf(request));
        });
      },
    });
    const factor = await host.enrol('ada');
    const agent = host.agent();
    expect((await agent.post('/staff/login/ada')).headers['location']).toBe(CHALLENGE);
    expect((await agent.get('/staff')).text).toBe('nobody');
    await answer(agent, factor.code());
    expect(await readSession(host, agent)).toMatchObject({ passport: { user: { staff: 'ada' } } });
    expect(await whoIs(agent)).toBe('nobody');

    const bob = await host.signIn('bob');
    expect((await bob.get('/staff')).text).toBe('nobody');
  });
});
