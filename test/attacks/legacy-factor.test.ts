import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { createSecondFactor, type LegacyFactor, type LegacyOptions } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { encodeKey } from '../../src/totp/key-uri.js';
import { eachFace, faces, setUp, tally } from '../helpers/faces.js';
import {
  createHost,
  type Host,
  type HostParts,
  readTables,
  sendPassword,
  slowly,
  type TestUser,
  userOf,
  whoIs,
} from '../helpers/host.js';

interface Old {
  host: Host;
  /** What the system of before has, by user. */
  factors: Map<string, LegacyFactor>;
  /** Who was asked for. */
  asked: string[];
  code(steps?: number): string;
}

/** A host whose system of before has a second factor for ada. */
async function createOld(legacy: Partial<LegacyOptions> = {}, parts: HostParts = {}): Promise<Old> {
  const key = encodeKey(randomBytes(20));
  const factors = new Map<string, LegacyFactor>([['ada', { secret: key, name: 'Old phone' }]]);
  const asked: string[] = [];
  const findFactor = (user: Express.User): LegacyFactor | null => {
    const { id } = user as unknown as TestUser;
    asked.push(id);
    return factors.get(id) ?? null;
  };
  const options = { ...parts.options, legacy: { findFactor, ...legacy } };
  const host = await createHost({ ...parts, options });
  return { host, factors, asked, code: (steps = 0) => totpCode(key, host.clock() + steps * 30_000) };
}

