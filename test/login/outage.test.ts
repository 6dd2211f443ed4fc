import type { RequestHandler } from 'express';
import { sqlStorage, type Storage } from 'passport-second-factor';
import Database from 'libsql';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type Agent,
  bindStamp,
  answer,
  createHost,
  failing,
  type HostParts,
  moveSession,
  readSession,
  sendPassword,
  signInWhole,
  userIdOf,
  whoIs,
  writeSession,
} from '../helpers/host.js';

async function expectAnonymousPagesLive(agent: Agent): Promise<void> {
  expect(await whoIs(agent)).toBe('nobody');
  expect((await agent.get('/login')).text).toBe('Please sign in');
  expect((await agent.get('/two-factor')).headers['location']).toBe('/login');
}

const withVisit: HostParts = {
  routes(app) {
    app.get('/visit', (request, response) => {
      request.session.returnTo = '/orders';
      response.send('welcome');
    });
  },
};

describe('R1 before ready()', () => {
  it('a session that names a user and every login get 503, and visitors get their pages', async () => {
    const host = await createHost({ ...withVisit, isReady: false });
    // The tables of an earlier start are there: it is not their absence that refuses.
    await host.options.storage.migrate();
    const agent = host.agent();
    await expectAnonymousPagesLive(agent);
    for (const userId of ['ada', 'bob']) {
      const { status, headers } = await sendPassword(agent, userId);
      expect([status, headers['retry-after']]).toEqual([503, '5']);
    }
    await agent.get('/visit');
    await expectAnonymousPagesLive(agent);

    const session = (await readSession(host, agent))!;
    const stamp = {
      userId: 'bob',
      epoch: 0,
      proofs: { pwd: host.clock() },
      completedAt: host.clock(),
      handle: 'h',
    };
    await writeSession(host, agent, {
      ...session,
      passport: { user: 'bob' },
      secondFactor: { stamp: bindStamp(agent, stamp) },
    });
    for (const path of ['/whoami', '/account', '/two-factor'])
      expect((await agent.get(path)).status).toBe(503);

    await host.secondFactor.ready();
    expect(await whoIs(agent)).toBe('bob');
  });
});

describe('R1 while storage fails', () => {
  const faults = new Set<keyof Storage>();
  const parts: HostParts = {
    ...withVisit,
    wrapStorage: (storage) => {
      onTestFinished(() => {
        faults.clear();
      });
      return failing(storage, faults);
    },
  };

  it('to say the epoch, nobody is let in, visitors get their pages, and afterwards the sessions are as before', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const [ada, bob, visitor] = [
      await signInWhole(host, 'ada', factor.code()),
      await host.signIn('bob'),
      host.agent(),
    ];
    await visitor.get('/visit');
    faults.add('findAccount');
    for (const agent of [ada, bob]) {
      for (const path of ['/whoami', '/account', '/two-factor'])
        expect((await agent.get(path)).status).toBe(503);
    }
    await expectAnonymousPagesLive(visitor);
    for (const userId of ['ada', 'bob']) {
      expect((await sendPassword(visitor, userId)).status).toBe(503);
      expect(await whoIs(visitor)).toBe('nobody');
    }
    faults.clear();
    expect([await whoIs(ada), await whoIs(bob)]).toEqual(['ada', 'bob']);
  });

  it('to say the epoch, a login without a session is refused too', async () => {
    const host = await createHost({
      ...parts,
      routes(app, { passport }) {
        app.post(
          '/token',
          passport.authenticate('local', { session: false }) as RequestHandler,
          (request, response) => {
            response.send(userIdOf(request));
          },
        );
      },
    });
    faults.add('findAccount');
    expect((await sendPassword(host.agent(), 'bob', '/token')).status).toBe(503);
  });

  it('to keep the pending login, the password step is an error and nobody is logged in', async () => {
    const host = await createHost(parts);
    await host.enrol('ada');
    const agent = host.agent();
    await agent.get('/visit');
    faults.add('createPending');
    expect((await sendPassword(agent, 'ada')).status).toBe(503);
    await expectAnonymousPagesLive(agent);
    expect(await readSession(host, agent)).toEqual({
      cookie: expect.anything() as unknown,
      returnTo: '/orders',
    });
    await sendPassword(agent, 'bob');
    expect(await whoIs(agent)).toBe('bob');
  });

  it.each(['spendAttempt', 'listAuthenticators', 'accept'] as const)(
    'in %s, a right code is an error, nobody is logged in, and the code is good once storage is back',
    async (verb) => {
      const host = await createHost(parts);
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      faults.add(verb);
      expect((await answer(agent, factor.code())).status).toBe(503);
      expect(await whoIs(agent)).toBe('nobody');
      await expectAnonymousPagesLive(host.agent());
      faults.clear();
      expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
      expect(await whoIs(agent)).toBe('ada');
    },
  );

  it('in accept, the attempts that end in errors are counted all the same', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    faults.add('accept');
    for (let tries = 0; tries < 5; tries++) expect((await answer(agent, factor.code())).status).toBe(503);
    faults.clear();
    expect((await answer(agent, factor.code())).status).toBe(429);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('says nothing of what failed', async () => {
    const host = await createHost(parts);
    const bob = await host.signIn('bob');
    faults.add('findAccount');
    expect((await bob.get('/account')).text).toContain('cannot be checked right now');
    expect((await bob.get('/account')).text).not.toContain('The storage is away');
  });
});

