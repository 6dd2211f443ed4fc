import express, { type RequestHandler } from 'express';
import { describe, expect, it } from 'vitest';
import { eachFace, faces, setUp } from '../helpers/faces.js';
import {
  type Agent,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  readSession,
  sendPassword,
  sessionId,
  signInWhole,
  whoIs,
} from '../helpers/host.js';

const STEP = 30_000;
const CHALLENGE = '/two-factor/challenge';

/** A host whose visitors can put anything into their session, and whose second login keeps what is there. */
const withCart: HostParts = {
  routes(app, { passport }) {
    const plant: RequestHandler = (request, _response, next) => {
      const planted: unknown = JSON.parse(request.get('X-Plant') ?? '{}');
      Object.assign(request.session, planted);
      next();
    };
    const login = (options: object) => passport.authenticate('local', options) as RequestHandler;
    app.post('/plant', plant, (_request, response) => {
      response.send('planted');
    });
    app.post('/login-keeping', plant, login({ successRedirect: '/account', keepSessionInfo: true }));
  },
};

function plant(agent: Agent, planted: object, path = '/plant') {
  return agent.post(path).set('X-Plant', JSON.stringify(planted));
}

/** The act must change the session id; the old session is gone and its cookie nobody's. */
async function expectNewId(host: Host, agent: Agent, act: () => PromiseLike<unknown>): Promise<void> {
  const [before, thief] = [sessionId(agent), copyAgent(host, agent)];
  expect(await host.redis.exists(host.prefix + before)).toBe(1);
  await act();
  expect(sessionId(agent)).not.toBe('');
  expect(sessionId(agent)).not.toBe(before);
  expect(await host.redis.exists(host.prefix + before)).toBe(0);
  expect(await whoIs(thief)).toBe('nobody');
}

describe('R5 a session id that was planted or copied is worth nothing after', () => {
  it('a login without a second factor', async () => {
    const host = await createHost(withCart);
    const agent = host.agent();
    await plant(agent, { cart: 'book' });
    await expectNewId(host, agent, () => sendPassword(agent, 'bob'));
    expect(await whoIs(agent)).toBe('bob');
  });

  it('the logout of a pending login', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    await expectNewId(host, agent, () => agent.post('/logout'));
    expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
  });
});

describe.each(eachFace)(
  'over the %s, R5 a session id that was planted or copied is worth nothing after',
  (_, face) => {
    it('the password step and the completion', async () => {
      const host = await createHost(withCart);
      const factor = await host.enrol('ada');
      const agent = host.agent();
      await plant(agent, { cart: 'book' });
      await expectNewId(host, agent, () => sendPassword(agent, 'ada'));
      await expectNewId(host, agent, () => face.answer(agent, factor.code()));
      expect(await whoIs(agent)).toBe('ada');
    });

    it('a step-up, new backup codes and the logout', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await signInWhole(host, 'ada', factor.code());
      host.clock.advance(STEP);
      await expectNewId(host, agent, () => face.answer(agent, factor.code()));
      await face.proposeCodes(agent);
      await expectNewId(host, agent, () => face.saveCodes(agent));
      expect(await whoIs(agent)).toBe('ada');
      await expectNewId(host, agent, () => agent.post('/logout'));
      expect(await whoIs(agent)).toBe('nobody');
    });

    it('turning the second factor on and off', async () => {
      const host = await createHost();
      const agent = await host.signIn('bob');
      let code = '';
      await expectNewId(host, agent, async () => {
        const factor = await setUp(face, host, agent);
        code = factor.code(1);
      });
      await expectNewId(host, agent, () => face.disable(agent, code));
      expect(await whoIs(agent)).toBe('bob');
    });

    it('one more authenticator, and one less', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await signInWhole(host, 'ada', factor.code());
      await expectNewId(host, agent, () => setUp(face, host, agent, { name: 'Second' }));
      const second = (await face.readAuthenticators(agent)).find(({ name }) => name === 'Second')!;
      await expectNewId(host, agent, () => face.remove(agent, second.id));
      expect(await whoIs(agent)).toBe('ada');
    });

    it('a fresh password proof', async () => {
      const host = await createHost();
      const agent = await host.signIn('bob');
      host.clock.advance(5 * 60_000);
      await expectNewId(host, agent, () => face.provePassword(agent, 'bob-password'));
      expect((await face.setup(agent)).kind).toBe('accepted');
    });

    it('a cancelled login', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const agent = await host.signIn('ada');
      await expectNewId(host, agent, () => face.cancel(agent));
      expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
    });
  },
);

