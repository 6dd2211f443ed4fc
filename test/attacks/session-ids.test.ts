import express, { type RequestHandler } from 'express';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  readSession,
  sendPassword,
  sessionId,
  setUpFactor,
  signInWhole,
  stepUp,
  submit,
  whoIs,
  readFormToken,
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
  it('the password step and the completion', async () => {
    const host = await createHost(withCart);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await plant(agent, { cart: 'book' });
    await expectNewId(host, agent, () => sendPassword(agent, 'ada'));
    await expectNewId(host, agent, () => answer(agent, factor.code()));
    expect(await whoIs(agent)).toBe('ada');
  });

  it('a login without a second factor', async () => {
    const host = await createHost(withCart);
    const agent = host.agent();
    await plant(agent, { cart: 'book' });
    await expectNewId(host, agent, () => sendPassword(agent, 'bob'));
    expect(await whoIs(agent)).toBe('bob');
  });

  it('a step-up, new backup codes and the logout', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(STEP);
    await expectNewId(host, agent, () => stepUp(agent, factor.code()));
    await submit(agent, '/two-factor/backup-codes', {});
    await expectNewId(host, agent, () =>
      submit(agent, '/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes'),
    );
    expect(await whoIs(agent)).toBe('ada');
    await expectNewId(host, agent, () => agent.post('/logout'));
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('turning the second factor on and off', async () => {
    const host = await createHost();
    const agent = await host.signIn('bob');
    let code = '';
    await expectNewId(host, agent, async () => {
      const factor = await setUpFactor(host, agent);
      code = factor.code(1);
    });
    await expectNewId(host, agent, () => submit(agent, '/two-factor/disable', { code }));
    expect(await whoIs(agent)).toBe('bob');
  });

  it('a fresh password proof', async () => {
    const host = await createHost();
    const agent = await host.signIn('bob');
    host.clock.advance(5 * 60_000);
    const page = `${CHALLENGE}?return_to=/two-factor/setup`;
    await expectNewId(host, agent, () => submit(agent, CHALLENGE, { password: 'bob-password' }, page));
    expect((await agent.get('/two-factor/setup')).status).toBe(200);
  });

  it('the logout of a pending login', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    await expectNewId(host, agent, () => agent.post('/logout'));
    expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
  });
});

it('R5 the form token of one step is no token of the next', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  const token = readFormToken((await agent.get(CHALLENGE)).text);
  await answer(agent, factor.code());
  const forged = await agent
    .post('/two-factor/backup-codes')
    .type('form')
    .send({ second_factor_token: token });
  expect(forged.status).toBe(403);
});

describe('R5 what a visitor left in the session', () => {
  it.each(['ada', 'bob'])('is gone after the login of %s', async (userId) => {
    const host = await createHost(withCart);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await plant(agent, { cart: 'book' });
    await sendPassword(agent, userId);
    expect(await readSession(host, agent)).not.toHaveProperty('cart');
    if (userId === 'ada') {
      await plant(agent, { cart: 'planted while pending' });
      await answer(agent, factor.code());
    }
    expect(await whoIs(agent)).toBe(userId);
    expect(await readSession(host, agent)).not.toHaveProperty('cart');
  });

  it('moves along with keepSessionInfo, through both steps', async () => {
    const host = await createHost(withCart);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await plant(agent, { cart: 'book' });
    await sendPassword(agent, 'ada', '/login-keeping');
    expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
    await answer(agent, factor.code());
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

  it('stays through a step-up and through turning the second factor on and off: it is the same person', async () => {
    const host = await createHost(withCart);
    const agent = await host.signIn('bob');
    await plant(agent, { cart: 'book' });
    const factor = await setUpFactor(host, agent);
    expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
    host.clock.advance(STEP);
    await stepUp(agent, factor.code());
    expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
    await submit(agent, '/two-factor/disable', { code: factor.code(1) });
    expect(await readSession(host, agent)).toHaveProperty('cart', 'book');
    expect(await whoIs(agent)).toBe('bob');
  });

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
