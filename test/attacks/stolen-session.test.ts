import { once } from 'node:events';
import { type RequestHandler, Router } from 'express';
import type { Storage } from 'passport-second-factor';
import { enrolUser } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { eachFace } from '../helpers/faces.js';
import {
  type Agent,
  API,
  copyAgent,
  createHost,
  ORIGIN,
  signInWhole,
  submit,
  userIdOf,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const MINUTE = 60_000;

describe.each(eachFace)('over the %s, R4 somebody at a stolen session', (_, face) => {
  it('gets no new guesses at the password by waiting', async () => {
    const host = await createHost();
    const thief = await host.signIn('bob');
    for (let guess = 1; guess <= 5; guess += 1) {
      expect(await whoIs(thief)).toBe('bob');
      host.clock.advance(11 * MINUTE);
      await face.provePassword(thief, `guess ${String(guess)}`);
    }
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('cannot suspend the owner’s codes by waiting between guesses', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const thief = await signInWhole(host, 'ada', factor.code());
    for (let guess = 1; guess <= 5; guess += 1) {
      expect(await whoIs(thief)).toBe('ada');
      host.clock.advance(11 * MINUTE);
      await face.disable(thief, wrongCodes(factor, 1)[0]!);
    }
    expect(await whoIs(thief)).toBe('nobody');
  });
});

describe('R4 somebody at a stolen session', () => {
  const elsewhere: Record<string, (agent: Agent) => PromiseLike<unknown>> = {
    pages: (agent) => submit(agent, '/two-factor/sign-out-elsewhere', {}, '/two-factor'),
    API: (agent) => agent.post(`${API}/sign-out-elsewhere/me`).set('Origin', ORIGIN).send({}),
  };
  it.each(Object.entries(elsewhere))(
    'gets no new guesses by signing the owner out elsewhere between them (%s)',
    async (_face, signOut) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const [ada, bob] = [await signInWhole(host, 'ada', factor.code()), await host.signIn('bob')];
      const statuses: number[] = [];
      for (const code of wrongCodes(factor, 5)) {
        await signOut(ada);
        await signOut(bob);
        await ada.post(`${API}/verify/me`).set('Origin', ORIGIN).send({ code });
        const guessed = bob.post(`${API}/verify-password/me`).set('Origin', ORIGIN);
        statuses.push((await guessed.send({ password: `guess ${code}` })).status);
      }
      expect(statuses).toEqual([422, 422, 422, 422, 429]);
      expect([await whoIs(ada), await whoIs(bob)]).toEqual(['nobody', 'nobody']);
    },
  );

  it('gets no new guesses with a guess that was held open while everybody else was signed out', async () => {
    let isHeld = false;
    const host = await createHost({
      wrapStorage: (storage) =>
        new Proxy(storage, {
          get(target, name: keyof Storage) {
            if (name !== 'openPending' || !isHeld) return target[name];
            return async (...parameters: Parameters<Storage['openPending']>) => {
              isHeld = false;
              host.app.emit('waiting');
              await once(host.app, 'go on');
              return target.openPending(...parameters);
            };
          },
        }),
    });
    const thief = await host.signIn('bob');
    const guess = (agent: Agent) =>
      agent.post(`${API}/verify-password/me`).set('Origin', ORIGIN).send({ password: 'guess' }).then();
    isHeld = true;
    const waiting = once(host.app, 'waiting');
    const late = guess(copyAgent(host, thief));
    await waiting;
    await elsewhere['API']!(thief);
    for (let left = 4; left > 0; left -= 1) expect((await guess(thief)).body.attempts_left).toBe(left);
    host.app.emit('go on');
    expect((await late).status).toBe(503);
    expect([(await guess(thief)).status, await whoIs(thief)]).toEqual([429, 'nobody']);
  });

  it('does not get it back with a request that was held open while the owner signed out', async () => {
    const host = await createHost({
      routes(app) {
        app.post('/profile', (request, response, next) => {
          app.emit('waiting');
          once(app, 'go on').then(() => {
            const { user } = request;
            if (!user) throw new Error('nobody');
            request.logIn(user, (error: unknown) => {
              if (error) next(error);
              else response.send('saved');
            });
          }, next);
        });
      },
    });
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    const thief = copyAgent(host, owner);
    const waiting = once(host.app, 'waiting');
    const open = thief.post('/profile').then();
    await waiting;
    await owner.post('/logout');
    host.app.emit('go on');
    expect((await open).headers['location']).toBe('/two-factor/challenge');
    expect(await whoIs(thief)).toBe('nobody');
  });
});

it('R5 a password change that was held open while the owner signed out does not bring the session back', async () => {
  const host = await createHost({
    routes(app, { secondFactor }) {
      app.post('/change-password', (request, response, next) => {
        app.emit('waiting');
        once(app, 'go on')
          .then(() => secondFactor.passwordChanged(userIdOf(request), request))
          .then(() => response.send('changed'), next);
      });
    },
  });
  const factor = await host.enrol('ada');
  const owner = await signInWhole(host, 'ada', factor.code());
  const thief = copyAgent(host, owner);
  const waiting = once(host.app, 'waiting');
  const open = thief.post('/change-password').then();
  await waiting;
  await owner.post('/logout');
  host.app.emit('go on');
  expect((await open).status).toBe(503);
  expect(await whoIs(thief)).toBe('nobody');
});

it('R1 a session that falls between two routers leaves nobody logged in for the second one', async () => {
  const host = await createHost({
    routes(app, { passport, secondFactor }) {
      const router = Router();
      router.use(passport.session() as RequestHandler, (request, response) => {
        response.send(`${userIdOf(request)} ${String(request.isAuthenticated())}`);
      });
      const revoke: RequestHandler = (_request, _response, next) => {
        secondFactor.passwordChanged('ada').then(() => {
          next();
        }, next);
      };
      app.use('/revoked', revoke, router);
      app.use('/standing', router);
    },
  });
  const factor = await host.enrol('ada');
  const agent = await signInWhole(host, 'ada', factor.code());
  expect((await agent.get('/standing')).text).toBe('ada true');
  expect((await agent.get('/revoked')).text).toBe('nobody false');
});

describe('R6 R7 while the second step is switched off', () => {
  it.each(eachFace)(
    'a password alone does not lead to backup codes for when it is on again: %s',
    async (_, face) => {
      const host = await createHost({ options: { enabled: false } });
      await enrolUser(host.options, 'ada');
      const thief = await host.signIn('ada');
      expect(await whoIs(thief)).toBe('ada');
      const asked = await face.proposeCodes(thief);
      expect([asked.kind, asked.backupCodes]).toEqual(['proof-required', []]);
      expect((await thief.get('/two-factor/backup-codes')).text).not.toContain('class="backup-code"');
      const { kind, key } = await face.setup(thief);
      expect([kind, key]).toEqual(['proof-required', '']);
    },
  );

  it('a changed password ends stolen sessions', async () => {
    const host = await createHost({ options: { enabled: false } });
    const thief = await host.signIn('ada');
    await host.secondFactor.passwordChanged('ada');
    expect(await whoIs(thief)).toBe('nobody');
  });
});

it('R7 a changed password of an id that is no text is an error, and not a change of nothing', async () => {
  const host = await createHost();
  for (const userId of [7, '', undefined, null]) {
    await expect(host.secondFactor.passwordChanged(userId as string)).rejects.toThrow('options.user.id');
  }
});
