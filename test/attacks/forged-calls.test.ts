import { describe, expect, it } from 'vitest';
import { faces, readApiToken } from '../helpers/faces.js';
import {
  type Agent,
  API,
  createHost,
  type Host,
  ORIGIN,
  readTables,
  signInWhole,
  whoIs,
} from '../helpers/host.js';
import { readDescription } from '../helpers/openapi.js';

/** What could be right at any of the calls; it must not come to the fields. */
function makeBody(path: string, code: string): object {
  if (path.startsWith('/verify-password')) return { password: 'ada-password' };
  if (path.startsWith('/backup-codes')) return { saved: true };
  if (path.startsWith('/cancel')) return {};
  if (path.startsWith('/rename')) return { authenticator_id: 'any', name: 'New' };
  if (path.startsWith('/remove')) return { authenticator_id: 'any' };
  return { code };
}

/** All addresses with this method. */
async function listPaths(method: 'get' | 'post'): Promise<string[]> {
  const { paths } = await readDescription();
  const known = Object.entries(paths).filter(([, methods]) => methods[method] !== undefined);
  return known.map(([path]) => path.replace('{user_id}', 'me'));
}

const foreign: [string, Record<string, string>][] = [
  ['a foreign site', { 'Sec-Fetch-Site': 'cross-site' }],
  ['a sibling domain', { 'Sec-Fetch-Site': 'same-site', Origin: ORIGIN }],
  ['an unknown word', { 'Sec-Fetch-Site': 'SAME-ORIGIN' }],
  ['no word', { 'Sec-Fetch-Site': '' }],
  ['a foreign origin', { Origin: 'https://evil.example' }],
  ['an origin that begins like ours', { Origin: `${ORIGIN}.evil.example` }],
  ['our host by another scheme', { Origin: ORIGIN.replace('http:', 'https:') }],
  ['our host by another port', { Origin: 'http://localhost:3001' }],
  ['our origin in upper case', { Origin: ORIGIN.toUpperCase() }],
  ['our origin twice', { Origin: `${ORIGIN}, ${ORIGIN}` }],
  ['a sandboxed frame of an old browser', { Origin: 'null' }],
];

