import type { ErrorRequestHandler, RequestHandler } from 'express';
import { BackupCodeStrategy, SecondFactorError, type Storage, TotpStrategy } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  bindStamp,
  copyAgent,
  createHost,
  failing,
  type Host,
  type HostParts,
  readCounters,
  readSession,
  sessionId,
  slowly,
  userIdOf,
  userOf,
  whoIs,
  writeSession,
  wrongCodes,
} from '../helpers/host.js';

const STEP = 30_000;
const MINUTE = 60_000;

const sayCode: ErrorRequestHandler = (error, _request, response, next) => {
  if (error instanceof SecondFactorError) response.status(error.status).json({ code: error.code });
  else next(error);
};

/** A host with a challenge of its own: `/totp` and `/backup-code` redirect, `/outcome` tells what Passport was told. */
const parts: HostParts = {
  routes(app, { passport, secondFactor }) {
    passport.use(new TotpStrategy(secondFactor));
    passport.use(new BackupCodeStrategy(secondFactor));
    passport.use('totp-field', new TotpStrategy(secondFactor, { field: 'otp' }));
    const run = (name: string, options: object = {}) =>
      passport.authenticate(name, options) as RequestHandler;
    app.post('/totp', run('totp', { successRedirect: '/done' }));
    app.post('/backup-code', run('backup-code', { successRedirect: '/done', failureRedirect: '/again' }));
    app.post('/field', run('totp-field', { successRedirect: '/done' }));
    app.post('/info', run('totp'), (request, response) => {
      response.json({
        user: userIdOf(request),
        lane: (request.authInfo as { lane?: string } | undefined)?.lane,
      });
    });
    app.post('/outcome', (request, response, next) => {
      const settle = (error: unknown, user: unknown, info: unknown): void => {
        if (error) next(error);
        else response.json({ user, info });
      };
      (passport.authenticate(['totp'], settle) as RequestHandler)(request, response, next);
    });
    app.use(sayCode);
  },
};

function send(agent: Agent, path: string, code: string) {
  return agent.post(path).type('form').send({ code });
}

async function signInWith(host: Host, userId: string, code: string): Promise<Agent> {
  const agent = await host.signIn(userId);
  await send(agent, '/totp', code);
  return agent;
}

