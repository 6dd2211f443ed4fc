import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { eachFace, type Face, faces, setUp } from '../helpers/faces.js';
import {
  type Agent,
  answer,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  readSession,
  signInWhole,
  stepUp,
  type StoredSession,
  userIdOf,
  whoIs,
  writeSession,
} from '../helpers/host.js';
import { revocationOf } from '../../src/testing/storage-fixtures.js';

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

/** As a request would that looked for the session a moment before it ended, and saved it a moment after. */
async function bringBack(host: Host, agent: Agent, before: StoredSession | undefined): Promise<void> {
  expect(await readSession(host, agent)).toBeUndefined();
  expect(before).toHaveProperty('secondFactor.stamp');
  await writeSession(host, agent, before ?? {});
}

function changePassword(_host: Host, agent: Agent): PromiseLike<unknown> {
  return agent.post('/change-password');
}

/** What Ada can do in her own session on a face, with a fresh proof and a code that was not used. */
type Change = (face: Face, agent: Agent, code: string, host: Host) => PromiseLike<unknown>;

const changes: [string, Change][] = [
  ['a new password', (_face, agent, _code, host) => changePassword(host, agent)],
  [
    'new backup codes',
    async (face, agent) => {
      await face.proposeCodes(agent);
      expect((await face.saveCodes(agent)).kind).toBe('accepted');
    },
  ],
  [
    'turning it off',
    async (face, agent, code) => {
      expect((await face.disable(agent, code)).kind).toBe('accepted');
    },
  ],
  ['one more authenticator', (face, agent, _code, host) => setUp(face, host, agent)],
];

const cases = eachFace.flatMap(([name, face]) =>
  changes.map(([change, run]) => [change, name, face, run] as const),
);

describe.each(cases)('R7 %s over the %s', (_change, _name, face, change) => {
  it('ends the user’s other sessions and parked logins, and nobody else’s', async () => {
    const host = await createHost(parts);
    const [factor, evesFactor] = [await host.enrol('ada'), await host.enrol('eve')];
    const mine = await signInWhole(host, 'ada', factor.code());
    const elsewhere = await signInWhole(host, 'ada', factor.code(1));
    const [parked, evesParked] = [await host.signIn('ada'), await host.signIn('eve')];
    const bob = await host.signIn('bob');
    host.clock.advance(3 * STEP);
    await face.answer(mine, factor.code(-1));
    const thief = copyAgent(host, mine);
    expect([await whoIs(elsewhere), await whoIs(thief)]).toEqual(['ada', 'ada']);

    await change(face, mine, factor.code(), host);
    expect([await whoIs(mine), await whoIs(elsewhere), await whoIs(thief)]).toEqual([
      'ada',
      'nobody',
      'nobody',
    ]);
    expect((await face.answer(parked, factor.code(1))).kind).toBe('expired');
    expect(await whoIs(parked)).toBe('nobody');
    expect(await whoIs(bob)).toBe('bob');
    await face.answer(evesParked, evesFactor.code());
    expect(await whoIs(evesParked)).toBe('eve');
  });

  it('is not undone by a slow request that saves an old session again', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const mine = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(STEP);
    const [old, parked] = [copyAgent(host, mine), await host.signIn('ada')];
    const before = await readSession(host, old);

    await whileSlow(host, copyAgent(host, mine).get('/slow'), () =>
      whileSlow(host, copyAgent(host, parked).get('/slow'), () => change(face, mine, factor.code(), host)),
    );
    await bringBack(host, old, before);
    expect(await readSession(host, parked)).toHaveProperty('secondFactor.pending');
    expect(await whoIs(old)).toBe('nobody');
    expect((await face.answer(parked, factor.code(1))).kind).toBe('expired');
    expect([await whoIs(parked), await whoIs(mine)]).toEqual(['nobody', 'ada']);
  });
});

