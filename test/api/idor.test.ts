import { once } from 'node:events';
import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Request } from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { call, faces } from '../helpers/faces.js';
import {
  type Agent,
  API,
  createHost,
  type Host,
  type HostParts,
  readTables,
  sessionId,
  signInWhole,
  userIdOf,
  userOf,
  whoIs,
} from '../helpers/host.js';
import { readDescription } from '../helpers/openapi.js';

const MINUTE = 60_000;

interface Route {
  method: 'get' | 'post';
  path: string;
}

/** Every route of the document that names a user, so that a new one cannot be forgotten. */
async function listRoutes(): Promise<Route[]> {
  const { paths } = await readDescription();
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method, path }) as Route),
  );
  const named = routes.filter(({ path }) => path.includes('{user_id}'));
  expect(named.length).toBeGreaterThan(10);
  return named;
}

/** A body that would be right at the route, were the user one's own. */
function makeBody({ path }: Route, code = '000000'): object {
  const [, name = ''] = path.split('/');
  const bodies: Record<string, object> = {
    'verify-password': { password: 'ada-password' },
    'backup-codes': { saved: true },
    cancel: {},
    rename: { authenticator_id: 'any', name: 'New' },
    remove: { authenticator_id: 'any' },
    'revoke-trusted-browser': { browser_id: 'any' },
    'revoke-trusted-browsers': {},
  };
  return bodies[name] ?? { code };
}

function send(agent: Agent, route: Route, userId: string, body: object = makeBody(route)) {
  const address = API + route.path.replace('{user_id}', encodeURIComponent(userId));
  const sent = agent[route.method](address).set('Sec-Fetch-Site', 'same-origin');
  return route.method === 'get' ? sent : sent.send(body);
}

/** An answer without what may differ: the time. */
async function readWhole(agent: Agent, route: Route, userId: string, body?: object): Promise<object> {
  const { status, headers, text } = await send(agent, route, userId, body);
  const { date, ...others } = headers as Record<string, string>;
  expect(date).toBeDefined();
  return { status, headers: others, text: text.replaceAll(userId, '{id}') };
}

/** Who may ask: with what they have proven. */
const callers: [string, number, (host: Host, code: string) => Promise<Agent>][] = [
  ['somebody anonymous', 401, async (host) => host.agent()],
  ['somebody whose login is pending', 404, (host) => host.signIn('ada')],
  [
    'somebody whose login is complete',
    404,
    async (host, code) => {
      const agent = await signInWhole(host, 'ada', code);
      host.clock.advance(5 * MINUTE);
      return agent;
    },
  ],
  ['somebody with a fresh proof', 404, (host, code) => signInWhole(host, 'ada', code)],
];

describe.each(callers)('R11 %s who asks for another user', (_, status, makeCaller) => {
  it('gets the answer of a user who does not exist, whatever is sent, and nothing changes', async () => {
    const host = await createHost();
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const agent = await makeCaller(host, ada.code());
    await host.signIn('eve');
    const before = readTables(host);
    for (const route of await listRoutes()) {
      for (const body of [makeBody(route, eve.code(1)), { code: eve.backupCodes[0] }, { unknown: 1 }, {}]) {
        const unknown = await readWhole(agent, route, 'who-is-this', body);
        expect(unknown).toMatchObject({ status });
        for (const other of ['eve', 'bob'])
          expect([route, await readWhole(agent, route, other, body)]).toEqual([route, unknown]);
      }
    }
    expect(readTables(host)).toEqual(before);
  });

  it('learns nothing more without a token, or with a body that cannot be read', async () => {
    const host = await createHost();
    const ada = await host.enrol('ada');
    await host.enrol('eve');
    const agent = await makeCaller(host, ada.code());
    for (const { method, path } of await listRoutes()) {
      if (method === 'get') continue;
      for (const userId of ['eve', 'who-is-this']) {
        const address = API + path.replace('{user_id}', userId);
        const answers = [
          await agent.post(address).send({ code: '000000' }),
          await agent.post(address).type('text').send('text'),
          await agent.post(address).type('json').send('{'),
          await agent.post(address),
        ];
        for (const answered of answers) expect([path, answered.status]).toEqual([path, status]);
      }
    }
  });
});

