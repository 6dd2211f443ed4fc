import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  type Host,
  type HostParts,
  ORIGIN,
  readCounters,
  readTables,
  setUpFactor,
  signInWhole,
  stepUp,
  submit,
  whoIs,
  readFormToken,
} from '../helpers/host.js';

const CHALLENGE = '/two-factor/challenge';
const FORM = 'application/x-www-form-urlencoded';

async function readToken(agent: Agent, page = CHALLENGE): Promise<string> {
  return readFormToken((await agent.get(page)).text);
}

/** Hosts with parsers of their own, which see the request before we do. */
const hosts: Record<string, HostParts> = {
  'a host without parsers': {},
  'a host with lax parsers before us': {
    first(app) {
      app.use(express.urlencoded({ extended: true, limit: '10mb', parameterLimit: 100_000 }));
      app.use(express.json({ limit: '10mb' }), express.text({ type: 'text/*', limit: '10mb' }));
    },
  },
};

/** Bodies around a right code; `_` is the token. None may be accepted. */
const bodies: Record<string, (code: string) => string> = {
  'no code': () => '_',
  'an empty code': () => '_&code=',
  'two codes': (code) => `_&code=${code}&code=${code}`,
  'a list with one code': (code) => `_&code[]=${code}`,
  'an encoded list': (code) => `_&code%5B%5D=${code}`,
  'an indexed list': (code) => `_&code[0]=${code}`,
  'an object': (code) => `_&code[a]=${code}`,
  'an object that says it is text': (code) => `_&code[toString]=${code}&code[length]=6`,
  'a code in __proto__': (code) => `_&__proto__[code]=${code}`,
  'a code in constructor.prototype': (code) => `_&constructor[prototype][code]=${code}`,
  'a field named __proto__': (code) => `_&__proto__=${code}`,
  'fullwidth digits': (code) => `_&code=${encodeURIComponent(shiftDigits(code, 0xff10))}`,
  'Arabic digits': (code) => `_&code=${encodeURIComponent(shiftDigits(code, 0x0660))}`,
  'mathematical digits': (code) => `_&code=${encodeURIComponent(shiftDigits(code, 0x1d7ce))}`,
  'a sign': (code) => `_&code=%2B${code}`,
  'a trailing letter': (code) => `_&code=${code}ab`,
  'a NUL': (code) => `_&code=${code}%00`,
  'an over-long code': (code) => `_&code=${code.padEnd(2049)}`,
  'much white space': (code) => `_&code=${code.padEnd(2048)}`,
  'a million characters': (code) => `_&code=${code.padEnd(1_000_000, '0')}`,
  'ten thousand fields': (code) => `_&code=${code}&${'a=1&'.repeat(10_000)}`,
  'a deep object': (code) => `_&code${'[a]'.repeat(500)}=${code}`,
  'a broken escape': (code) => `_&code=${code}%zz`,
};

function shiftDigits(code: string, zero: number): string {
  return [...code].map((digit) => String.fromCodePoint(zero + Number(digit))).join('');
}

