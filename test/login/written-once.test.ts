import { RedisStore } from 'connect-redis';
import type { Request, RequestHandler } from 'express';
import { describe, expect, it, vi } from 'vitest';
import { createHost, readSession, readSessions, sendPassword, signInWhole, whoIs } from '../helpers/host.js';

function watchStore() {
  return { set: vi.spyOn(RedisStore.prototype, 'set'), destroy: vi.spyOn(RedisStore.prototype, 'destroy') };
}

describe('a session that a login has renewed', () => {
  it('is written once; where the browser brought none, none is destroyed', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const { set, destroy } = watchStore();
    await sendPassword(host.agent(), 'ada');
    expect([set.mock.calls.length, destroy.mock.calls.length]).toEqual([1, 0]);
    const ada = await signInWhole(host, 'ada', factor.code());
    expect([set.mock.calls.length, destroy.mock.calls.length]).toEqual([3, 1]);
    expect(await whoIs(ada)).toBe('ada');
  });

  it('takes the place of the one that the browser brought', async () => {
    const host = await createHost();
    const agent = await host.signIn('bob');
    const { set, destroy } = watchStore();
    await sendPassword(agent, 'eve');
    expect([set.mock.calls.length, destroy.mock.calls.length]).toEqual([1, 1]);
    expect(await whoIs(agent)).toBe('eve');
  });

  it('leaves nothing of a login that the same request ends', async () => {
    const host = await createHost({
      routes(app, { passport }) {
        app.post('/in-and-out', passport.authenticate('local') as RequestHandler, (request, response) => {
          request.logout(() => response.send('out'));
        });
      },
    });
    await sendPassword(host.agent(), 'bob', '/in-and-out');
    expect((await readSessions(host)).filter((text) => text.includes('bob'))).toEqual([]);
  });

  it.each<[string, (request: Request) => unknown]>([
    ['a field', ({ session }) => Object.assign(session, { cart: 3 })],
    ['for how long it lasts', ({ session }) => (session.cookie.maxAge = 86_400_000)],
    ['what JSON does not know', ({ session }) => Object.assign(session, { seen: new Set([1]) })],
    ['what cannot be copied', ({ session }) => Object.assign(session, { run: () => 1 })],
  ])('is written again after the host has changed %s', async (_what, change) => {
    const host = await createHost({
      routes(app, { passport }) {
        const save: RequestHandler = (request, response) => {
          change(request);
          request.session.save(() => response.send('in'));
        };
        app.post('/sign-in', passport.authenticate('local') as RequestHandler, save);
      },
    });
    const { set } = watchStore();
    const agent = host.agent();
    expect((await sendPassword(agent, 'bob', '/sign-in')).text).toBe('in');
    expect(set.mock.calls.length).toBeGreaterThan(1);
    expect(await whoIs(agent)).toBe('bob');
    if (_what === 'a field') expect(await readSession(host, agent)).toMatchObject({ cart: 3 });
  });

  it('is tried again at the end of the response where the store has refused what the host changed', async () => {
    const host = await createHost({
      routes(app, { passport }) {
        app.post('/sign-in', passport.authenticate('local') as RequestHandler, (request, response) => {
          Object.assign(request.session, { cart: 3 });
          set.mockImplementationOnce((_id, _session, done) => Promise.resolve(done?.(new Error('full'))));
          request.session.save(() => response.send('in'));
        });
      },
    });
    const { set } = watchStore();
    const agent = host.agent();
    await sendPassword(agent, 'bob', '/sign-in');
    expect(await readSession(host, agent)).toMatchObject({ cart: 3 });
  });

  it('is written again as it was where nobody knows what the store has made of a change', async () => {
    const host = await createHost({
      routes(app, { passport }) {
        app.post('/sign-in', passport.authenticate('local') as RequestHandler, (request, response) => {
          Object.assign(request.session, { cart: 3 });
          set.mockImplementationOnce(async function (this: RedisStore, id, session, done) {
            await write.call(this, id, session);
            done?.(new Error('lost on the way back'));
          });
          request.session.save(() => {
            Reflect.deleteProperty(request.session, 'cart');
            response.send('in');
          });
        });
      },
    });
    const write = RedisStore.prototype.set;
    const { set } = watchStore();
    const agent = host.agent();
    await sendPassword(agent, 'bob', '/sign-in');
    expect(await readSession(host, agent)).not.toHaveProperty('cart');
    expect(await whoIs(agent)).toBe('bob');
  });
});