it('R11 one’s own id is answered like "me", and only in the same spelling', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const agent = await signInWhole(host, 'ada', factor.code());
  for (const path of ['/status', '/setup', '/backup-codes']) {
    const [me, own] = [await agent.get(`${API}${path}/me`), await agent.get(`${API}${path}/ada`)];
    expect([own.status, own.body]).toEqual([200, me.body]);
  }
  expect((await call(agent, '/verify/ada', { code: factor.code(1) })).status).toBe(200);
});

/** As they stand in a request line: no client has made them nicer. */
const strangeIds = [
  ...['', '%20', 'ME', 'Me', 'ADA', 'Ada', 'ada%20', '%20ada', 'ada%00', '%00', 'me%00', 'm%65%20'],
  ...[
    '.',
    '..',
    '%2e',
    '%2e%2e',
    '%2e%2e%2fme',
    'me%2f',
    'me%2f..',
    'me/..',
    '../me',
    'me/me',
    'me;a=b',
    'me%3f',
  ],
  ...[
    '%zz',
    '%',
    '%c0%ae',
    '%ed%a0%80',
    '%ff',
    '%f0%9f%98%80',
    '%ef%bd%8d%ef%bd%85',
    '%c3%a1da',
    'ad%61%cc%81',
  ],
  ...['__proto__', 'constructor', 'toString', 'undefined', 'null', '0', '-1', '1e9', '%5bobject%20Object%5d'],
  ...['{user_id}', ':user_id', '*', '%25', '%27%20OR%201=1--', 'ada,eve', 'ada%2Ceve', 'ada&user_id=eve'],
  ...['a'.repeat(255), 'a'.repeat(256), 'a'.repeat(10_000), '%F0%9F%98%80'.repeat(64)],
];

describe.each([
  ['by itself', {}],
  ['at a host that allows everything', { options: { api: { authorize: () => true } } }],
] as [string, HostParts][])('R11 an id that is strange %s', (name, parts) => {
  it('is nobody’s: no 5xx, nothing of the caller, and nothing changes', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const ask = await openConnection(host, agent);
    const before = readTables(host);
    for (const { method, path } of await listRoutes()) {
      const [prefix] = path.split('{user_id}');
      for (const id of strangeIds) {
        const { status, text } = await ask(method, `${API}${prefix!}${id}`);
        const what = `${method} ${prefix!}${id.slice(0, 40)}: ${status} ${text.slice(0, 200)}`;
        expect(status, what).toBeLessThan(500);
        if (name === 'by itself') expect([400, 404, 414, 431], what).toContain(status);
        expect(text, what).not.toMatch(/secret|proofs|"enabled":true/);
      }
    }
    expect(readTables(host)).toEqual(before);
    expect(await whoIs(agent)).toBe('ada');
  }, 60_000);
});

type Ask = (method: string, path: string) => Promise<{ status: number; text: string }>;

/** Sends paths as they are, in the session of an agent. */
async function openConnection(host: Host, agent: Agent): Promise<Ask> {
  const server = createServer(host.app).listen(0);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cookie = agent.jar.getCookie('sid', { domain: '127.0.0.1', path: '/', secure: false, script: false });
  expect(sessionId(agent)).not.toBe('');
  const headers = {
    Cookie: `sid=${cookie!.value}`,
    'Sec-Fetch-Site': 'same-origin',
    'Content-Type': 'application/json',
  };
  return (method, path) =>
    new Promise((resolve, reject) => {
      const outgoing = sendRequest({ port, path, method: method.toUpperCase(), headers }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      });
      outgoing.on('error', reject).end(method === 'post' ? '{"code":"000000"}' : undefined);
    });
}

/** A host whose only administrator is Eve; it writes down what it was asked. */
function withAdministrator(asked: string[] = []): HostParts {
  const authorize = (request: Request, userId: string, action: string): boolean => {
    asked.push(`${userIdOf(request)} ${action} ${userId}`);
    return userIdOf(request) === 'eve';
  };
  return {
    options: { api: { authorize }, login: { impersonation: { allow: () => true, record: () => undefined } } },
    routes(app, host) {
      app.post('/become/:id', (request, response, next) => {
        host.secondFactor
          .impersonate(request, userOf(host, request.params.id))
          .then(() => response.send(), next);
      });
    },
  };
}

