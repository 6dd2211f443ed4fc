import { describe, expect, it } from 'vitest';
import { call } from '../helpers/faces.js';
import { type Agent, API, createHost, type Host, signInWhole } from '../helpers/host.js';
import { readDescription } from '../helpers/openapi.js';

/** Every address of the document, with its methods. */
async function listAddresses(): Promise<[path: string, methods: string[]][]> {
  const { paths } = await readDescription();
  return Object.entries(paths).map(([path, methods]) => [
    API + path.replace('{user_id}', 'me'),
    Object.keys(methods),
  ]);
}

describe('the JSON API, asked with a method that an address does not have', () => {
  it.each<[string, (host: Host) => Promise<Agent>]>([
    ['nobody', async (host) => host.agent()],
    ['a pending login', (host) => host.signIn('ada')],
    ['a complete login', (host) => host.signIn('bob')],
  ])('names those that it has, also to %s', async (_, makeAgent) => {
    const host = await createHost();
    await host.enrol('ada');
    const agent = await makeAgent(host);
    for (const [address, methods] of await listAddresses()) {
      const allow = methods.map((method) => (method === 'get' ? 'GET, HEAD' : 'POST')).join(', ');
      for (const method of ['get', 'post', 'put', 'patch', 'delete', 'options', 'trace'] as const) {
        if (methods.includes(method)) continue;
        const { status, headers, type, body } = await agent[method](address);
        expect([method, address, status, headers['allow'], type]).toEqual([
          ...[method, address, 405, allow, 'application/problem+json'],
        ]);
        expect(body).toEqual({ title: `Use ${allow} here.`, status: 405, code: 'method-not-allowed' });
      }
    }
  });
});

describe('the JSON API, asked with HEAD', () => {
  it('answers as to GET, without a body', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agents = [host.agent(), await host.signIn('ada'), await signInWhole(host, 'ada', factor.code())];
    for (const agent of agents) {
      for (const [address, methods] of await listAddresses()) {
        const [get, head] = [await agent.get(address), await agent.head(address)];
        expect([address, head.status]).toEqual([address, methods.includes('get') ? get.status : 405]);
        expect(head.text).toBeFalsy();
        expect(head.headers['content-type']).toBe(get.headers['content-type']);
        expect(head.headers['second-factor-token']).toBe(get.headers['second-factor-token']);
        expect(head.headers['allow']).toBe(get.headers['allow']);
      }
    }
  });
});

describe('the JSON API at an address that is not there', () => {
  it.each([
    '',
    '/',
    '/nothing',
    '/status',
    '/status/',
    '/status/me/more',
    '/verify',
    '/openapi',
    '/..%2f',
    '/%00',
  ])('says so, whatever the method: %j', async (path) => {
    const host = await createHost();
    const agent = await host.signIn('bob');
    for (const method of ['get', 'post', 'put', 'delete', 'options'] as const) {
      const { status, type, body, headers } = await agent[method](API + path);
      expect([status, type]).toEqual([404, 'application/problem+json']);
      expect(body).toEqual({ title: 'There is nothing at this address.', status: 404, code: 'not-found' });
      expect(headers['cache-control']).toBe('no-store');
    }
  });

  it('says that it cannot be read where it is not encoded as it must be', async () => {
    const host = await createHost();
    const agent = await host.signIn('bob');
    const { status, body } = await agent.get(`${API}/status/%zz`);
    expect([status, body.code]).toEqual([400, 'request-invalid']);
  });
});

it('the JSON API answers what is no problem as application/json, in any spelling of the address', async () => {
  const host = await createHost();
  const agent = await host.signIn('bob');
  for (const path of ['/status/me', '/STATUS/me', '/status/me?a=b']) {
    const { status, headers } = await agent.get(API + path);
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  }
  expect((await call(agent, '/cancel/me', {})).body).toEqual({});
});
