import { once } from 'node:events';
import express, { type RequestHandler } from 'express';
import session from 'express-session';
import { readFormToken } from 'passport-second-factor/testing';
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
  slowly,
  stepUp,
  submit,
  submitAtOnce,
  whoIs,
  writeSession,
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
  const forged = await agent.post('/two-factor/backup-codes').type('form').send({ _csrf: token });
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

describe('R5 a pending login that was put back into Redis', () => {
  it.each(['/logout', '/two-factor/cancel'])('cannot be answered after %s', async (path) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const [thief, saved] = [copyAgent(host, agent), (await readSession(host, agent))!];
    await submit(agent, path, {}, CHALLENGE);

    await writeSession(host, thief, saved);
    expect((await answer(thief, factor.code())).status).toBe(401);
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('cannot be answered a second time after it was completed', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const [thief, saved] = [copyAgent(host, agent), (await readSession(host, agent))!];
    await answer(agent, factor.code());

    await writeSession(host, thief, saved);
    const replay = await answer(thief, factor.code(1));
    expect([replay.status, replay.text.includes('completed by another request')]).toEqual([409, true]);
    expect([await whoIs(thief), await whoIs(agent)]).toEqual(['nobody', 'ada']);
  });

  it('by a slow request of the same browser cannot be answered either', async () => {
    const host = await createHost({
      routes(app) {
        app.get('/slow', (request, response, next) => {
          app.emit('waiting');
          once(app, 'go on').then(() => {
            request.session.returnTo = '/later';
            response.send('saved');
          }, next);
        });
      },
    });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const thief = copyAgent(host, agent);
    const waiting = once(host.app, 'waiting');
    const slow = copyAgent(host, agent).get('/slow').then();
    await waiting;
    await answer(agent, factor.code());
    host.app.emit('go on');
    await slow;

    expect(await readSession(host, thief)).toHaveProperty('secondFactor.pending');
    expect((await answer(thief, factor.code(1))).status).toBe(409);
    expect(await whoIs(thief)).toBe('nobody');
  });
});

describe('R3 R5 two right answers of one pending login at the same instant', () => {
  it.each([
    ['the same code', 422],
    ['a code and a backup code', 409],
  ])('make one session: %s', async (kind, refusal) => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const first = await host.signIn('ada');
    const agents = [first, copyAgent(host, first), copyAgent(host, first), copyAgent(host, first)];
    const codes = agents.map((_, index) =>
      kind === 'the same code' ? factor.code() : factor.backupCodes[index]!,
    );
    if (kind !== 'the same code') codes[0] = factor.code();
    const responses = await submitAtOnce(
      agents.map((agent, index) => ({ agent, path: CHALLENGE, fields: { code: codes[index]! } })),
    );
    const statuses = responses.map(({ status }) => status).sort((a, b) => a - b);
    expect(statuses[0]).toBe(303);
    for (const status of statuses.slice(1)) expect([409, refusal]).toContain(status);
    const users = await Promise.all(agents.map(whoIs));
    expect(users.filter((user) => user === 'ada')).toHaveLength(1);
    for (const [index, { status }] of responses.entries()) {
      expect(users[index]).toBe(status === 303 ? 'ada' : 'nobody');
    }
  });

  it('the loser’s page does not take the winner’s cookie away, where cookies have an age', async () => {
    const host = await createHost({
      wrapStorage: slowly,
      first(app) {
        const store = new session.MemoryStore();
        const options = { store, secret: 'test', resave: false, saveUninitialized: false, name: 'sid' };
        app.use(session({ ...options, cookie: { maxAge: 3_600_000 } }));
      },
    });
    const factor = await host.enrol('ada');
    const winner = await host.signIn('ada');
    const loser = copyAgent(host, winner);
    const responses = await submitAtOnce([
      { agent: winner, path: CHALLENGE, fields: { code: factor.code() } },
      { agent: loser, path: CHALLENGE, fields: { code: factor.backupCodes[0]! } },
    ]);
    const lost = responses.find(({ status }) => status === 409);
    expect(lost?.headers['set-cookie']).toBeUndefined();
  });
});

describe('R3 R5 a second submit after the completion', () => {
  it('with the old cookie gets a page that says so, and no session', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const late = copyAgent(host, agent);
    const token = readFormToken((await agent.get(CHALLENGE)).text);
    await answer(agent, factor.code());
    for (const code of [factor.code(), factor.code(1)]) {
      const again = await late.post(CHALLENGE).type('form').send({ _csrf: token, code });
      expect([again.status, again.text.includes('completed by another request')]).toEqual([409, true]);
      expect(await whoIs(late)).toBe('nobody');
    }
  });

  it('with the new cookie proves nothing in the new session', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const token = readFormToken((await agent.get(CHALLENGE)).text);
    await answer(agent, factor.code());
    const before = await readSession(host, agent);
    const again = await agent
      .post(CHALLENGE)
      .type('form')
      .send({ _csrf: token, code: factor.code(1) });
    expect([again.status, again.headers['location']]).toEqual([403, undefined]);
    expect(await readSession(host, agent)).toEqual(before);
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