describe('R11 an administrator', () => {
  it('sees how another user’s second factor stands, and nothing that opens it', async () => {
    const host = await createHost(withAdministrator());
    const factor = await host.enrol('ada');
    const eve = await host.signIn('eve');
    const { status, body, text } = await eve.get(`${API}/status/ada`);
    expect([status, Object.keys(body).sort()]).toEqual([
      200,
      ['authenticators', 'backup_codes', 'enabled', 'enabled_at', 'lanes', 'user_id'],
    ]);
    expect(body).toMatchObject({ user_id: 'ada', enabled: true, backup_codes: { left: 10, total: 10 } });
    expect(Object.keys(body.authenticators[0]).sort()).toEqual([
      ...['algorithm', 'created_at', 'digits', 'id', 'last_used_at', 'name', 'period'],
    ]);
    for (const secret of [factor.code(), ...factor.backupCodes]) expect(text).not.toContain(secret);
    // Of what is only looked at, nobody needs a fresh proof.
    host.clock.advance(60 * MINUTE);
    expect((await eve.get(`${API}/status/ada`)).status).toBe(200);
  });

  it('has these two rights alone: at every other route the user does not exist', async () => {
    const asked: string[] = [];
    const host = await createHost(withAdministrator(asked));
    await host.enrol('ada');
    const evesFactor = await host.enrol('eve');
    const eve = await signInWhole(host, 'eve', evesFactor.code());
    const before = readTables(host);
    for (const route of await listRoutes()) {
      if (/^\/(status|activity|disable)\//.test(route.path)) continue;
      const unknown = await readWhole(eve, route, 'who-is-this');
      expect(unknown).toMatchObject({ status: 404 });
      expect([route, await readWhole(eve, route, 'ada')]).toEqual([route, unknown]);
    }
    expect(readTables(host)).toEqual(before);
    expect(asked).toEqual([]);
  });

  it('is asked about with the request, the user and the action', async () => {
    const asked: string[] = [];
    const host = await createHost(withAdministrator(asked));
    await host.enrol('ada');
    const [eve, bob] = [await host.signIn('eve'), await host.signIn('bob')];
    for (const agent of [eve, bob]) {
      await agent.get(`${API}/status/ada`);
      await agent.get(`${API}/activity/ada`);
      await call(agent, '/disable/ada', {});
    }
    const rights = ['status', 'status', 'disable'];
    expect(asked).toEqual(['eve', 'bob'].flatMap((who) => rights.map((right) => `${who} ${right} ada`)));
  });

  it('turns a lost factor off with a proof of their own; sessions and pending logins of the user die, and the user can enrol again', async () => {
    const host = await createHost(withAdministrator());
    const [ada, evesFactor] = [await host.enrol('ada'), await host.enrol('eve')];
    const [owner, parked] = [await signInWhole(host, 'ada', ada.code()), await host.signIn('ada')];
    const eve = await signInWhole(host, 'eve', evesFactor.code());
    const done = await call(eve, '/disable/ada', {});
    expect([done.status, done.body]).toEqual([200, { user_id: 'ada', enabled: false }]);
    expect([await whoIs(owner), await whoIs(eve)]).toEqual(['nobody', 'eve']);
    expect((await faces.API.answer(parked, ada.code(1))).kind).toBe('expired');

    const again = await host.signIn('ada');
    expect(await whoIs(again)).toBe('ada');
    const { key } = await faces.API.setup(again);
    expect(key).not.toBe('');
    await host.enrol('ada');
    expect(await whoIs(await host.signIn('ada'))).toBe('nobody');
    // Eve's own second factor is what it was.
    expect((await eve.get(`${API}/status/me`)).body.enabled).toBe(true);
    const twice = await call(eve, '/disable/bob', {});
    expect([twice.status, twice.body.code]).toEqual([409, 'not-enabled']);
  });

  it('with an old proof turns nothing off; the password is none for whoever has a second factor', async () => {
    const host = await createHost(withAdministrator());
    const [, evesFactor] = [await host.enrol('ada'), await host.enrol('eve')];
    const eve = await signInWhole(host, 'eve', evesFactor.code());
    host.clock.advance(5 * MINUTE);
    const refused = await call(eve, '/disable/ada', {});
    expect([refused.status, refused.body]).toMatchObject([
      401,
      { code: 'proof-required', proof: 'expired', factors: ['totp', 'backup-code'] },
    ]);
    expect((await call(eve, '/verify-password/me', { password: 'eve-password' })).status).toBe(401);
    expect((await call(eve, '/disable/ada', {})).status).toBe(401);
    expect((await call(eve, '/verify/me', { code: evesFactor.code() })).status).toBe(200);
    expect((await call(eve, '/disable/ada', {})).status).toBe(200);
  });

  it('cannot try another user’s codes: a code is refused, right or wrong, and none is used up', async () => {
    const host = await createHost(withAdministrator());
    const ada = await host.enrol('ada');
    const eve = await host.signIn('eve');
    const before = readTables(host);
    for (const code of [ada.code(), ada.backupCodes[0], '000000', '']) {
      const { status, body } = await call(eve, '/disable/ada', { code });
      expect([status, body.code]).toEqual([400, 'request-invalid']);
    }
    expect(readTables(host)).toEqual(before);
    // Of one's own, it is needed.
    expect((await call(eve, '/disable/me', {})).status).toBe(400);
    expect((await call(eve, '/disable/eve', {})).status).toBe(400);
  });

  it('needs a token like everybody', async () => {
    const host = await createHost(withAdministrator());
    await host.enrol('ada');
    const eve = await host.signIn('eve');
    expect((await eve.post(`${API}/disable/ada`).send({})).body.code).toBe('form-token-invalid');
    const { body } = await eve.post(`${API}/disable/ada`).set('Sec-Fetch-Site', 'cross-site').send({});
    expect(body.code).toBe('cross-site-refused');
    expect((await eve.get(`${API}/status/ada`)).body.enabled).toBe(true);
  });

  it('is nobody before the second step, after a logout, and as somebody else', async () => {
    const asked: string[] = [];
    const host = await createHost(withAdministrator(asked));
    const [, evesFactor] = [await host.enrol('ada'), await host.enrol('eve')];
    const pending = await host.signIn('eve');
    const acting = await signInWhole(host, 'eve', evesFactor.code());
    await acting.post('/become/bob');
    expect(await whoIs(acting)).toBe('bob');
    const gone = await signInWhole(host, 'eve', evesFactor.code(1));
    await gone.post('/logout');
    for (const [agent, status] of [
      [pending, 404],
      [acting, 404],
      [gone, 401],
      [host.agent(), 401],
    ] as const) {
      expect((await agent.get(`${API}/status/ada`)).status).toBe(status);
      expect((await call(agent, '/disable/ada', {})).status).toBe(status);
    }
    expect(asked).toEqual([]);
  });
});

describe('R11 the host’s rule about other users', () => {
  it('is never asked about oneself, and cannot refuse that', async () => {
    const asked: string[] = [];
    const authorize = (_request: unknown, userId: string): boolean => {
      asked.push(userId);
      return false;
    };
    const host = await createHost({ options: { api: { authorize } } });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    for (const id of ['me', 'ada']) expect((await agent.get(`${API}/status/${id}`)).status).toBe(200);
    expect((await call(agent, '/disable/ada', { code: factor.code(1) })).status).toBe(200);
    expect(asked).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['1', () => 1],
    ['a text', () => 'yes'],
    ['an object', () => ({})],
    ['a promise of a text', () => Promise.resolve('true')],
    ['a promise of nothing', () => Promise.resolve()],
    ['a Boolean object', () => Object(true)],
    ['a function', () => () => true],
  ])('lets nobody in with %s', async (_, answer) => {
    const host = await createHost({ options: { api: { authorize: answer as () => boolean } } });
    await host.enrol('ada');
    const eve = await host.signIn('eve');
    for (const response of [await eve.get(`${API}/status/ada`), await call(eve, '/disable/ada', {})])
      expect([response.status, response.body.code]).toEqual([404, 'not-found']);
    expect(await whoIs(await host.signIn('ada'))).toBe('nobody');
  });

  it.each<[string, () => never | Promise<never>]>([
    ['rejects', () => Promise.reject(new Error('The directory is away.'))],
    [
      'throws',
      () => {
        throw new Error('The directory is away.');
      },
    ],
  ])('lets nobody in where it %s', async (_, authorize) => {
    const host = await createHost({ options: { api: { authorize } } });
    await host.enrol('ada');
    const eve = await host.signIn('eve');
    for (const response of [await eve.get(`${API}/status/ada`), await call(eve, '/disable/ada', {})]) {
      expect(response.status).toBe(500);
      expect(response.text).not.toContain('"enabled"');
    }
    expect(await whoIs(await host.signIn('ada'))).toBe('nobody');
  });

  it('lets in with a promise of true', async () => {
    const host = await createHost({ options: { api: { authorize: () => Promise.resolve(true) } } });
    await host.enrol('ada');
    expect((await (await host.signIn('eve')).get(`${API}/status/ada`)).status).toBe(200);
  });
});
