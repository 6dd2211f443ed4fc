import { once } from 'node:events';
import session from 'express-session';
import { describe, expect, it } from 'vitest';
import { atOnce, eachFace, tally } from '../helpers/faces.js';
import {
  type Agent,
  copyAgent,
  createHost,
  readSession,
  slowly,
  whoIs,
  writeSession,
} from '../helpers/host.js';

describe.each(eachFace)('over the %s', (_, face) => {
  describe('R5 a pending login that was put back into Redis', () => {
    it.each<[string, (agent: Agent) => PromiseLike<unknown>]>([
      ['a logout', (agent) => agent.post('/logout')],
      ['it was cancelled', (agent) => face.cancel(agent)],
    ])('cannot be answered after %s', async (_name, end) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      const [thief, saved] = [copyAgent(host, agent), (await readSession(host, agent))!];
      await end(agent);
      expect(await readSession(host, thief)).toBeUndefined();

      await writeSession(host, thief, saved);
      const { status, kind } = await face.answer(thief, factor.code());
      expect([status, kind]).toEqual([401, 'expired']);
      expect(await whoIs(thief)).toBe('nobody');
    });

    it('cannot be answered a second time after it was completed', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      const [thief, saved] = [copyAgent(host, agent), (await readSession(host, agent))!];
      await face.answer(agent, factor.code());

      await writeSession(host, thief, saved);
      const replay = await face.answer(thief, factor.code(1));
      expect([replay.status, replay.kind]).toEqual([409, 'completed']);
      expect(replay.response.text).toContain('completed by another request');
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
      await face.answer(agent, factor.code());
      host.app.emit('go on');
      await slow;

      expect(await readSession(host, thief)).toHaveProperty('secondFactor.pending');
      expect((await face.answer(thief, factor.code(1))).kind).toBe('completed');
      expect(await whoIs(thief)).toBe('nobody');
    });
  });

  describe('R3 R5 two right answers of one pending login at the same instant', () => {
    it.each([
      ['the same code', 'used'],
      ['a code and a backup code', 'completed'],
    ])('make one session: %s', async (what, refusal) => {
      const host = await createHost({ wrapStorage: slowly });
      const factor = await host.enrol('ada');
      const first = await host.signIn('ada');
      const agents = [first, copyAgent(host, first), copyAgent(host, first), copyAgent(host, first)];
      const codes = agents.map((_, index) =>
        what === 'the same code' ? factor.code() : factor.backupCodes[index]!,
      );
      if (what !== 'the same code') codes[0] = factor.code();
      const outcomes = await atOnce(
        agents.map((agent, index) => [face, agent, { does: 'answer', code: codes[index]! }]),
      );
      const kinds = outcomes.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'accepted')).toHaveLength(1);
      for (const kind of kinds) expect(['accepted', 'completed', refusal]).toContain(kind);
      const users = await Promise.all(agents.map(whoIs));
      expect(users.filter((user) => user === 'ada')).toHaveLength(1);
      for (const [index, kind] of kinds.entries())
        expect(users[index]).toBe(kind === 'accepted' ? 'ada' : 'nobody');
    });

    it.each([
      ['have an age', { cookie: { maxAge: 3_600_000 } }],
      ['are sent with every response', { rolling: true }],
    ])(
      'the loser’s answer does not take the winner’s cookie away, where cookies %s',
      async (_kind, cookies) => {
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
        const outcomes = await atOnce([
          [face, winner, { does: 'answer', code: factor.code() }],
          [face, loser, { does: 'answer', code: factor.backupCodes[0]! }],
        ]);
        expect(tally(outcomes)).toEqual({ accepted: 1, completed: 1 });
        const lost = outcomes.find(({ kind }) => kind === 'completed')!;
        expect(lost.response.headers['set-cookie']).toBeUndefined();
      },
    );
  });

  describe('R3 R5 a second submit after the completion', () => {
    it('with the old cookie is told so, and gets no session', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      const late = copyAgent(host, agent);
      const sends = [
        await face.prepare(late, { does: 'answer', code: factor.code() }),
        await face.prepare(late, { does: 'answer', code: factor.code(1) }),
      ];
      await face.answer(agent, factor.code());
      for (const send of sends) {
        const { kind, response } = await send();
        // A page says how that can be; a program is told what to do.
        expect(kind).toBe(face.name === 'pages' ? 'completed' : 'login-required');
        expect(response.status).toBe(face.name === 'pages' ? 409 : 401);
        expect(await whoIs(late)).toBe('nobody');
      }
    });

    it('with the new cookie proves nothing in the new session', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      const send = await face.prepare(agent, { does: 'answer', code: factor.code(1) });
      await face.answer(agent, factor.code());
      const before = await readSession(host, agent);
      const again = await send();
      expect(again.kind).toBe(face.name === 'pages' ? 'completed' : 'form-token-invalid');
      expect(again.response.headers['location']).toBeUndefined();
      expect(await readSession(host, agent)).toEqual(before);
    });
  });
});
