import { EventEmitter, once } from 'node:events';
import type { RequestHandler } from 'express';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import type { Storage } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eachFace, type Move, setUp } from '../helpers/faces.js';
import {
  type Agent,
  copyAgent,
  createHost,
  createPassport,
  type Host,
  type HostParts,
  readSession,
  sendPassword,
  signInWhole,
  type TestUser,
  userOf,
  whoIs,
  writeSession,
} from '../helpers/host.js';

/** Stops whoever comes to it while it is shut. */
class Gateway {
  isShut = false;
  readonly #bell = new EventEmitter();

  async pass(): Promise<void> {
    if (!this.isShut) return;
    this.#bell.emit('somebody waits');
    await once(this.#bell, 'opened');
  }

  /** Runs `request` until it waits, does `meanwhile`, and lets it go on. */
  async holdOpen(request: () => PromiseLike<unknown>, meanwhile: () => PromiseLike<unknown>): Promise<void> {
    this.isShut = true;
    const waits = once(this.#bell, 'somebody waits');
    const open = Promise.resolve(request());
    await waits;
    this.isShut = false;
    await meanwhile();
    this.#bell.emit('opened');
    await open;
  }
}

const saveProfile: RequestHandler = (request, response, next) => {
  request.logIn(request.user!, (error: unknown) => {
    if (error) next(error);
    else response.send('saved');
  });
};

function serialiseSlowly({ passport }: Host, gateway: Gateway): void {
  passport.serializeUser = ((
    user: TestUser,
    _request: unknown,
    done: (error: unknown, id: string) => void,
  ) => {
    void gateway.pass().then(() => done(null, user.id));
  }) as never;
}

describe('R5 a thief who holds a request open over the owner’s logout does not get the session back', () => {
  it('by a profile edit whose user is serialised slowly', async () => {
    const host = await createHost({ routes: (app) => void app.post('/profile', saveProfile) });
    const gateway = new Gateway();
    const owner = await host.signIn('bob');
    const thief = copyAgent(host, owner);
    serialiseSlowly(host, gateway);
    await gateway.holdOpen(
      () => thief.post('/profile'),
      () => owner.post('/logout'),
    );
    expect([await whoIs(thief), await whoIs(owner)]).toEqual(['nobody', 'nobody']);
  });

  it('by a profile edit whose account is read slowly, before and after we looked for the session', async () => {
    const gateway = new Gateway();
    let reads = 0;
    const slow = (storage: Storage): Storage =>
      ({
        ...Object.fromEntries(
          (Object.keys(storage) as (keyof Storage)[]).map((name) => [name, storage[name].bind(storage)]),
        ),
        findAccount: async (userId: string) => {
          if (gateway.isShut && (reads += 1) === 2) await gateway.pass();
          return storage.findAccount(userId);
        },
      }) as Storage;
    const host = await createHost({
      wrapStorage: slow,
      routes: (app) => void app.post('/profile', saveProfile),
    });
    const owner = await host.signIn('bob');
    const thief = copyAgent(host, owner);
    await gateway.holdOpen(
      () => thief.post('/profile'),
      () => owner.post('/logout'),
    );
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('by a route that takes its time before it calls req.logIn', async () => {
    const gateway = new Gateway();
    const host = await createHost({
      routes(app) {
        app.post('/profile', (request, response, next) => {
          void gateway.pass().then(() => saveProfile(request, response, next));
        });
      },
    });
    for (const end of ['logout', 'password change'] as const) {
      const owner = await host.signIn('bob');
      const thief = copyAgent(host, owner);
      await gateway.holdOpen(
        () => thief.post('/profile'),
        () => (end === 'logout' ? owner.post('/logout') : host.secondFactor.passwordChanged('bob')),
      );
      expect(await whoIs(thief), end).toBe('nobody');
    }
  });

  it('by an impersonation whose user is serialised slowly', async () => {
    const host = await createHost({
      options: { login: { impersonation: { allow: () => true, record: () => undefined } } },
      routes(app, created) {
        app.post('/become', (request, response, next) => {
          created.secondFactor
            .impersonate(request, userOf(created, 'bob'))
            .then(() => response.send('done'), next);
        });
      },
    });
    const gateway = new Gateway();
    const owner = await host.signIn('eve');
    const thief = copyAgent(host, owner);
    serialiseSlowly(host, gateway);
    await gateway.holdOpen(
      () => thief.post('/become'),
      () => owner.post('/logout'),
    );
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('by a slow page that changes its session, saved at its end or by the route itself', async () => {
    const gateway = new Gateway();
    const host = await createHost({
      routes(app) {
        app.get('/slow', (request, response, next) => {
          void gateway.pass().then(() => {
            request.session.returnTo = '/later';
            if (request.query['save'] === undefined) response.send('ok');
            else request.session.save((error: unknown) => (error ? next(error) : response.send('ok')));
          });
        });
      },
    });
    for (const path of ['/slow', '/slow?save']) {
      const owner = await host.signIn('bob');
      const thief = copyAgent(host, owner);
      await thief.get(path);
      expect(await readSession(host, owner)).toHaveProperty('returnTo', '/later');
      await gateway.holdOpen(
        () => thief.get(path).expect(200, 'ok'),
        () => owner.post('/logout'),
      );
      expect(await whoIs(thief), path).toBe('nobody');
      expect(await readSession(host, thief), path).toBeUndefined();
    }
  });

  it('by a slow page that adopts a session from before the roll-out', async () => {
    const until = new Date((await createHost()).clock() + 3_600_000);
    const gateway = new Gateway();
    const host = await createHost({
      options: { login: { adoptUnstamped: { until } } },
      routes(app) {
        app.get('/slow', (_request, response) => {
          void gateway.pass().then(() => response.send('ok'));
        });
      },
    });
    const owner = await host.signIn('eve');
    const { cookie } = (await readSession(host, owner))!;
    await writeSession(host, owner, { cookie, passport: { user: 'bob' } });
    const thief = copyAgent(host, owner);
    await gateway.holdOpen(
      () => thief.get('/slow'),
      () => owner.post('/logout'),
    );
    expect(await whoIs(thief)).toBe('nobody');
  });
});

/** A storage whose verb of that name waits at the gateway. */
function waitingAt(gateway: Gateway, verb: keyof Storage): (storage: Storage) => Storage {
  return (storage) =>
    new Proxy(storage, {
      get(target, name: keyof Storage) {
        const own = target[name] as (...parameters: unknown[]) => Promise<unknown>;
        return async (...parameters: unknown[]) => {
          const result = await Reflect.apply(own, target, parameters);
          if (name === verb) await gateway.pass();
          return result;
        };
      },
    });
}

describe.each(eachFace)(
  'over the %s, R5 a thief who holds a change open over the owner’s logout',
  (_, face) => {
    it.each<[string, keyof Storage, (code: string, id: string) => Move]>([
      ['a step-up', 'accept', (code) => ({ does: 'answer', code })],
      ['turning off', 'accept', (code) => ({ does: 'disable', code })],
      ['saving new codes', 'renewBackupCodes', () => ({ does: 'saveCodes' })],
      ['adding an authenticator', 'addAuthenticator', (code) => ({ does: 'enable', code })],
      ['removing an authenticator', 'removeAuthenticator', (_code, id) => ({ does: 'remove', id })],
    ])('does not get the session back by %s', async (_name, verb, makeMove) => {
      const gateway = new Gateway();
      const host = await createHost({ wrapStorage: waitingAt(gateway, verb) });
      const factor = await host.enrol('ada');
      const owner = await face.signInWhole(host, 'ada', factor.code());
      await setUp(face, host, owner, { name: 'Second' });
      await face.proposeCodes(owner);
      const { key } = await face.setup(owner);
      const second = (await face.readAuthenticators(owner)).find(({ name }) => name === 'Second')!;
      const thief = copyAgent(host, owner);
      const code = verb === 'addAuthenticator' ? totpCode(key, host.clock()) : factor.code(1);
      const send = await face.prepare(thief, makeMove(code, second.id));
      let kind = '';
      await gateway.holdOpen(
        async () => {
          ({ kind } = await send());
        },
        () => owner.post('/logout'),
      );
      expect(kind).toBe('unavailable');
      expect([await whoIs(thief), await whoIs(owner)]).toEqual(['nobody', 'nobody']);
    });

    it('is sent no cookie that would take away what the owner has by then', async () => {
      const gateway = new Gateway();
      const host = await createHost({
        wrapStorage: waitingAt(gateway, 'accept'),
        first(app) {
          const store = new session.MemoryStore();
          const options = { store, secret: 'test', resave: false, saveUninitialized: false, name: 'sid' };
          app.use(session({ ...options, rolling: true }));
        },
      });
      const factor = await host.enrol('ada');
      const owner = await face.signInWhole(host, 'ada', factor.code());
      const open = copyAgent(host, owner);
      const send = await face.prepare(open, { does: 'answer', code: factor.code(1) });
      let cookie: unknown = 'none yet';
      await gateway.holdOpen(
        async () => {
          cookie = (await send()).response.headers['set-cookie'];
        },
        () => owner.post('/logout'),
      );
      expect(cookie).toBeUndefined();
    });

    it('does not get the session back by turning it on', async () => {
      const gateway = new Gateway();
      const host = await createHost({ wrapStorage: waitingAt(gateway, 'enable') });
      const owner = await host.signIn('bob');
      const { key } = await face.setup(owner);
      const thief = copyAgent(host, owner);
      const send = await face.prepare(thief, { does: 'enable', code: totpCode(key, host.clock()) });
      await gateway.holdOpen(send, () => owner.post('/logout'));
      expect([await whoIs(thief), await whoIs(owner)]).toEqual(['nobody', 'nobody']);
    });

    it('is nobody when the pending login was cancelled while its right answer was looked at', async () => {
      const gateway = new Gateway();
      const host = await createHost({
        wrapStorage: (storage) => ({
          ...storage,
          async listAuthenticators(userId) {
            await gateway.pass();
            return storage.listAuthenticators(userId);
          },
        }),
      });
      const factor = await host.enrol('ada');
      const owner = await host.signIn('ada');
      const thief = copyAgent(host, owner);
      const send = await face.prepare(thief, { does: 'answer', code: factor.code() });
      let kind = '';
      await gateway.holdOpen(
        async () => {
          ({ kind } = await send());
        },
        () => face.cancel(owner),
      );
      expect(kind).toBe('expired');
      expect([await whoIs(thief), await whoIs(owner)]).toEqual(['nobody', 'nobody']);
    });
  },
);

it('R5 a session from before the roll-out that is logged out while its account is read is not adopted', async () => {
  const until = new Date((await createHost()).clock() + 3_600_000);
  const gateway = new Gateway();
  const host = await createHost({
    options: { login: { adoptUnstamped: { until } } },
    wrapStorage: (storage) =>
      new Proxy(storage, {
        get(target, name: keyof Storage) {
          if (name !== 'findAccount') return target[name];
          return async (userId: string) => {
            await gateway.pass();
            return target.findAccount(userId);
          };
        },
      }),
  });
  const owner = await host.signIn('eve');
  const { cookie } = (await readSession(host, owner))!;
  await writeSession(host, owner, { cookie, passport: { user: 'bob' } });
  const thief = copyAgent(host, owner);
  let seen = '';
  await gateway.holdOpen(
    async () => {
      seen = await whoIs(thief);
    },
    () => owner.post('/logout'),
  );
  expect([seen, await whoIs(thief)]).toEqual(['nobody', 'nobody']);
});

it('R1 a stamp does not survive a logout and a login of code that copies sessions (keepSessionInfo of an old node)', async () => {
  const host = await createHost({
    first(app, created, sessions) {
      const old = createPassport(created.users);
      app.use('/old', sessions, old.session() as RequestHandler);
      app.post('/old/logout', (request, response, next) => {
        request.logout({ keepSessionInfo: true }, (error: unknown) => {
          if (error) next(error);
          else response.send('out');
        });
      });
      app.get('/old/login', (request, response, next) => {
        request.body = { username: 'ada', password: 'ada-password' };
        (old.authenticate('local', { keepSessionInfo: true, successRedirect: '/' }) as RequestHandler)(
          request,
          response,
          next,
        );
      });
    },
  });
  const factor = await host.enrol('ada');
  const kiosk = await signInWhole(host, 'ada', factor.code());
  await kiosk.post('/old/logout');
  expect((await kiosk.get('/old/login')).headers['location']).toBe('/');
  expect(await whoIs(kiosk)).toBe('nobody');
});

it('R1 login.after that fails when the response has ended already leaves nobody logged in', async () => {
  let fail: (() => void) | undefined;
  const host = await createHost({
    first: (app) =>
      void app.use((_request, response, next) => {
        setTimeout(() => {
          if (!response.headersSent) response.status(503).end();
        }, 200);
        next();
      }),
    options: {
      login: {
        after: () =>
          new Promise((_resolve, reject) => {
            fail = () => reject(new Error('The shop is away.'));
          }),
      },
    },
  });
  const agent = await host.signIn('bob');
  fail?.();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await whoIs(agent)).toBe('nobody');
});

describe('while the session store fails, a callback of the host’s that looks at req.session does not end the process', () => {
  const broken = new Set<string>();
  const seen: string[] = [];
  const note = (error: unknown): void => void seen.push(String(error));
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  let before: NodeJS.UncaughtExceptionListener[][] = [];

  beforeEach(() => {
    before = events.map((event) => process.listeners(event as 'uncaughtException'));
    for (const event of events) process.removeAllListeners(event).on(event, note);
  });
  afterEach(() => {
    broken.clear();
    seen.length = 0;
    for (const [index, event] of events.entries()) {
      process.removeAllListeners(event);
      for (const listener of before[index] ?? []) process.on(event as 'uncaughtException', listener);
    }
  });

  const failingStore: NonNullable<HostParts['first']> = (app, { redis, prefix }) => {
    const store = new RedisStore({ client: redis, prefix }) as unknown as Record<
      string,
      (...all: unknown[]) => void
    >;
    for (const name of ['set', 'destroy']) {
      const own = store[name]!.bind(store);
      store[name] = (...all) => {
        if (broken.has(name)) (all.at(-1) as (error: Error) => void)(new Error('READONLY'));
        else own(...all);
      };
    }
    const options = { secret: 'test', resave: false, saveUninitialized: false, name: 'sid' };
    app.use(session({ store: store as unknown as session.Store, ...options }));
  };

  async function sendTo(
    route: RequestHandler,
    agentOf: (host: Host) => Promise<Agent>,
    ...faults: string[]
  ): Promise<number> {
    const host = await createHost({ first: failingStore, routes: (app) => void app.post('/route', route) });
    const agent = await agentOf(host);
    for (const fault of faults) broken.add(fault);
    return (await sendPassword(agent, 'bob', '/route').timeout(3_000)).status;
  }

  it('after req.logout', async () => {
    const status = await sendTo(
      (request, response) => {
        request.logout(() => {
          request.session.destroy(() => response.redirect('/login'));
        });
      },
      (host) => host.signIn('bob'),
      'set',
      'destroy',
    );
    expect([status, seen]).toEqual([302, []]);
  });

  it('after req.logIn', async () => {
    const status = await sendTo(
      (request, response) => {
        request.logIn({ id: 'bob' }, (error: unknown) => {
          request.session.returnTo = '/again';
          response.status(error ? 503 : 200).send();
        });
      },
      async (host) => host.agent(),
      'set',
    );
    expect([status, seen]).toEqual([503, []]);
  });
});

it('req.logout without a session tells its callback, as Passport’s own does', async () => {
  const host = await createHost({
    first(app, { passport }) {
      app.post('/early', passport.session() as RequestHandler, (request, response) => {
        request.logout((error: unknown) => {
          response.json({ code: (error as { code?: string }).code });
        });
      });
    },
  });
  expect((await host.agent().post('/early')).body).toEqual({ code: 'session-missing' });
});