it.each(eachFace)('R5 the token of one step is no token of the next, over the %s', async (_, face) => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  const sends = [
    await face.prepare(agent, { does: 'saveCodes' }),
    await face.prepare(agent, { does: 'disable', code: factor.code(1) }),
  ];
  await face.answer(agent, factor.code());
  for (const send of sends) expect((await send()).kind).toBe('form-token-invalid');
});

describe('R5 what a visitor left in the session', () => {
  it.each([
    ['ada', 'pages', faces.pages],
    ['ada', 'API', faces.API],
    ['bob', 'pages', faces.pages],
  ] as const)('is gone after the login of %s over the %s', async (userId, _, face) => {
    const host = await createHost(withCart);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await plant(agent, { cart: 'book' });
    await sendPassword(agent, userId);
    expect(await readSession(host, agent)).not.toHaveProperty('cart');
    if (userId === 'ada') {
      await plant(agent, { cart: 'planted while pending' });
      await face.answer(agent, factor.code());
    }
    expect(await whoIs(agent)).toBe(userId);
    expect(await readSession(host, agent)).not.toHaveProperty('cart');
  });

  it.each(eachFace)('moves along with keepSessionInfo, through both steps over the %s', async (_, face) => {
    const host = await createHost(withCart);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await plant(agent, { cart: 'book' });
    await sendPassword(agent, 'ada', '/login-keeping');
    expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
    await face.answer(agent, factor.code());
    expect(await whoIs(agent)).toBe('ada');
    expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
  });

  it.each(['ada', 'bob'])(
    'is never our key or Passport’s: %s who plants a login in their own session gets none by keepSessionInfo',
    async (userId) => {
      const host = await createHost(withCart);
      const evesFactor = await host.enrol('eve');
      await host.enrol('ada');
      const eve = await signInWhole(host, 'eve', evesFactor.code());
      const { passport, secondFactor } = (await readSession(host, eve))!;
      const planted = { cart: 'book', passport, secondFactor, secondFactorToken: 'known' };

      const agent = host.agent();
      await sendPassword(agent, userId, '/login-keeping').set('X-Plant', JSON.stringify(planted));
      const { cookie, ...after } = (await readSession(host, agent))!;
      const [facts, user] =
        userId === 'ada'
          ? [{ pending: expect.objectContaining({ userId }) as unknown }, {}]
          : [{ stamp: expect.objectContaining({ userId }) as unknown }, { passport: { user: userId } }];
      expect(cookie).toBeDefined();
      expect(after).toEqual({
        cart: 'book',
        secondFactor: facts,
        secondFactorToken: expect.not.stringMatching('known') as unknown,
        ...user,
      });
      expect(await whoIs(agent)).toBe(userId === 'ada' ? 'nobody' : userId);
    },
  );

  it.each(eachFace)(
    'stays through a step-up and through turning the second factor on and off over the %s: it is the same person',
    async (_, face) => {
      const host = await createHost(withCart);
      const agent = await host.signIn('bob');
      await plant(agent, { cart: 'book' });
      const factor = await setUp(face, host, agent);
      expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
      host.clock.advance(STEP);
      await face.answer(agent, factor.code());
      expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
      await face.disable(agent, factor.code(1));
      expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
      expect(await whoIs(agent)).toBe('bob');
    },
  );

  it('does not go from one user to the next at the logout', async () => {
    const host = await createHost(withCart);
    const agent = await host.signIn('bob');
    await plant(agent, { cart: 'book' });
    await agent.post('/logout');
    expect(Object.keys((await readSession(host, agent)) ?? {})).toEqual(['cookie']);
  });
});

it('R5 a login as the next user does not inherit the stamp that stood in the session before', async () => {
  const host = await createHost({
    first(app, { passport }, sessions) {
      const login = passport.authenticate('local', { successRedirect: '/account' }) as RequestHandler;
      app.post('/early', sessions, express.urlencoded({ extended: false }), login);
    },
  });
  const factor = await host.enrol('ada');
  const agent = await signInWhole(host, 'ada', factor.code());
  await host.enrol('eve');
  expect((await sendPassword(agent, 'eve', '/early')).headers['location']).toBe(CHALLENGE);
  expect(await whoIs(agent)).toBe('nobody');
});