describe('TotpStrategy and BackupCodeStrategy', () => {
  it('complete a pending login on the host’s own route and follow its successRedirect', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    for (const [path, code] of [
      ['/totp', factor.code()],
      ['/backup-code', factor.backupCodes[0]!.toLowerCase()],
    ] as const) {
      const agent = await host.signIn('ada');
      const id = sessionId(agent);
      const done = await send(agent, path, code);
      expect([done.status, done.headers['location']]).toEqual([302, '/done']);
      expect(await whoIs(agent)).toBe('ada');
      expect(sessionId(agent)).not.toBe(id);
    }
  });

  it('tell the route which kind of code it was, as authInfo', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const response = await send(await host.signIn('ada'), '/info', factor.code());
    expect(response.body).toEqual({ user: 'ada', lane: 'totp' });
  });

  it('fail on a wrong code, R4 count it, and follow failureRedirect', async () => {
    const host = await createHost(parts);
    const [factor, evesFactor] = [await host.enrol('ada'), await host.enrol('eve')];
    const agent = await host.signIn('ada');
    expect((await send(agent, '/totp', wrongCodes(factor, 1)[0]!)).status).toBe(401);
    const failed = await send(agent, '/backup-code', evesFactor.backupCodes[0]!);
    expect([failed.status, failed.headers['location']]).toEqual([302, '/again']);
    expect(readCounters(host, 'ada')).toMatchObject({ totp: 1, backupCode: 1 });
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('tell the host’s callback the outcome', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const outcome = async (code: string): Promise<unknown> =>
      ((await send(agent, '/outcome', code)).body as { info: [unknown] }).info[0];
    const [wrong, ...others] = wrongCodes(factor, 5);
    expect(await outcome(wrong!)).toMatchObject({ kind: 'wrong', left: 4 });
    expect(await outcome('12 34')).toMatchObject({ kind: 'malformed' });
    for (const code of others) await outcome(code);
    expect(await outcome(factor.code())).toMatchObject({ kind: 'expired' });
  });

  it('R3 do not log anybody in when the callback does not, and the answer is used up', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const response = await send(agent, '/outcome', factor.code());
    expect(response.body).toMatchObject({ user: { id: 'ada' }, info: { kind: 'accepted' } });
    expect(await whoIs(agent)).toBe('nobody');
    expect((await send(agent, '/totp', factor.code(1))).status).toBe(401);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('refuse the other kind of code, which costs nothing', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await send(agent, '/totp', factor.backupCodes[0]!)).status).toBe(401);
    expect((await send(agent, '/backup-code', factor.code())).headers['location']).toBe('/again');
    expect(readCounters(host, 'ada')).toMatchObject({ totp: 0, backupCode: 0 });
    expect(await whoIs(agent)).toBe('nobody');
    expect((await send(agent, '/backup-code', factor.backupCodes[0]!)).headers['location']).toBe('/done');
  });

  it('read the field they are told to and no other', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await send(agent, '/field', factor.code())).status).toBe(401);
    expect((await agent.post(`/field?otp=${factor.code()}`)).status).toBe(401);
    expect(await whoIs(agent)).toBe('nobody');
    const done = await agent.post('/field').type('form').send({ otp: factor.code() });
    expect(done.headers['location']).toBe('/done');
  });

  it.each<[string, (code: string) => object]>([
    ['a list', (code) => ({ code: [code] })],
    ['a list of two', (code) => ({ code: [code, '000000'] })],
    ['an object', (code) => ({ code: { toString: code, 0: code } })],
    ['a number', (code) => ({ code: Number(`1${code}`) })],
    ['true', () => ({ code: true })],
    ['null', () => ({ code: null })],
    ['a text of 3,000 characters', (code) => ({ code: code.repeat(500) })],
  ])('R11 refuse %s in the body, which costs nothing', async (_kind, body) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    for (const path of ['/totp', '/backup-code']) {
      const refused = await agent.post(path).send(body(factor.code()));
      expect([refused.status, refused.body]).toEqual([400, { code: 'request-invalid' }]);
    }
    const list = await agent.post('/totp').type('form').send(`code[]=${factor.code()}`);
    expect(list.status).toBe(400);
    expect(readCounters(host, 'ada').totp).toBe(0);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it.each(['', '12345', '123456789', '１２３４５６', '١٢٣٤٥٦', '12345a', '1e5555', '-123456x'])(
    'R11 take %j for no code at all, which costs nothing',
    async (code) => {
      const host = await createHost(parts);
      await host.enrol('ada');
      const agent = await host.signIn('ada');
      expect((await send(agent, '/totp', code)).status).toBe(401);
      expect(readCounters(host, 'ada').totp).toBe(0);
    },
  );

  it('R1 answer 503 while storage fails, and let nobody in', async () => {
    const faults = new Set<keyof Storage>();
    const host = await createHost({ ...parts, wrapStorage: (storage) => failing(storage, faults) });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    for (const verb of ['spendAttempt', 'listAuthenticators', 'accept'] as const) {
      faults.add(verb);
      const refused = await send(agent, '/totp', factor.code());
      expect([refused.status, refused.body]).toEqual([503, { code: 'storage-unavailable' }]);
      faults.clear();
    }
    expect(await whoIs(agent)).toBe('nobody');
    expect((await send(agent, '/totp', factor.code())).headers['location']).toBe('/done');
  });

  it('R1 fail for a visitor, and after the deadline', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    expect((await send(host.agent(), '/totp', factor.code())).status).toBe(401);
    const agent = await host.signIn('ada');
    host.clock.advance(10 * MINUTE);
    expect((await send(agent, '/totp', factor.code())).status).toBe(401);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('R2 do not mix up two people who answer at the same instant', async () => {
    const host = await createHost({ ...parts, wrapStorage: slowly });
    const factors = [await host.enrol('ada'), await host.enrol('eve')];
    const agents = [await host.signIn('ada'), await host.signIn('eve')];
    const responses = await Promise.all(
      agents.map((agent, index) => send(agent, '/info', factors[index]!.code())),
    );
    expect(responses.map(({ body }) => (body as { user: string }).user)).toEqual(['ada', 'eve']);
    expect(await Promise.all(agents.map(whoIs))).toEqual(['ada', 'eve']);
  });
});

