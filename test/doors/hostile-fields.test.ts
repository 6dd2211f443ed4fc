import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createInstallation, startExample } from '../helpers/example-server.js';
import { redisUrl } from '../helpers/redis.js';
import { Visitor } from '../helpers/visitor.js';
import { askForReset, inviteAs, openSite, type Site } from './site.js';

/** Every new field with what no browser sends: 4xx, never 5xx, and nothing happens. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let site: Site;
let ada: Visitor;

beforeAll(async () => {
  site = await openSite();
  ada = site.visitor();
  await ada.register('ada');
});
afterAll(() => site.close());

const fullwidth = 'ａｄａ＠service.example';
const long = 'x'.repeat(12_000);
type Fields = [string, string][];

/** A field twice is a list; in brackets it would be an object to a parser that allows it. */
function hostile(name: string): Fields[] {
  return [
    [
      [name, 'a@b.example'],
      [name, 'c@d.example'],
    ],
    [[`${name}[]`, 'a@b.example']],
    [[`${name}[$ne]`, '']],
    [[`${name}[__proto__][x]`, '1']],
    [[name, long]],
    [[name, fullwidth]],
    [[name, '\u0000']],
    [[name, '']],
    [],
  ];
}

const targets: [path: string, field: string, others: Fields, isSignedIn: boolean][] = [
  ['/login/link', 'email', [], false],
  ['/reset', 'email', [], false],
  ['/login/link/open', 'token', [], false],
  ['/reset/open', 'token', [['password', 'a long password']], false],
  ['/invite', 'token', [], false],
  ['/account/invite', 'email', [], true],
  ['/account/tokens', 'name', [], true],
];

it.each(targets)('%s, field %s', async (path, field, others, isSignedIn) => {
  const visitor = isSignedIn ? ada : site.visitor();
  const hidden = Object.entries(await visitor.hidden(isSignedIn ? '/account/tokens' : '/reset'));
  const token = hidden.filter(([name]) => name === '_csrf');
  for (const fields of hostile(field)) {
    const { status, text } = await visitor.post(path, [...token, ...others, ...fields]);
    expect(status, JSON.stringify(fields).slice(0, 80)).toBe(400);
    expect(text).toContain('</html>');
  }
});

it('revoking with an id that is none changes nothing', async () => {
  const hidden = await ada
    .submit('/account/tokens', { name: 'kept' })
    .then(() => ada.hidden('/account/tokens'));
  for (const fields of hostile('id')) {
    const form: Fields = [['_csrf', hidden['_csrf'] ?? ''], ...fields];
    expect((await ada.post('/account/tokens/revoke', form)).status).toBe(400);
  }
  expect((await ada.get('/account/tokens')).text).toContain('kept, made on');
});

it("nobody revokes another user's token", async () => {
  await ada.submit('/account/tokens', { name: 'mine' });
  const { id = '' } = await ada.hidden('/account/tokens', '/account/tokens/revoke');
  const eve = site.visitor();
  await eve.register('eve');
  const form = await eve.hidden('/account/tokens');
  await eve.post('/account/tokens/revoke', { ...form, id });
  expect((await ada.get('/account/tokens')).text).toContain('mine, made on');
  await ada.submit('/account/tokens/revoke', {}, '/account/tokens');
  expect((await ada.get('/account/tokens')).text).not.toContain('mine, made on');
});

it('the tick of the password form, and the fields behind a link that works', async () => {
  const visitor = site.visitor();
  for (const tick of [
    [['remember', 'no']],
    [
      ['remember', 'yes'],
      ['remember', 'yes'],
    ],
    [['remember', long]],
  ] as Fields[]) {
    const hidden = await visitor.hidden('/login');
    const form: Fields = [
      ...Object.entries(hidden),
      ['username', 'ada'],
      ['password', 'wrong password'],
      ...tick,
    ];
    expect((await visitor.post('/login', form)).status).toBe(400);
  }
  const reset = await askForReset(visitor, 'ada');
  const invitation = await inviteAs(ada, 'new@service.example');
  for (const [link, field, others] of [
    [reset, 'password', []],
    [invitation, 'username', [['password', 'a long password']]],
    [invitation, 'password', [['username', 'newcomer']]],
  ] as [string, string, Fields][]) {
    const path = link.split('?', 1)[0] ?? '';
    const hidden = Object.entries(await visitor.hidden(link, path));
    // Letters of any kind are fit for a password.
    for (const fields of hostile(field).filter(
      (tried) => field !== 'password' || tried[0]?.[1] !== fullwidth,
    )) {
      const { status } = await visitor.post(path, [...hidden, ...others, ...fields]);
      expect(status, `${path} ${JSON.stringify(fields).slice(0, 80)}`).toBe(400);
    }
  }
});

it('links with lists and objects for a token', async () => {
  for (const path of ['/login/link/open', '/reset/open', '/invite']) {
    for (const query of ['', '?token=1&token=2', '?token[]=1', '?token[a]=1', `?token=${'x'.repeat(5000)}`]) {
      expect((await site.visitor().get(path + query)).status).toBe(400);
    }
  }
});

it('API requests with credentials that are none', async () => {
  const visitor = site.visitor();
  for (const value of [
    '',
    'Basic',
    'Basic x',
    'Basic Og==',
    `Basic ${long.slice(0, 4000)}`,
    'Bearer',
    'Bearer  ',
    'Digest x',
  ]) {
    for (const path of ['/api/basic/me', '/api/bearer/me', '/api/bearer/reports']) {
      const { status, contentType } = await visitor.get(path, 0, { Authorization: value });
      expect([400, 401], `${path} ${value.slice(0, 20)}`).toContain(status);
      expect(contentType).toContain('application/problem+json');
    }
  }
  for (const query of ['?access_token=1&access_token=2', '?access_token[a]=1', '?access_token=%00']) {
    expect((await visitor.get(`/api/bearer/me${query}`)).status).toBe(401);
  }
});

it('in production there is no outbox, and no mail is kept', async () => {
  const installation = createInstallation(redisUrl(), { NODE_ENV: 'production' });
  const server = await startExample(installation.environment);
  try {
    const visitor = new Visitor([server.url]);
    await visitor.register('ada');
    expect((await visitor.get('/dev/outbox')).status).toBe(404);
    expect((await visitor.submit('/account/invite', { email: 'new@service.example' })).status).toBe(200);
    expect((await visitor.get('/dev/outbox', 0, { Accept: 'application/json' })).status).toBe(404);
    expect((await visitor.get('/account')).text).not.toContain('/dev/outbox');
  } finally {
    await server.stop();
    installation.remove();
  }
});
