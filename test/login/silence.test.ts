import type { RequestHandler } from 'express';
import { Passport } from 'passport';
import type { Storage } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  answer,
  createHost,
  type Host,
  sendPassword,
  signInWhole,
  submit,
  userOf,
  whoIs,
} from '../helpers/host.js';
import { startOwnTime } from '../helpers/own-time.js';

/** What has stopped answering at the moment; nothing of it ever rejects. */
type Silent = Set<string>;

const never = new Promise<never>(() => undefined);

function silenced(storage: Storage, silent: Silent): Storage {
  return new Proxy(storage, {
    get: (target, name: keyof Storage) => (silent.has(name) ? () => never : target[name]),
  });
}

/** Makes methods of the session store swallow their calls. */
function silenceStore(silent: Silent): RequestHandler {
  return (request, _response, next) => {
    const store = request.sessionStore as unknown as Record<string, (...parameters: unknown[]) => void>;
    for (const name of ['get', 'set', 'destroy']) {
      const own = (store[`own-${name}`] ??= store[name]!.bind(store));
      store[name] = (...parameters) => {
        if (!silent.has(`store.${name}`)) own(...parameters);
      };
    }
    next();
  };
}

async function createSilentHost(): Promise<{ host: Host; silent: Silent }> {
  const silent: Silent = new Set();
  const host = await createHost({
    wrapStorage: (storage) => silenced(storage, silent),
    first(app, _host, sessions) {
      app.use(sessions, silenceStore(silent));
    },
  });
  return { host, silent };
}

/** Every request gets its 503 within the two seconds that R1 promises. */
async function expectRefusal(send: () => PromiseLike<{ status: number }>): Promise<void> {
  const [start, ownTime] = [performance.now(), startOwnTime()];
  const { status } = await send();
  expect(status).toBe(503);
  expect(performance.now() - start).toBeGreaterThan(1_000);
  expect(ownTime()).toBeLessThan(2_000);
}

describe('R1 storage that does not answer', () => {
  it('at a session or a login: 503 within two seconds, visitors get their pages, and it goes on afterwards', async () => {
    const { host, silent } = await createSilentHost();
    const factor = await host.enrol('ada');
    const [ada, bob] = [await signInWhole(host, 'ada', factor.code()), await host.signIn('bob')];
    silent.add('findAccount');
    await Promise.all([
      expectRefusal(() => ada.get('/account')),
      expectRefusal(() => bob.get('/two-factor')),
      expectRefusal(() => sendPassword(host.agent(), 'ada')),
      expectRefusal(() => sendPassword(host.agent(), 'bob')),
    ]);
    const ownTime = startOwnTime();
    expect(await whoIs(host.agent())).toBe('nobody');
    expect(ownTime()).toBeLessThan(1_000);
    silent.clear();
    expect([await whoIs(ada), await whoIs(bob)]).toEqual(['ada', 'bob']);
  });

  it.each(['findPending', 'spendAttempt', 'listAuthenticators', 'accept'] as const)(
    'in %s: a right code is refused, and good once storage answers again',
    async (verb) => {
      const { host, silent } = await createSilentHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      silent.add(verb);
      if (verb === 'findPending') await expectRefusal(() => sendPassword(agent, 'ada'));
      else await expectRefusal(() => answer(agent, factor.code()));
      expect(await whoIs(agent)).toBe('nobody');
      silent.clear();
      expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
    },
  );

  it('at the password step: no login is pending afterwards', async () => {
    const { host, silent } = await createSilentHost();
    await host.enrol('ada');
    const agent = host.agent();
    silent.add('createPending');
    await expectRefusal(() => sendPassword(agent, 'ada'));
    silent.clear();
    expect((await agent.get('/two-factor/challenge')).headers['location']).toBe('/login');
  });
});

describe('R1 a session store that does not answer', () => {
  it.each(['destroy', 'set'])('in %s: a login is refused, and leaves nobody logged in', async (name) => {
    const { host, silent } = await createSilentHost();
    await host.enrol('ada');
    for (const userId of ['ada', 'bob']) {
      const agent = await host.signIn('eve');
      silent.add(`store.${name}`);
      await expectRefusal(() => sendPassword(agent, userId).timeout(5_000));
      silent.clear();
      expect(['nobody', 'eve']).toContain(await whoIs(agent));
    }
  });
});

describe('R1 a user who does not load', () => {
  it('is 503 within two seconds, at the session and at the second step', async () => {
    let isSilent = false;
    const host = await createHost({
      first(app, created, sessions) {
        const passport = new Passport();
        passport.serializeUser((user, done) => {
          if (!isSilent) done(null, (user as unknown as { id: string }).id);
        });
        passport.deserializeUser((id: string, done) => {
          if (!isSilent) done(null, userOf(created, id));
        });
        created.secondFactor.protect(passport, { name: 'slow' });
        const slow = [sessions, passport.session() as RequestHandler];
        app.post('/slow-login/:userId', ...slow, (request, response, next) => {
          request.logIn(userOf(created, request.params['userId'] as string), (error: unknown) => {
            if (error) next(error);
            else response.send('in');
          });
        });
        app.get('/slow', ...slow, (request, response) => {
          response.send(request.isAuthenticated() ? 'in' : 'out');
        });
      },
    });
    const factor = await host.enrol('ada');
    const [ada, bob] = [host.agent(), host.agent()];
    await ada.post('/slow-login/ada');
    await bob.post('/slow-login/bob');
    const page = await ada.get('/two-factor/challenge');
    isSilent = true;
    await Promise.all([
      expectRefusal(() => bob.get('/slow')),
      expectRefusal(() => host.agent().post('/slow-login/bob')),
      expectRefusal(() => submit(ada, '/two-factor/challenge', { code: factor.code() })),
    ]);
    isSilent = false;
    expect(page.status).toBe(200);
    expect((await bob.get('/slow')).text).toBe('in');
    expect((await ada.get('/slow')).text).toBe('out');
    // The code was not looked at: it is still good.
    expect((await answer(ada, factor.code())).status).toBe(303);
  });
});
