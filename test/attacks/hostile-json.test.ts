import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { call, faces, readApiToken } from '../helpers/faces.js';
import { API, createHost, type HostParts, readCounters, readTables, whoIs } from '../helpers/host.js';

/** Hosts with parsers of their own, which see the call before we do. */
const hosts: Record<string, HostParts> = {
  'a host without parsers': {},
  'a host with lax parsers before us': {
    first(app) {
      app.use(express.json({ limit: '10mb', strict: false, type: ['*/json', '+json', 'text/*'] }));
      app.use(express.urlencoded({ extended: true, limit: '10mb', parameterLimit: 100_000 }));
    },
  },
};

function shiftDigits(code: string, zero: number): string {
  return [...code].map((digit) => String.fromCodePoint(zero + Number(digit))).join('');
}

/** Documents around a right code, as they are sent. None may be accepted. */
const documents: Record<string, (code: string) => string> = {
  'no field': () => '{}',
  'an empty code': () => '{"code":""}',
  'a list': (code) => `["${code}"]`,
  'a list of documents': (code) => `[{"code":"${code}"}]`,
  'a list in the field': (code) => `{"code":["${code}"]}`,
  'a number': (code) => `{"code":1${code}}`,
  'a number of six digits': () => '{"code":123456}',
  null: () => '{"code":null}',
  true: () => '{"code":true}',
  'an object': (code) => `{"code":{"0":"${code}","length":1}}`,
  'an object that says it is text': (code) => `{"code":{"toString":"${code}","length":6}}`,
  'a code in __proto__': (code) => `{"__proto__":{"code":"${code}"}}`,
  'a right code beside __proto__': (code) => `{"code":"${code}","__proto__":{"isAdmin":true}}`,
  'a code in constructor.prototype': (code) => `{"constructor":{"prototype":{"code":"${code}"}}}`,
  'a field that is not known': (code) => `{"code":"${code}","user_id":"eve"}`,
  'a lane of its own': (code) => `{"code":"${code}","lane":"backup-code"}`,
  'a code in another field': (code) => `{"Code":"${code}"}`,
  'fullwidth digits': (code) => JSON.stringify({ code: shiftDigits(code, 0xff10) }),
  'Arabic digits': (code) => JSON.stringify({ code: shiftDigits(code, 0x0660) }),
  'mathematical digits': (code) => JSON.stringify({ code: shiftDigits(code, 0x1d7ce) }),
  'a sign': (code) => JSON.stringify({ code: `+${code}` }),
  'a trailing letter': (code) => JSON.stringify({ code: `${code}ab` }),
  'a NUL': (code) => JSON.stringify({ code: `${code}\0` }),
  'half a surrogate pair': (code) => `{"code":"${code}\\ud800"}`,
  'an over-long code': (code) => JSON.stringify({ code: code.padEnd(2_049) }),
  'much white space': (code) => JSON.stringify({ code: code.padEnd(2_048) }),
  'a million characters': (code) => JSON.stringify({ code: code.padEnd(1_000_000, '0') }),
  'ten thousand fields': (code) => `{"code":"${code}"${',"a":1'.repeat(10_000)}}`,
  'a deep object': (code) => `{"code":"${code}","a":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}}`,
  'a text': (code) => `"${code}"`,
  'nothing but null': () => 'null',
  'nothing but a number': (code) => code.replace(/^0+/, '1'),
  'a document that is cut off': (code) => `{"code":"${code}"`,
  'a document with a tail': (code) => `{"code":"${code}"}x`,
  'single quotes': (code) => `{'code':'${code}'}`,
  'a form': (code) => `code=${code}`,
  'no character': () => '',
};