describe.each(Object.entries(hosts))('R11 a hostile form at %s', (_, parts) => {
  it('is refused with 4xx, lets nobody in and costs no attempt', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const token = `second_factor_token=${await readToken(agent)}`;
    for (const [name, build] of Object.entries(bodies)) {
      const body = build(factor.code()).replace('_', token);
      const { status } = await agent.post(CHALLENGE).type('form').send(body);
      expect(status >= 400 && status < 500, `${name}: ${status}`).toBe(true);
      expect(await whoIs(agent), name).toBe('nobody');
    }
    expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it('turns nothing off, and sets nothing up', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const [owner, other] = [await signInWhole(host, 'ada', factor.code(-1)), await host.signIn('bob')];
    const tokens = [
      await readToken(owner, '/two-factor/disable'),
      await readToken(other, '/two-factor/setup'),
    ];
    const before = readTables(host);
    for (const [name, build] of Object.entries(bodies)) {
      for (const [index, agent] of [owner, other].entries()) {
        const path = index === 0 ? '/two-factor/disable' : '/two-factor/setup';
        const body = build(factor.code()).replace('_', `second_factor_token=${tokens[index]!}`);
        const { status } = await agent.post(path).type('form').send(body);
        expect(status >= 400 && status < 500, `${path} with ${name}: ${status}`).toBe(true);
      }
    }
    expect(readTables(host)).toEqual(before);
  });

  it.each([
    ['JSON', 'application/json', (fields: object) => JSON.stringify(fields)],
    ['JSON with a parameter', 'application/json; charset=utf-8', (fields: object) => JSON.stringify(fields)],
    ['text', 'text/plain', (fields: object) => new URLSearchParams({ ...fields }).toString()],
    ['multipart', 'multipart/form-data; boundary=x', () => '--x--'],
    [
      'a type that lists ours',
      `text/plain, ${FORM}`,
      (fields: object) => new URLSearchParams({ ...fields }).toString(),
    ],
  ])('of the type %s is not looked at', async (_name, type, write) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const fields = { second_factor_token: await readToken(agent), code: factor.code() };
    const response = await agent.post(CHALLENGE).set('Content-Type', type).send(write(fields));
    expect(response.status).toBe(415);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('with its code in the query string has no code', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const token = await readToken(agent);
    const query = `second_factor_token=${token}&code=${factor.code()}`;
    const withToken = await agent
      .post(`${CHALLENGE}?${query}`)
      .type('form')
      .send({ second_factor_token: token });
    const withNothing = await agent.post(`${CHALLENGE}?${query}`);
    expect([withToken.status, withNothing.status]).toEqual([422, 415]);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it.each([
    ['an unknown encoding', { 'Content-Encoding': 'x-unknown' }],
    ['a broken gzip', { 'Content-Encoding': 'gzip' }],
    ['an unknown character set', { 'Content-Type': `${FORM}; charset=x-unknown` }],
    ['a method override', { 'X-HTTP-Method-Override': 'GET', 'Content-Type': 'text/plain' }],
  ])('with %s is refused with 4xx', async (_name, headers) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const body = `second_factor_token=${await readToken(agent)}&code=${factor.code()}`;
    const response = await agent.post(CHALLENGE).type('form').set(headers).send(body);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(await whoIs(agent)).toBe('nobody');
  });
});

describe('R11 a request that lies about its length', () => {
  it.each([
    ['says more than the limit', ['Content-Length: 1000000'], '0', /^413$/],
    ['says less than it sends', ['Content-Length: 20'], '0'.repeat(5_000), /^40[03]$/],
    ['sends a large body in chunks', ['Transfer-Encoding: chunked'], '0'.repeat(100_000), /^413$/],
  ])('and %s is refused', async (_, framing, padding, status) => {
    const host = await createHost();
    const { cookie, agent, token, code } = await holdLogin(host);
    const reply = await sendRaw(
      host,
      cookie,
      framing,
      `second_factor_token=${token}&code=${code}&padding=${padding}`,
    );
    expect(reply.split(' ')[1]).toMatch(status);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('and sends a large code in chunks past a lax parser before us is refused', async () => {
    const host = await createHost(hosts['a host with lax parsers before us']);
    const { cookie, agent, token, code } = await holdLogin(host);
    const body = `second_factor_token=${token}&code=${code.padEnd(1_000_000, '0')}`;
    const reply = await sendRaw(host, cookie, ['Transfer-Encoding: chunked'], body);
    expect(reply.split(' ')[1]).toBe('400');
    expect(await whoIs(agent)).toBe('nobody');
  });

  async function holdLogin(host: Host) {
    const { code } = await host.enrol('ada');
    const agent = host.agent();
    const login = await agent.post('/login').type('form').send({ username: 'ada', password: 'ada-password' });
    const cookie = login.headers['set-cookie']![0]!.split(';', 1)[0]!;
    return { cookie, agent, token: await readToken(agent), code: code() };
  }
});

describe('R11 a form that another site makes the browser send', () => {
  const refused: [string, Record<string, string>][] = [
    ['a foreign site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['a sibling domain', { 'Sec-Fetch-Site': 'same-site', Origin: ORIGIN }],
    ['an unknown word', { 'Sec-Fetch-Site': 'SAME-ORIGIN' }],
    ['a foreign origin', { Origin: 'https://evil.example' }],
    ['an origin that begins like ours', { Origin: `${ORIGIN}.evil.example` }],
    ['our host by another scheme', { Origin: ORIGIN.replace('http:', 'https:') }],
    ['our host by another port', { Origin: 'http://localhost:3001' }],
    ['a sandboxed frame of an old browser', { Origin: 'null' }],
  ];
  const allowed: [string, Record<string, string>][] = [
    ['our own page', { 'Sec-Fetch-Site': 'same-origin', Origin: ORIGIN }],
    ['our own page under no-referrer', { 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }],
    ['a user who typed the address', { 'Sec-Fetch-Site': 'none' }],
    ['our own page in an old browser', { Origin: ORIGIN }],
  ];

  it.each(refused)('is refused from %s although the token is right', async (_, headers) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const fields = { second_factor_token: await readToken(agent), code: factor.code() };
    for (const path of ['/challenge', '/cancel']) {
      expect((await agent.post(`/two-factor${path}`).type('form').set(headers).send(fields)).status).toBe(
        403,
      );
    }
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
    for (const path of ['/setup', '/backup-codes', '/backup-codes/saved', '/disable', '/challenge']) {
      const token = await readToken(agent, '/two-factor/disable');
      const form = { second_factor_token: token, code: factor.code(1) };
      expect((await agent.post(`/two-factor${path}`).type('form').set(headers).send(form)).status).toBe(403);
    }
  });

  it.each(allowed)('is accepted from %s', async (_, headers) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const fields = { second_factor_token: await readToken(agent), code: factor.code() };
    const response = await agent.post(CHALLENGE).type('form').set(headers).send(fields);
    expect(response.headers['location']).toBe('/account');
  });

  it.each([
    ['no', async () => undefined],
    ['an empty', async () => ''],
    ["another user's", async (host: Host) => readToken(await host.signIn('eve'))],
    ["another session's", async (host: Host) => readToken(await host.signIn('ada'))],
    ['a cut', async (_: Host, own: string) => own.slice(0, -1)],
  ])('is refused with %s token', async (_, findToken) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    await host.enrol('eve');
    const agent = await host.signIn('ada');
    const token = await findToken(host, await readToken(agent));
    for (const path of [CHALLENGE, '/two-factor/cancel']) {
      const sent = await agent
        .post(path)
        .type('form')
        .send({ second_factor_token: token, code: factor.code() });
      expect(sent.status).toBe(403);
    }
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it('is refused with the token from before the login was complete, or from before a step-up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const stale = [await readToken(agent)];
    await answer(agent, factor.code(-1));
    stale.push(await readToken(agent, '/two-factor/disable'));
    await stepUp(agent, factor.code());
    for (const second_factor_token of stale) {
      const sent = await agent
        .post('/two-factor/disable')
        .type('form')
        .send({ second_factor_token, code: factor.code(1) });
      expect(sent.status).toBe(403);
    }
    expect((await submit(agent, '/two-factor/disable', { code: factor.code(1) })).status).toBe(303);
  });

  it('is refused of a visitor whose session has no token, also with an empty one', async () => {
    const host = await createHost();
    const agent = host.agent();
    for (const path of ['/cancel', '/setup', '/backup-codes', '/backup-codes/saved', '/disable']) {
      for (const fields of [{}, { second_factor_token: '' }]) {
        const sent = await agent.post(`/two-factor${path}`).type('form').send(fields);
        expect([path, sent.status]).toEqual([path, 403]);
      }
    }
  });

  it('is refused on every form without a token', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    for (const path of [
      '/challenge',
      '/cancel',
      '/setup',
      '/backup-codes',
      '/backup-codes/saved',
      '/disable',
    ]) {
      const sent = await agent.post(`/two-factor${path}`).type('form').send({ code: factor.code() });
      expect([path, sent.status]).toEqual([path, 403]);
    }
  });
});

describe('R11 a return target that leads away', () => {
  const targets = [
    'https://evil.example',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/.//evil.example',
    '/a/..//evil.example',
    '/\t/evil.example',
    ' //evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    `blob:${ORIGIN}/x`,
    'http:evil.example',
    'https:/evil.example',
    `${ORIGIN}@evil.example/`,
    `${ORIGIN}.evil.example/`,
    'http://user:password@localhost:3000/',
    '/a\r\nSet-Cookie: a=b',
    `/${'a'.repeat(2_048)}`,
  ];

  it('is not followed after a step-up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    for (const target of targets) {
      host.clock.advance(30_000);
      const token = await readToken(agent, '/two-factor/disable');
      const fields = { second_factor_token: token, code: factor.code(), return_to: target };
      const response = await agent.post(CHALLENGE).type('form').send(fields);
      if (response.status === 400) continue;
      expect(response.status, target).toBe(303);
      const location = response.headers['location']!;
      expect(location, target).toMatch(/^\/(?!\/)/);
      expect(new URL(location, ORIGIN).origin, target).toBe(ORIGIN);
      expect(String(response.headers['set-cookie'])).not.toContain('a=b');
    }
  });

  it('is not written into the step-up page', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    for (const target of targets) {
      const page = await agent.get(`${CHALLENGE}?return_to=${encodeURIComponent(target)}`);
      if (page.status === 303) expect(page.headers['location']).toBe('/two-factor');
      else expect(/name="return_to" value="([^"]*)"/.exec(page.text)?.[1], target).toMatch(/^\/(?!\/)/);
    }
    for (const query of ['return_to[]=/account', 'return_to[a]=/account', 'return_to=/a&return_to=/b']) {
      expect((await agent.get(`${CHALLENGE}?${query}`)).status, query).toBe(303);
    }
  });

  it('of markup is shown as text', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const target = '/a?"><script>alert(1)</script>#\'><script>';
    const page = await agent.get(`${CHALLENGE}?return_to=${encodeURIComponent(target)}`);
    expect(page.status).toBe(200);
    expect(page.text).not.toContain('<script>');
  });
});

