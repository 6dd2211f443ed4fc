import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  readSession,
  setUpFactor,
  signInWhole,
  stepUp,
  submit,
  userIdOf,
  whoIs,
} from '../helpers/host.js';

const STEP = 30_000;
const CHALLENGE = '/two-factor/challenge';

/** A host with a password change and with a request that is slow: it waits for `go on` and then saves its session. */
const parts: HostParts = {
  routes(app, { secondFactor }) {
    app.post('/change-password', (request, response, next) => {
      secondFactor.passwordChanged(userIdOf(request), request).then(() => response.send('changed'), next);
    });
    app.post('/reset/:userId', (request, response, next) => {
      secondFactor.passwordChanged(request.params.userId, request).then(() => response.send('reset'), next);
    });
    app.get('/slow', (request, response, next) => {
      app.emit('waiting');
      once(app, 'go on').then(() => {
        request.session.returnTo = '/later';
        response.send('saved');
      }, next);
    });
    app.post('/slow-change-password', (request, response, next) => {
      app.emit('waiting');
      once(app, 'go on')
        .then(() => secondFactor.passwordChanged(userIdOf(request), request))
        .then(() => response.send('changed'), next);
    });
  },
};

/** Runs `during` while a request is held up that goes on, and is answered, afterwards. */
async function whileSlow(
  host: Host,
  request: { then(): Promise<unknown> },
  during: () => PromiseLike<unknown>,
) {
  const waiting = once(host.app, 'waiting');
  const slow = request.then();
  await waiting;
  await during();
  host.app.emit('go on');
  await slow;
}

function changePassword(_host: Host, agent: Agent): PromiseLike<unknown> {
  return agent.post('/change-password');
}

async function renewCodes(_host: Host, agent: Agent): Promise<unknown> {
  await submit(agent, '/two-factor/backup-codes', {});
  return submit(agent, '/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
}

/** What Ada can do in her own session, and the code with which she turns it off. */
const changes: [string, (host: Host, agent: Agent, code: string) => PromiseLike<unknown>][] = [
  ['a new password', changePassword],
  ['new backup codes', renewCodes],
  ['turning it off', (_host, agent, code) => submit(agent, '/two-factor/disable', { code })],
];

describe.each(changes)('R7 %s', (_name, change) => {
  it('ends the user’s other sessions and parked logins, and nobody else’s', async () => {
    const host = await createHost(parts);
    const [factor, evesFactor] = [await host.enrol('ada'), await host.enrol('eve')];
    const mine = await signInWhole(host, 'ada', factor.code());
    const thief = copyAgent(host, mine);
    const elsewhere = await signInWhole(host, 'ada', factor.code(1));
    const [parked, evesParked] = [await host.signIn('ada'), await host.signIn('eve')];
    const bob = await host.signIn('bob');
    host.clock.advance(2 * STEP);
    expect(await whoIs(elsewhere)).toBe('ada');

    await change(host, mine, factor.code());
    expect([await whoIs(mine), await whoIs(elsewhere), await whoIs(thief)]).toEqual([
      'ada',
      'nobody',
      'nobody',
    ]);
    expect((await answer(parked, factor.code(1))).status).toBe(401);
    expect(await whoIs(parked)).toBe('nobody');
    expect(await whoIs(bob)).toBe('bob');
    await answer(evesParked, evesFactor.code());
    expect(await whoIs(evesParked)).toBe('eve');
  });

  it('is not undone by a slow request that saves an old session again', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const mine = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(STEP);
    const [old, parked] = [copyAgent(host, mine), await host.signIn('ada')];

    await whileSlow(host, copyAgent(host, mine).get('/slow'), () =>
      whileSlow(host, copyAgent(host, parked).get('/slow'), () => change(host, mine, factor.code())),
    );
    expect(await readSession(host, old)).toHaveProperty('secondFactor.stamp');
    expect(await readSession(host, parked)).toHaveProperty('secondFactor.pending');
    expect(await whoIs(old)).toBe('nobody');
    expect((await answer(parked, factor.code(1))).status).toBe(401);
    expect([await whoIs(parked), await whoIs(mine)]).toEqual(['nobody', 'ada']);
  });
});