describe.each(Object.entries(hosts))('R11 a hostile call at %s', (_, parts) => {
  it('is refused with 4xx, lets nobody in and costs no attempt', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    for (const [name, build] of Object.entries(documents)) {
      const { status } = await call(agent, '/verify/me', build(factor.code())).type('json');
      expect([400, 413, 422], `${name}: ${status}`).toContain(status);
      expect(await whoIs(agent), name).toBe('nobody');
    }
    expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });
    expect((await faces.API.answer(agent, factor.code())).kind).toBe('accepted');
  });

  it.each(['disable', 'enable', 'rename', 'remove', 'backup-codes'])(
    'changes nothing by /%s in a complete session',
    async (name) => {
      const host = await createHost(parts);
      const factor = await host.enrol('ada');
      const userId = name === 'enable' ? 'bob' : 'ada';
      const agent = await host.signIn(userId);
      if (userId === 'ada') await faces.API.answer(agent, factor.code(-1));
      await agent.get(`${API}/${name === 'enable' ? 'setup' : 'backup-codes'}/me`);
      const before = readTables(host);
      for (const [kind, build] of Object.entries(documents)) {
        const { status } = await call(agent, `/${name}/me`, build(factor.code())).type('json');
        expect([400, 413, 422], `${kind}: ${status}`).toContain(status);
      }
      expect(readTables(host)).toEqual(before);
      expect(await whoIs(agent)).toBe(userId);
    },
  );

  it.each([
    ['a form', 'application/x-www-form-urlencoded', (code: string) => `code=${code}`],
    ['text', 'text/plain', (code: string) => JSON.stringify({ code })],
    ['text that names JSON too', 'text/plain, application/json', (code: string) => JSON.stringify({ code })],
    ['text with a parameter', 'text/plain; application/json', (code: string) => JSON.stringify({ code })],
    ['another kind of JSON', 'application/vnd.x+json', (code: string) => JSON.stringify({ code })],
    ['JSON of another branch', 'text/json', (code: string) => JSON.stringify({ code })],
    ['a problem', 'application/problem+json', (code: string) => JSON.stringify({ code })],
    ['bytes', 'application/octet-stream', (code: string) => JSON.stringify({ code })],
    ['multipart', 'multipart/form-data; boundary=x', () => '--x--'],
    ['no kind at all', '', (code: string) => JSON.stringify({ code })],
  ])('of the type of %s is not looked at', async (_name, type, write) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const response = await call(agent, '/verify/me', write(factor.code())).set('Content-Type', type);
    expect([response.status, response.body.code]).toEqual([415, 'content-type-unsupported']);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it.each([
    ['an upper-case type', 'Application/JSON'],
    ['a character set', 'application/json; charset=utf-8'],
  ])('is not what a program sends that writes %s', async (_name, type) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const body = JSON.stringify({ code: factor.code() });
    const response = await call(agent, '/verify/me', body).set('Content-Type', type);
    expect(response.status).toBe(200);
  });

  it('without a body is told to send one', async () => {
    const host = await createHost(parts);
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    for (const path of ['/verify/me', '/verify-backup/me', '/cancel/me']) {
      const response = await agent.post(API + path).set('Sec-Fetch-Site', 'same-origin');
      expect([path, response.status]).toEqual([path, 415]);
    }
    expect((await agent.get(`${API}/session`)).body.state).toBe('pending');
  });

  it('with its code in the query string has no code', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const query = `?code=${factor.code()}&Second-Factor-Token=${await readApiToken(agent)}`;
    const empty = await call(agent, `/verify/me${query}`, {});
    const without = await agent.post(`${API}/verify/me${query}`).set('Sec-Fetch-Site', 'same-origin');
    expect([empty.status, without.status]).toEqual([400, 415]);
    // Nor is a token looked for there.
    const forged = await agent.post(`${API}/verify/me${query}`).send({ code: factor.code() });
    expect([forged.status, forged.body.code]).toEqual([403, 'form-token-invalid']);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it.each([
    ['an unknown encoding', { 'Content-Encoding': 'x-unknown' }],
    ['a broken gzip', { 'Content-Encoding': 'gzip' }],
    ['an unknown character set', { 'Content-Type': 'application/json; charset=x-unknown' }],
    ['a method override', { 'X-HTTP-Method-Override': 'GET', 'Content-Type': 'text/plain' }],
  ])('with %s is refused with 4xx', async (_name, headers) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const body = JSON.stringify({ code: factor.code() });
    const response = await call(agent, '/verify/me', body).type('json').set(headers);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('that is small as gzip and large as JSON is refused', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const bomb = gzipSync(JSON.stringify({ code: factor.code().padEnd(5_000_000) }));
    expect(bomb.length).toBeLessThan(8_192);
    const sent = call(agent, '/verify/me', undefined).type('json').set('Content-Encoding', 'gzip');
    sent.write(bomb);
    const { status } = await sent;
    expect([400, 413]).toContain(status);
    expect(await whoIs(agent)).toBe('nobody');
  });
});

it('R11 a document that names a prototype leaves the prototype of objects alone', async () => {
  const host = await createHost();
  await host.enrol('ada');
  const agent = await host.signIn('ada');
  await call(agent, '/verify/me', '{"code":"000000","__proto__":{"isAdmin":true}}').type('json');
  await call(agent, '/verify/me', '{"constructor":{"prototype":{"isAdmin":true}}}').type('json');
  expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
});

it('R11 a call that has no body at all, not even an empty one, is not taken for an empty document', async () => {
  const host = await createHost(hosts['a host with lax parsers before us']);
  await host.enrol('ada');
  const agent = await host.signIn('ada');
  const server = createServer(host.app).listen(0);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const cookie = agent.jar.getCookie('sid', { domain: '127.0.0.1', path: '/', secure: false, script: false });
  for (const path of ['/cancel/me', '/verify/me']) {
    const socket = connect((server.address() as AddressInfo).port);
    const head = [
      `POST ${API}${path} HTTP/1.1`,
      'Host: localhost',
      `Cookie: sid=${cookie!.value}`,
      'Sec-Fetch-Site: same-origin',
      'Content-Type: application/json',
    ];
    socket.write([...head, '', ''].join('\r\n'));
    const [reply] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect([path, reply.toString().split(' ')[1]]).toEqual([path, '415']);
  }
  expect((await agent.get(`${API}/session`)).body.state).toBe('pending');
});

describe('R11 an answer to the wrong call', () => {
  it('is malformed: a backup code is no TOTP code, and the other way round, and neither is used up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const [code, backupCode] = [factor.code(), factor.backupCodes[0]!];
    const swapped = [
      await call(agent, '/verify/me', { code: backupCode }),
      await call(agent, '/verify-backup/me', { code }),
      await call(agent, '/verify/me', { code: backupCode.replaceAll('-', '') }),
    ];
    for (const { status, body } of swapped) expect([status, body.code]).toEqual([422, 'code-malformed']);
    expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });
    expect((await call(agent, '/verify-backup/me', { code: backupCode })).status).toBe(200);
    expect((await call(agent, '/verify/me', { code })).status).toBe(200);
  });
});