describe('R11 an unusual address', () => {
  it.each(['/TWO-FACTOR/challenge', '/two-factor/CHALLENGE', '/two-factor//challenge', '/two-factor/%zz'])(
    'is no reason for a 5xx: %s',
    async (path) => {
      const host = await createHost();
      await host.enrol('ada');
      const agent = await host.signIn('ada');
      expect((await agent.get(path)).status).toBeLessThan(500);
      expect((await agent.post(path).type('form').send({})).status).toBeLessThan(500);
    },
  );
});

describe('R11 an unusual user name', () => {
  it.each([
    '"><script>alert(1)</script>',
    "a'b&amp;<b>",
    'ünï\u202e',
    '\ud800',
    `${'a'.repeat(99)}😀`,
    'a\r\nb: c',
    '',
  ])('is no reason for a 5xx, and is shown as text: %j', async (name) => {
    const user = { id: () => 'ada', label: () => name };
    const host = await createHost({ options: { user } });
    const agent = await host.signIn('ada');
    const page = await agent.get('/two-factor/setup');
    expect(page.status).toBe(200);
    expect(page.text).not.toContain('<script>');
    expect((await setUpFactor(host, agent)).backupCodes).toHaveLength(10);
  });
});

/** Posts a body under the headers that are given, true or not, and returns the reply's first part. */
async function sendRaw(host: Host, cookie: string, framing: string[], body: string): Promise<string> {
  const server = createServer(host.app).listen(0);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port);
  const isChunked = framing.includes('Transfer-Encoding: chunked');
  const head = [
    `POST ${CHALLENGE} HTTP/1.1`,
    'Host: localhost',
    `Content-Type: ${FORM}`,
    `Cookie: ${cookie}`,
  ];
  const content = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  socket.write([...head, ...framing, '', content].join('\r\n'));
  const [reply] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return reply.toString();
}