describe('R1 without req.session', () => {
  it('a request with a cookie gets 503, and a visitor without one the page', async () => {
    const host = await createHost({
      first(app, { passport }) {
        app.get('/early', passport.session() as RequestHandler, (request, response) => {
          response.send(userIdOf(request));
        });
      },
    });
    const page = await host.agent().get('/early');
    expect([page.status, page.text]).toEqual([200, 'nobody']);
    const bob = await host.signIn('bob');
    expect((await bob.get('/early')).status).toBe(503);
    expect((await host.agent().get('/early').set('Cookie', 'other=1')).status).toBe(503);
  });

  it('a session store that has gone away lets nobody in and nobody log in', async () => {
    const host = await createHost({
      routes(app) {
        app.get('/lose-the-store', (request, response) => {
          (request.sessionStore as unknown as NodeJS.EventEmitter).emit('disconnect');
          response.send('gone');
        });
      },
    });
    const factor = await host.enrol('ada');
    const [bob, ada] = [await host.signIn('bob'), await host.signIn('ada')];
    await bob.get('/lose-the-store');
    for (const path of ['/whoami', '/two-factor']) expect((await bob.get(path)).status).toBe(503);
    expect((await ada.post('/two-factor/challenge').type('form').send({ code: factor.code() })).status).toBe(
      503,
    );
    const visitor = host.agent();
    expect(await whoIs(visitor)).toBe('nobody');
    expect((await visitor.get('/two-factor/challenge')).status).toBe(503);
    for (const userId of ['ada', 'bob']) expect((await sendPassword(visitor, userId)).status).toBe(503);
    expect((await visitor.post('/logout')).status).toBe(503);
  });
});

describe('enabled: false', () => {
  it('says so at the start, lets every login through, stamps it, and ends no session from before', async () => {
    const database = new Database(':memory:');
    const storage = sqlStorage.sqlite(database);
    const on = await createHost({ options: { storage } });
    const factor = await on.enrol('ada');
    const before = await signInWhole(on, 'ada', factor.code());

    const warned = vi.fn();
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const off = await createHost({ options: { storage, enabled: false } });
    const warning = { name: 'SecondFactorWarning', code: 'SECOND_FACTOR_OFF' };
    // Whatever else this process is warned of.
    await vi.waitFor(() => expect(warned).toHaveBeenCalledWith(expect.objectContaining(warning)), 10_000);

    const ada = off.agent();
    expect((await sendPassword(ada, 'ada')).headers['location']).toBe('/account');
    expect(await whoIs(ada)).toBe('ada');
    expect(await readSession(off, ada)).toMatchObject({
      secondFactor: { stamp: { userId: 'ada', epoch: 1, proofs: { pwd: off.clock() } } },
    });
    const kept = await moveSession(on, before, off);
    expect(await whoIs(kept)).toBe('ada');
    await writeSession(off, kept, { ...(await readSession(off, kept)), secondFactor: undefined });
    expect(await whoIs(kept)).toBe('ada');
    database.close();
  });

  it('serves the logins without a session too', async () => {
    const host = await createHost({
      options: { enabled: false },
      routes(app, { passport }) {
        app.post(
          '/token',
          passport.authenticate('local', { session: false }) as RequestHandler,
          (request, response) => {
            response.send(userIdOf(request));
          },
        );
      },
    });
    await host.enrol('ada');
    expect((await sendPassword(host.agent(), 'ada', '/token')).text).toBe('ada');
  });
});