describe.each(eachFace)('a second factor in the system of before, over the %s', (_, face) => {
  it('holds the first login here, is asked for once, and works like any other', async () => {
    const { host, asked, code } = await createOld();
    const agent = await host.signIn('ada');
    expect(await whoIs(agent)).toBe('nobody');
    expect((await face.answer(agent, '123')).kind).toBe('malformed');
    expect((await face.answer(agent, code())).kind).toBe('accepted');
    expect(await whoIs(agent)).toBe('ada');
    expect(await face.readAuthenticators(agent)).toMatchObject([{ name: 'Old phone' }]);
    const again = await host.signIn('ada');
    expect(await whoIs(again)).toBe('nobody');
    expect((await face.answer(again, code())).kind).toBe('used');
    expect((await face.answer(again, code(1))).kind).toBe('accepted');
    expect(asked).toEqual(['ada']);
  });

  it('is asked for at each login of somebody who has none, and never of somebody who has one here', async () => {
    const { host, asked, factors } = await createOld();
    expect(await whoIs(await host.signIn('bob'))).toBe('bob');
    const agent = await host.signIn('bob');
    await setUp(face, host, agent);
    factors.set('bob', { secret: encodeKey(randomBytes(20)) });
    expect(await whoIs(await host.signIn('bob'))).toBe('nobody');
    expect(asked).toEqual(['bob', 'bob']);
  });

  it('does not come back when it is turned off here', async () => {
    const { host, asked, code } = await createOld();
    const agent = await face.signInWhole(host, 'ada', code());
    host.clock.advance(60_000);
    expect((await face.disable(agent, code())).kind).toBe('accepted');
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
    expect(asked).toEqual(['ada']);
  });

  it('does not lock out whom an administrator has reset', async () => {
    const { host } = await createOld();
    await host.signIn('ada');
    await host.secondFactor.service.reset('ada', 'eve', 'lost phone');
    const agent = await host.signIn('ada');
    expect(await whoIs(agent)).toBe('ada');
    expect((await setUp(face, host, agent)).backupCodes).toHaveLength(10);
  });

  it('is asked for after a changed password too', async () => {
    const { host } = await createOld();
    await host.secondFactor.passwordChanged('ada');
    expect(await whoIs(await host.signIn('ada'))).toBe('nobody');
  });

  it('is guessed at with the attempts of one account, however many first logins there are', async () => {
    const { host, code } = await createOld({}, { wrapStorage: slowly });
    const agents = await Promise.all(Array.from({ length: 8 }, () => host.signIn('ada')));
    const wrong = String((Number(code()) + 1) % 1_000_000).padStart(6, '0');
    const sends = await Promise.all(
      agents.map((agent) => face.prepare(agent, { does: 'answer', code: wrong })),
    );
    const outcomes = tally(await Promise.all(sends.map((send) => send())));
    expect(outcomes).toEqual({ wrong: 5, delayed: 3 });
    expect(await host.options.storage.listAuthenticators('ada')).toHaveLength(1);
  });

  it('meets an enrolment in the same instant: one of the two is there, and nobody got in without', async () => {
    for (let round = 0; round < 4; round += 1) {
      const old = await createOld({}, { wrapStorage: slowly });
      const { host, factors } = old;
      const agent = await host.signIn('bob');
      const { key } = await face.setup(agent);
      const enable = await face.prepare(agent, { does: 'enable', code: totpCode(key, host.clock()) });
      factors.set('bob', { secret: encodeKey(randomBytes(20)) });
      const [, ...agents] = await Promise.all([enable(), host.signIn('bob'), host.signIn('bob')]);
      expect(await Promise.all(agents.map((each) => whoIs(each)))).toEqual(['nobody', 'nobody']);
      expect(await host.options.storage.listAuthenticators('bob')).toHaveLength(1);
    }
  });

  it('is not missed where an import takes it, and the old row goes, while the host looks', async () => {
    const hosts: Host[] = [];
    const record = { userId: 'ada', secret: encodeKey(randomBytes(20)) };
    const { host } = await createOld({
      async findFactor() {
        for await (const { kind } of hosts[0]!.secondFactor.service.import([record]))
          expect(kind).toBe('imported');
        return null;
      },
    });
    hosts.push(host);
    expect((await sendPassword(host.agent(), 'ada')).headers['location']).toBe('/two-factor/challenge');
  });

  it('makes no second one of parallel first logins, and one code completes one of them', async () => {
    const { host, asked, code } = await createOld({}, { wrapStorage: slowly });
    const agents = await Promise.all(Array.from({ length: 6 }, () => host.signIn('ada')));
    expect(await Promise.all(agents.map((each) => whoIs(each)))).toEqual(agents.map(() => 'nobody'));
    const events = await host.options.storage.listEvents('ada', 20);
    expect(events.filter(({ kind }) => kind === 'factor.imported')).toHaveLength(1);
    expect(await host.options.storage.listAuthenticators('ada')).toHaveLength(1);
    expect(asked.length).toBeGreaterThan(1);
    const sends = await Promise.all(
      agents.map((each) => face.prepare(each, { does: 'answer', code: code() })),
    );
    const outcomes = tally(await Promise.all(sends.map((send) => send())));
    expect(outcomes).toMatchObject({ accepted: 1 });
  });
});