it.each(eachFace)(
  'R7 removing one of two authenticators over the %s ends the user’s other sessions',
  async (_, face) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const mine = await signInWhole(host, 'ada', factor.code());
    await setUp(face, host, mine, { name: 'Second' });
    const [elsewhere, parked] = [await signInWhole(host, 'ada', factor.code(1)), await host.signIn('ada')];
    host.clock.advance(2 * STEP);
    await face.answer(mine, factor.code());
    const old = copyAgent(host, mine);
    expect([await whoIs(elsewhere), await whoIs(old)]).toEqual(['ada', 'ada']);

    const second = (await face.readAuthenticators(mine)).find(({ name }) => name === 'Second')!;
    const before = await readSession(host, old);
    const remove = () => face.remove(mine, second.id);
    await whileSlow(host, copyAgent(host, mine).get('/slow'), remove);
    expect(await face.readAuthenticators(mine)).toHaveLength(1);
    await bringBack(host, old, before);
    expect([await whoIs(mine), await whoIs(elsewhere), await whoIs(old)]).toEqual([
      'ada',
      'nobody',
      'nobody',
    ]);
    expect((await face.answer(parked, factor.code(1))).kind).toBe('expired');
  },
);

it.each(eachFace)(
  'R7 turning it on over the %s ends the user’s sessions that were made with the password alone, and half-done set-ups',
  async (_, face) => {
    const host = await createHost(parts);
    const [mine, elsewhere, eve] = [
      await host.signIn('bob'),
      await host.signIn('bob'),
      await host.signIn('eve'),
    ];
    await face.setup(elsewhere);
    const old = copyAgent(host, mine);
    const before = await readSession(host, old);
    await whileSlow(host, copyAgent(host, mine).get('/slow'), () => setUp(face, host, mine));

    await bringBack(host, old, before);
    const users = [await whoIs(mine), await whoIs(elsewhere), await whoIs(old)];
    expect(users).toEqual(['bob', 'nobody', 'nobody']);
    expect((await face.setup(elsewhere)).kind).toBe('login-required');
    expect(await whoIs(eve)).toBe('eve');
  },
);

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

it.each(
  eachFace.flatMap(([name, face]) => [
    ['before it is accepted', name, face, 'expired'] as const,
    ['after it was accepted', name, face, 'accepted'] as const,
  ]),
)(
  'R7 a right answer logs nobody in when the password changes %s, over the %s',
  async (_, _name, face, kind) => {
    const host = await createHost({
      wrapStorage: (storage) => ({
        ...storage,
        async accept(acceptance) {
          if (kind === 'expired') await storage.raiseEpoch(revocationOf(acceptance.userId));
          const result = await storage.accept(acceptance);
          if (kind === 'accepted') await storage.raiseEpoch(revocationOf(acceptance.userId));
          return result;
        },
      }),
    });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await face.answer(agent, factor.code())).kind).toBe(kind);
    expect(await whoIs(agent)).toBe('nobody');
  },
);

it('R7 a login without a second factor is nobody’s when one is turned on in the same moment', async () => {
  const host = await createHost({
    wrapStorage: (storage) => ({
      ...storage,
      async findAccount(userId) {
        const account = await storage.findAccount(userId);
        if (account === undefined) await storage.raiseEpoch(revocationOf(userId));
        return account;
      },
    }),
  });
  expect(await whoIs(await host.signIn('bob'))).toBe('nobody');
});

it.each(eachFace)(
  'R7 a step-up that is open in a session does not outlive it, over the %s',
  async (_, face) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(STEP);
    const send = await face.prepare(agent, { does: 'answer', code: factor.code() });
    await host.secondFactor.passwordChanged('ada');
    // The page of a session that is gone says so before it looks at anything.
    expect((await send()).kind).toBe(face === faces.pages ? 'completed' : 'login-required');
    expect((await face.answer(agent, factor.code())).kind).toBe('login-required');
    expect(await whoIs(agent)).toBe('nobody');
  },
);

it('R7 the page of a step-up is not shown to a session that has ended', async () => {
  const host = await createHost(parts);
  const factor = await host.enrol('ada');
  const agent = await signInWhole(host, 'ada', factor.code());
  await host.secondFactor.passwordChanged('ada');
  host.clock.advance(STEP);
  await expect(stepUp(agent, factor.code())).rejects.toThrow('has no form');
  expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
});
