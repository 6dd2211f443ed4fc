import { once } from 'node:events';
import session from 'express-session';
import { describe, expect, it } from 'vitest';
import {
  answer,
  copyAgent,
  createHost,
  readSession,
  slowly,
  submit,
  submitAtOnce,
  whoIs,
  writeSession,
  readFormToken,
} from '../helpers/host.js';

const CHALLENGE = '/two-factor/challenge';

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

  it.each([
    ['have an age', { cookie: { maxAge: 3_600_000 } }],
    ['are sent with every response', { rolling: true }],
  ])('the loser’s page does not take the winner’s cookie away, where cookies %s', async (_kind, cookies) => {
    const host = await createHost({
      wrapStorage: slowly,
      first(app) {
        const store = new session.MemoryStore();
        const options = { store, secret: 'test', resave: false, saveUninitialized: false, name: 'sid' };
        app.use(session({ ...options, ...cookies }));
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
      const again = await late.post(CHALLENGE).type('form').send({ second_factor_token: token, code });
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
      .send({ second_factor_token: token, code: factor.code(1) });
    expect([again.status, again.headers['location']]).toEqual([403, undefined]);
    expect(await readSession(host, agent)).toEqual(before);
  });
});
