import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import type { Storage } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  API,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  ORIGIN,
  readTables,
  signInWhole,
  type TestUser,
  userOf,
  whoIs,
} from '../helpers/host.js';

const call = (agent: Agent, path: string, body: object) =>
  agent
    .post(API + path)
    .set('Origin', ORIGIN)
    .send(body);

/** Sends the head of a request, does `meanwhile`, then sends the body. @returns the status. */
async function holdOpen(
  host: Host,
  agent: Agent,
  { path, type, body }: { path: string; type: string; body: string },
  meanwhile: () => PromiseLike<unknown>,
): Promise<number> {
  const server = host.app.listen(0);
  const { port } = server.address() as AddressInfo;
  const cookie = agent.jar
    .getCookies({ domain: '127.0.0.1', path: '/', secure: false, script: false })
    .map((each) => each.toValueString())
    .join('; ');
  const admitted = once(host.app, 'admitted');
  const socket = connect(port);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: host\r\nConnection: close\r\nCookie: ${cookie}\r\nOrigin: ${ORIGIN}\r\n` +
      `Content-Type: ${type}\r\nContent-Length: ${String(body.length)}\r\n\r\n`,
  );
  await admitted;
  // Until the body is waited for.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await meanwhile();
  socket.write(body);
  let reply = '';
  for await (const chunk of socket) reply += String(chunk);
  server.close();
  return Number(reply.split(' ')[1]);
}

/** Tells when a request has passed the session, with whatever its body still is. */
const announce: HostParts['first'] = (app, _host, sessions) => {
  app.use(sessions, (_request, _response, next) => {
    app.emit('admitted');
    next();
  });
};

const json = { type: 'application/json' };

describe('R7 a thief who holds a request open until the session was ended elsewhere', () => {
  it.each<[string, (host: Host, owner: Agent) => PromiseLike<unknown>]>([
    ['by “sign out elsewhere”', (_host, owner) => call(owner, '/sign-out-elsewhere/me', {})],
    ['by a changed password', (host) => host.secondFactor.passwordChanged('eve')],
    ['by signing out', (_host, owner) => owner.post('/logout')],
  ])('of an administrator, turns nobody’s second factor off (%s)', async (_how, end) => {
    const authorize = (request: { user?: unknown }): boolean => (request.user as TestUser).id === 'eve';
    const host = await createHost({ options: { api: { authorize } }, first: announce });
    await host.enrol('ada');
    const owner = await host.signIn('eve');
    const before = readTables(host)['two_factor_authenticators'];
    const held = { ...json, path: `${API}/disable/ada`, body: '{}' };
    expect(await holdOpen(host, copyAgent(host, owner), held, () => end(host, owner))).toBe(401);
    expect(readTables(host)['two_factor_authenticators']).toEqual(before);
  });

  it('renames no authenticator', async () => {
    const host = await createHost({ first: announce });
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    const { id, name } = (await owner.get(`${API}/status/me`)).body.authenticators[0];
    const held = [
      { ...json, path: `${API}/rename/me`, body: JSON.stringify({ authenticator_id: id, name: 'Old one' }) },
    ];
    for (const each of held) {
      const status = await holdOpen(host, copyAgent(host, owner), each, () =>
        call(owner, '/sign-out-elsewhere/me', {}),
      );
      expect(status).toBe(401);
    }
    expect((await owner.get(`${API}/status/me`)).body.authenticators[0].name).toBe(name);
  });

  it('does not sign the owner out', async () => {
    const host = await createHost({ first: announce });
    const owner = await host.signIn('bob');
    const held = { ...json, path: `${API}/sign-out-elsewhere/me`, body: '{}' };
    const end = () => call(owner, '/sign-out-elsewhere/me', {});
    expect(await holdOpen(host, copyAgent(host, owner), held, end)).toBe(401);
    expect(await whoIs(owner)).toBe('bob');
  });

  it('ends no browser’s trust', async () => {
    const host = await createHost({ options: { trustedBrowsers: {} }, first: announce });
    const factor = await host.enrol('ada');
    const owner = await host.signIn('ada');
    await call(owner, '/verify/me', { code: factor.code(), trust: true });
    const before = readTables(host)['two_factor_trusted_browsers'];
    expect(before).toHaveLength(1);
    const held = { ...json, path: `${API}/revoke-trusted-browsers/me`, body: '{}' };
    const logOut = (): PromiseLike<unknown> => owner.post('/logout');
    expect(await holdOpen(host, copyAgent(host, owner), held, logOut)).toBe(401);
    expect(readTables(host)['two_factor_trusted_browsers']).toEqual(before);
  });
});

it('R7 a thief’s form that is parked late is not offered to the session that has ended all others', async () => {
  let isHeld = false;
  const host = await createHost({
    wrapStorage: (storage) =>
      new Proxy(storage, {
        get(target, name: keyof Storage) {
          if (name !== 'createPending' || !isHeld) return target[name];
          return async (...parameters: Parameters<Storage['createPending']>) => {
            isHeld = false;
            host.app.emit('waiting');
            await once(host.app, 'go on');
            return target.createPending(...parameters);
          };
        },
      }),
    routes: (app, { secondFactor }) => void app.post('/transfer', secondFactor.recent()),
  });
  const owner = await host.signIn('bob');
  host.clock.advance(5 * 60_000);
  isHeld = true;
  const waiting = once(host.app, 'waiting');
  const late = copyAgent(host, owner)
    .post('/transfer')
    .set('Origin', ORIGIN)
    .type('form')
    .send('to=eve')
    .then();
  await waiting;
  await call(owner, '/sign-out-elsewhere/me', {});
  host.app.emit('go on');
  const target = new URL((await late).headers['location'] as string, ORIGIN).searchParams.get('return_to')!;
  expect(target).toMatch(/resume/);
  expect((await owner.get(target)).status).toBe(404);
});

it('R6 who acts as somebody else renames none of that user’s authenticators', async () => {
  const host = await createHost({
    options: { login: { impersonation: { allow: () => true, record: () => undefined } } },
    routes(app, created) {
      app.post('/become/ada', (request, response, next) => {
        created.secondFactor
          .impersonate(request, userOf(created, 'ada'))
          .then(() => response.send('done'), next);
      });
    },
  });
  await host.enrol('ada');
  const agent = await host.signIn('eve');
  await agent.post('/become/ada');
  const { id, name } = (await agent.get(`${API}/status/me`)).body.authenticators[0];
  expect((await call(agent, '/rename/me', { authenticator_id: id, name: 'Old one' })).status).toBe(403);
  expect((await agent.get(`${API}/status/me`)).body.authenticators[0].name).toBe(name);
});