describe('a system of before that cannot answer', () => {
  const answers: [string, LegacyOptions['findFactor'], number][] = [
    [
      'throws',
      () => {
        throw new Error('away');
      },
      503,
    ],
    ['rejects', () => Promise.reject(new Error('away')), 503],
    ['is silent', () => new Promise(() => undefined), 503],
    ['forgets its return', () => undefined as never, 500],
    ['says false', () => false as never, 500],
    ['gives no secret', () => ({}) as never, 500],
    ['gives an empty secret', () => ({ secret: '' }), 500],
    ['gives what is no base32', () => ({ secret: 'secret-of-ada!' }), 500],
    ['gives a short secret', () => ({ secret: 'GEZDGNBVGY3TQOJQ' }), 500],
    ['gives codes by 7 digits', () => ({ secret: 'A'.repeat(32), digits: 7 as never }), 500],
  ];

  it.each(answers)(
    'lets nobody in when it %s, and repeats nothing of it',
    async (_what, findFactor, status) => {
      const { host } = await createOld({ findFactor });
      const before = readTables(host);
      const agent = host.agent();
      const response = await sendPassword(agent, 'ada');
      expect(response.status).toBe(status);
      expect(response.text).not.toMatch(/secret-of-ada|GEZDGNBV/);
      expect(await whoIs(agent)).toBe('nobody');
      expect(readTables(host)).toEqual(before);
    },
  );

  it('lets whoever has moved in all the same', async () => {
    let isAway = false;
    const secret = encodeKey(randomBytes(20));
    const { host } = await createOld({
      findFactor: () => (isAway ? Promise.reject(new Error('away')) : { secret }),
    });
    await host.signIn('ada');
    isAway = true;
    const agent = await host.signIn('ada');
    expect((await faces.pages.answer(agent, totpCode(secret, host.clock()))).kind).toBe('accepted');
  });

  it('lets nobody in where the storage fails in the middle', async () => {
    const { host } = await createOld(
      {},
      { wrapStorage: (storage) => ({ ...storage, importFactors: () => Promise.reject(new Error('full')) }) },
    );
    const agent = host.agent();
    expect((await sendPassword(agent, 'ada')).status).toBe(503);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('is waited for as long as it has time, and the answer that comes too late does nothing', async () => {
    const late = { secret: encodeKey(randomBytes(20)) };
    const { host } = await createOld({ findFactor: () => wait(1_700, late) });
    const agent = host.agent();
    expect((await sendPassword(agent, 'ada')).status).toBe(503);
    await wait(400);
    expect(await host.options.storage.findAccount('ada')).toBeUndefined();
  });
});

describe('the doors beside the login page', () => {
  it('refuses a login without a session, and holds one that never comes to req.logIn', async () => {
    const { host } = await createOld(
      {},
      {
        routes(app, { passport, secondFactor, ...rest }) {
          app.post('/token', passport.authenticate('local', { session: false }), (_request, response) => {
            response.json({ token: 't' });
          });
          app.post('/hold', (request, response, next) => {
            secondFactor
              .hold(request, response, userOf({ ...rest, passport, secondFactor }, 'ada'))
              .then((isHeld) => (isHeld ? undefined : response.json({ token: 't' })))
              .catch(next);
          });
        },
      },
    );
    const token = await sendPassword(host.agent(), 'ada', '/token');
    expect(token.status).toBe(401);
    const held = await host.agent().post('/hold');
    expect(held.status).not.toBe(200);
  });

  it('comes before the policy: whoever has one there need not set one up', async () => {
    const { host, code } = await createOld({}, { options: { policy: { required: true } } });
    const agent = await host.signIn('ada');
    expect((await faces.API.answer(agent, code())).kind).toBe('accepted');
    const bob = await host.signIn('bob');
    expect((await bob.get('/two-factor/required')).status).toBe(200);
  });

  it('is not asked while everything is switched off', async () => {
    const { host, asked } = await createOld({}, { options: { enabled: false } });
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
    expect(asked).toEqual([]);
  });
});

describe('options.legacy', () => {
  it.each<[string, object, RegExp]>([
    ['no function', { legacy: {} }, /legacy\.findFactor: must be a function/],
    ['an unknown name', { legacy: { findFactor: () => null, find: 1 } }, /legacy has unknown names: find/],
    [
      'sessions that are adopted',
      { legacy: { findFactor: () => null }, login: { adoptUnstamped: { until: new Date(0) } } },
      /login\.adoptUnstamped: must not stand beside "legacy"/,
    ],
  ])('refuses %s', async (_what, options, message) => {
    const { host } = await createOld();
    expect(() => createSecondFactor({ ...host.options, ...options })).toThrow(message);
  });

  it('takes a short secret only where that is said', async () => {
    const secret = 'GEZDGNBVGY3TQOJQ';
    const { host } = await createOld({ findFactor: () => ({ secret }), allowShortSecrets: true });
    const agent = await host.signIn('ada');
    expect(await whoIs(agent)).toBe('nobody');
    expect((await faces.API.answer(agent, '000000')).kind).toBe('wrong');
  });
});