it('R7 turning it on ends the user’s sessions that were made with the password alone, and half-done set-ups', async () => {
  const host = await createHost(parts);
  const [mine, elsewhere, eve] = [
    await host.signIn('bob'),
    await host.signIn('bob'),
    await host.signIn('eve'),
  ];
  await elsewhere.get('/two-factor/setup');
  const old = copyAgent(host, mine);
  await whileSlow(host, copyAgent(host, mine).get('/slow'), () => setUpFactor(host, mine));

  expect(await readSession(host, old)).toHaveProperty('secondFactor.stamp');
  expect([await whoIs(mine), await whoIs(elsewhere), await whoIs(old)]).toEqual(['bob', 'nobody', 'nobody']);
  expect((await elsewhere.get('/two-factor/setup')).headers['location']).toBe('/login');
  expect(await whoIs(eve)).toBe('eve');
});

it('R7 a password reset by somebody else ends all of the user’s sessions and leaves the helper’s as it was', async () => {
  const host = await createHost(parts);
  const factor = await host.enrol('ada');
  const ada = await signInWhole(host, 'ada', factor.code());
  const helper = await host.signIn('bob');
  const before = await readSession(host, helper);
  await helper.post('/reset/ada');
  expect([await whoIs(ada), await whoIs(helper)]).toEqual(['nobody', 'bob']);
  expect(await readSession(host, helper)).toEqual(before);
});

it('R7 a password reset of the user whose login is pending in the same browser lets nobody in', async () => {
  const host = await createHost(parts);
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  await agent.post('/reset/ada');
  expect(await whoIs(agent)).toBe('nobody');
  expect((await answer(agent, factor.code())).status).toBe(401);
});

it('R7 a session that was ended meanwhile is not brought back by its own slow password change', async () => {
  const host = await createHost(parts);
  const factor = await host.enrol('ada');
  const owner = await signInWhole(host, 'ada', factor.code());
  host.clock.advance(STEP);
  const thief = await signInWhole(host, 'ada', factor.code());
  await whileSlow(host, thief.post('/slow-change-password'), () => changePassword(host, owner));
  expect(await whoIs(thief)).toBe('nobody');
});

it.each([
  ['before it is accepted', 401],
  ['after it was accepted', 303],
])('R7 a right answer logs nobody in when the password changes %s', async (moment, status) => {
  const host = await createHost({
    wrapStorage: (storage) => ({
      ...storage,
      async accept(acceptance) {
        if (status === 401) await storage.raiseEpoch(acceptance.userId);
        const result = await storage.accept(acceptance);
        if (status === 303) await storage.raiseEpoch(acceptance.userId);
        return result;
      },
    }),
  });
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  expect([moment, (await answer(agent, factor.code())).status]).toEqual([moment, status]);
  expect(await whoIs(agent)).toBe('nobody');
});

it('R7 a login without a second factor is nobody’s when one is turned on in the same moment', async () => {
  const host = await createHost({
    wrapStorage: (storage) => ({
      ...storage,
      async findAccount(userId) {
        const account = await storage.findAccount(userId);
        if (account === undefined) await storage.raiseEpoch(userId);
        return account;
      },
    }),
  });
  expect(await whoIs(await host.signIn('bob'))).toBe('nobody');
});

it('R7 a step-up that is open in a session does not outlive it', async () => {
  const host = await createHost(parts);
  const factor = await host.enrol('ada');
  const agent = await signInWhole(host, 'ada', factor.code());
  await host.secondFactor.passwordChanged('ada');
  host.clock.advance(STEP);
  await expect(stepUp(agent, factor.code())).rejects.toThrow('has no form');
  expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
});
