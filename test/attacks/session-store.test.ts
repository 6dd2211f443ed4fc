import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { expect, it, onTestFinished } from 'vitest';
import { eachFace } from '../helpers/faces.js';
import {
  API,
  copyAgent,
  createHost,
  type HostParts,
  ORIGIN,
  readFormToken,
  readSessions,
  whoIs,
} from '../helpers/host.js';

const anyPath = { domain: '127.0.0.1', path: '/', secure: false, script: false };

/** A host whose session store takes its time to write. */
const slowStore: HostParts = {
  first(app, { redis, prefix }) {
    const store = new RedisStore({ client: redis, prefix });
    const write = store.set.bind(store);
    store.set = async (...parameters: Parameters<RedisStore['set']>) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await write(...parameters);
    };
    app.use(session({ store, secret: 'test', resave: false, saveUninitialized: false, name: 'sid' }));
  },
};

/** The cookie of an answer, as soon as its first byte is there: browsers follow a redirect before its body has come. */
async function readCookie(url: string, cookie: string, type: string, body: string): Promise<string> {
  const headers = {
    cookie,
    origin: ORIGIN,
    'content-type': type,
    accept: type.replace(/.*form.*/, 'text/html'),
  };
  const sent = request(url, { method: 'POST', headers });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

it.each([
  ['pages', '/two-factor/challenge', 'application/x-www-form-urlencoded'],
  ['API', `${API}/verify/me`, 'application/json'],
])(
  'R5 over the %s, whoever follows an answer at once is there already: the session is saved before it',
  async (name, path, type) => {
    const host = await createHost(slowStore);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const server = host.app.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const fields = {
      code: factor.code(),
      ...(name === 'pages' && {
        second_factor_token: readFormToken((await agent.get('/two-factor/challenge')).text),
      }),
    };
    const body = name === 'pages' ? new URLSearchParams(fields).toString() : JSON.stringify(fields);
    const before = agent.jar.getCookie('sid', anyPath)?.toValueString() ?? '';
    const cookie = await readCookie(base + path, before, type, body);
    expect(cookie).not.toBe('');
    expect(await readSessions(host)).toEqual([expect.stringContaining('"passport":{"user":"ada"}')]);
  },
);

it.each(eachFace)(
  'R8 over the %s, a new session secret locks nobody out: no key of ours is made of it',
  async (_, face) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const old = await face.signInWhole(host, 'ada', factor.code());
    const after = await createHost({
      options: { storage: host.options.storage },
      first(app, { redis, prefix }) {
        const store = new RedisStore({ client: redis, prefix });
        app.use(session({ store, secret: 'new', resave: false, saveUninitialized: false, name: 'sid' }));
      },
    });
    expect(await whoIs(copyAgent(after, old))).toBe('nobody');
    after.clock.advance(30_000);
    const agent = await face.signInWhole(after, 'ada', factor.code(1));
    expect(await whoIs(agent)).toBe('ada');
    const other = await face.signInWhole(after, 'ada', factor.backupCodes[0]!);
    expect(await whoIs(other)).toBe('ada');
  },
);