it('R5 a second answer to a completed login fails on a host’s route like any other, with a session to say so in', async () => {
  const host = await createHost({
    ...parts,
    routes(app, created) {
      parts.routes?.(app, created);
      const totp = created.passport.authenticate('totp', {
        failureMessage: 'No.',
        failureRedirect: '/again',
      });
      app.post('/totp-message', totp as RequestHandler);
    },
  });
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  const [late, saved] = [copyAgent(host, agent), (await readSession(host, agent))!];
  await send(agent, '/totp', factor.code());
  await writeSession(host, late, saved);
  const failed = await send(late, '/totp-message', factor.code(1)).timeout(3_000);
  expect([failed.status, failed.headers['location']]).toEqual([302, '/again']);
  expect(await whoIs(late)).toBe('nobody');
});

it('a host’s callback that throws is answered by the host’s error handler, and takes nothing down', async () => {
  const host = await createHost({
    ...parts,
    routes(app, { passport, secondFactor }) {
      passport.use(new TotpStrategy(secondFactor));
      app.post('/throws', (request, response, next) => {
        const settle = (error: unknown, user: unknown): void => {
          if (!error) throw new Error(user ? 'thrown after the right code' : 'thrown after the wrong code');
          next(error);
        };
        (passport.authenticate('totp', settle) as RequestHandler)(request, response, next);
      });
    },
  });
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  for (const [code, kind] of [
    [wrongCodes(factor, 1)[0]!, 'wrong'],
    [factor.code(), 'right'],
  ] as const) {
    const failed = await send(agent, '/throws', code).timeout(3_000);
    expect([failed.status, failed.text.includes(`thrown after the ${kind} code`)]).toEqual([500, true]);
  }
  expect(await whoIs(agent)).toBe('nobody');
});

it('R1 a right answer of one user completes no login of another in the same request', async () => {
  const host = await createHost({
    routes(app, created) {
      created.passport.use(new TotpStrategy(created.secondFactor));
      app.post('/swap', (request, response, next) => {
        const swap = (_error: unknown, user: unknown): void => {
          request.logIn(userOf(created, user ? 'ada' : 'bob'), (error: unknown) => {
            if (error) next(error);
            else response.send(userIdOf(request));
          });
        };
        (created.passport.authenticate('totp', swap) as RequestHandler)(request, response, next);
      });
    },
  });
  const evesFactor = await host.enrol('eve');
  await host.enrol('ada');
  const agent = await host.signIn('eve');
  const swapped = await send(agent, '/swap', evesFactor.code());
  expect([swapped.status, swapped.headers['location']]).toEqual([303, '/two-factor/challenge']);
  expect(await whoIs(agent)).toBe('nobody');
});

describe('TotpStrategy in a complete session', () => {
  it('is a step-up: the proof is fresh, the session id new, the rest stays', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await signInWith(host, 'ada', factor.code());
    const [id, before] = [sessionId(agent), (await readSession(host, agent))!];
    host.clock.advance(6 * MINUTE);
    expect((await agent.get('/two-factor/backup-codes')).status).toBe(200);

    const done = await send(agent, '/totp', factor.code());
    expect([done.status, done.headers['location']]).toEqual([302, '/done']);
    expect(sessionId(agent)).not.toBe(id);
    const { stamp } = before['secondFactor'] as { stamp: { proofs: object } };
    expect(await readSession(host, agent)).toMatchObject({
      passport: before['passport'],
      secondFactor: {
        stamp: bindStamp(agent, { ...stamp, proofs: { ...stamp.proofs, totp: host.clock() } }),
      },
    });
  });

  it('R3 R4 refuses a used code, and the fifth wrong one ends the session', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await signInWith(host, 'ada', factor.code());
    expect((await send(agent, '/totp', factor.code())).status).toBe(401);
    expect(await whoIs(agent)).toBe('ada');
    host.clock.advance(STEP);
    for (const code of wrongCodes(factor, 4)) await send(agent, '/totp', code);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await send(agent, '/totp', factor.code())).status).toBe(401);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('R4 fails for a user without a second factor', async () => {
    const host = await createHost(parts);
    const evesFactor = await host.enrol('eve');
    const agent = await host.signIn('bob');
    expect((await send(agent, '/totp', evesFactor.code())).status).toBe(401);
    expect(await whoIs(agent)).toBe('bob');
  });
});