describe('R11 a call that another site makes the browser send', () => {
  it.each(foreign)('is refused from %s although the token is right', async (_, headers) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const pending = await host.signIn('ada');
    const owner = await signInWhole(host, 'ada', factor.code(-1));
    const before = readTables(host);
    for (const agent of [pending, owner, host.agent()]) {
      const all = { ...headers, 'Second-Factor-Token': await readApiToken(agent) };
      for (const path of await listPaths('post')) {
        const sent = await agent
          .post(API + path)
          .set(all)
          .send(makeBody(path, factor.code()));
        expect([path, sent.status, sent.body.code]).toEqual([path, 403, 'cross-site-refused']);
      }
      for (const path of await listPaths('get')) {
        const read = await agent.get(API + path).set(all);
        expect([path, read.status, read.body.code]).toEqual([path, 403, 'cross-site-refused']);
      }
    }
    expect(readTables(host)).toEqual(before);
    expect([await whoIs(pending), await whoIs(owner)]).toEqual(['nobody', 'ada']);
    expect((await faces.API.answer(pending, factor.code())).kind).toBe('accepted');
  });

  it('cannot read an answer either: none of them allows another origin', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const cors = { Origin: ORIGIN, 'Access-Control-Request-Method': 'POST' };
    for (const path of await listPaths('get')) {
      const answers = [await agent.get(API + path).set(cors), await agent.options(API + path).set(cors)];
      for (const { headers } of answers)
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

/** Whoever types an address is at no page of ours, whatever else is said. */
const unsaid: Record<string, string>[] = [
  {},
  { 'Sec-Fetch-Site': 'none' },
  { 'Sec-Fetch-Site': 'none', Origin: ORIGIN },
  { 'Sec-Fetch-Site': 'none', Origin: 'https://evil.example' },
];

describe('R11 a call that does not say where it comes from', () => {
  it.each<[string, (host: Host, own: string) => Promise<string | undefined>]>([
    ['no', async () => undefined],
    ['an empty', async () => ''],
    ["another user's", async (host) => readApiToken(await host.signIn('eve'))],
    ["another session's", async (host) => readApiToken(await host.signIn('ada'))],
    ['a cut', async (_host, own) => own.slice(0, -1)],
    ['a doubled', async (_host, own) => `${own}, ${own}`],
  ])('is refused with %s token, whatever its session may do', async (_, findToken) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    await host.enrol('eve');
    const pending = await host.signIn('ada');
    const owner = await signInWhole(host, 'ada', factor.code(-1));
    for (const [agent, paths] of [
      [pending, ['/verify/me', '/verify-backup/me', '/cancel/me']],
      [owner, await listPaths('post')],
    ] as [Agent, string[]][]) {
      const token = await findToken(host, await readApiToken(agent));
      const before = readTables(host);
      for (const path of paths) {
        // A navigation is nobody's page: without a token it is not enough.
        for (const headers of unsaid) {
          const { status, body } = await agent
            .post(API + path)
            .set({ ...headers, ...(token !== undefined && { 'Second-Factor-Token': token }) })
            .send(makeBody(path, factor.code()));
          expect([path, status, body.code]).toEqual([path, 403, 'form-token-invalid']);
        }
      }
      expect(readTables(host)).toEqual(before);
    }
    expect((await faces.API.answer(pending, factor.code())).kind).toBe('accepted');
  });

  it('is refused with the token in a cookie, in the body or under the name of the pages', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const token = await readApiToken(agent);
    const code = factor.code();
    const attempts = [
      await agent.post(`${API}/verify/me`).set('second_factor_token', token).send({ code }),
      await agent.post(`${API}/verify/me`).set('X-CSRF-Token', token).send({ code }),
      await agent.post(`${API}/verify/me`).send({ code, second_factor_token: token }),
    ];
    for (const { status, body } of attempts) expect([status, body.code]).toEqual([403, 'form-token-invalid']);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('is refused with a token from before the login was complete, or from before a step-up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const stale = [await readApiToken(agent)];
    await faces.API.answer(agent, factor.code(-1));
    stale.push(await readApiToken(agent));
    await faces.API.answer(agent, factor.code());
    for (const token of stale) {
      const sent = await agent
        .post(`${API}/disable/me`)
        .set('Second-Factor-Token', token)
        .send({ code: factor.code(1) });
      expect([sent.status, sent.body.code]).toEqual([403, 'form-token-invalid']);
    }
    expect((await faces.API.disable(agent, factor.code(1))).kind).toBe('accepted');
  });
});

describe('R11 a call of our own', () => {
  it.each<[string, (token: string) => Record<string, string>]>([
    ['with the token alone', (token) => ({ 'Second-Factor-Token': token })],
    ['with our origin alone', () => ({ Origin: ORIGIN })],
    ['with Sec-Fetch-Site alone', () => ({ 'Sec-Fetch-Site': 'same-origin' })],
    ['from a page under no-referrer', () => ({ 'Sec-Fetch-Site': 'same-origin', Origin: 'null' })],
    [
      'with a typed address and the token',
      (token) => ({ 'Sec-Fetch-Site': 'none', 'Second-Factor-Token': token }),
    ],
    ['with our origin and an old token', () => ({ Origin: ORIGIN, 'Second-Factor-Token': 'old' })],
  ])('is accepted %s', async (_, headers) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const sent = await agent
      .post(`${API}/verify/me`)
      .set(headers(await readApiToken(agent)))
      .send({ code: factor.code() });
    expect(sent.status).toBe(200);
    expect(await whoIs(agent)).toBe('ada');
    // The answer has the token of the new session.
    expect(sent.headers['second-factor-token']).toBe(await readApiToken(agent));
  });
});

it('R11 an answer tells a token only to the session that it is of', async () => {
  const host = await createHost();
  await host.enrol('ada');
  const anonymous = await host.agent().get(`${API}/session`);
  expect(anonymous.headers).not.toHaveProperty('second-factor-token');
  const [one, other] = [await host.signIn('ada'), await host.signIn('ada')];
  const [token, second] = [await readApiToken(one), await readApiToken(other)];
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(second).not.toBe(token);
});
