import { randomBytes } from 'node:crypto';
import type { ErrorRequestHandler } from 'express';
import mysql from 'mysql2';
import {
  createSecondFactor,
  SecondFactorError,
  type SecondFactorOptions,
  sqlStorage,
} from 'passport-second-factor';
import { memoryStorage } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../src/settings.js';
import { answer, createHost, whoIs } from '../helpers/host.js';

const SECRET = randomBytes(32).toString('base64');
const SHORT = randomBytes(24).toString('base64');
const ZEROS = Buffer.alloc(32).toString('base64');
const PATTERN = 'abcd'.repeat(16);

const key = { id: 'now', secret: SECRET };

const right: SecondFactorOptions = {
  issuer: 'Test Service',
  origin: 'https://id.example',
  storage: memoryStorage(),
  keys: [key],
  user: { id: () => 'ada', label: () => 'ada' },
};

const id = (): string => 'ada';

const redis = { get() {}, del() {}, eval() {} };

function findFault(change: object): SecondFactorError {
  try {
    createSecondFactor({ ...right, ...change });
  } catch (error) {
    if (error instanceof SecondFactorError) return error;
    throw error;
  }
  throw new Error('It started.');
}

describe('R13 an operator who sets something weak or wrong is stopped at the start', () => {
  it.each<[string, object, RegExp]>([
    [
      'two ways to ask for the first factor',
      { user: { id, label: id, checkPassword: id, reauthenticate: '/login' } },
      /user\.reauthenticate: must not stand beside user\.checkPassword: take one/,
    ],
    ...['/', '/?again=1', '//evil.example', 'https://evil.example', 'login', '/a/../login', ''].map(
      (reauthenticate): [string, object, RegExp] => [
        `a login at ${reauthenticate}`,
        { user: { id, label: id, reauthenticate } },
        /user\.reauthenticate: must be a path of your own login/,
      ],
    ),
    [
      'a login that is half named',
      { user: { id, label: id, reauthenticate: { page: '/login' } } },
      /user\.reauthenticate: must be .*or \{ page, logIn \}/,
    ],
    ['a Redis that is an address', { epochs: { redis: 'redis://localhost' } }, /epochs\.redis: .*client/],
    ['a Redis that is none', { epochs: { redis: { get() {} } } }, /epochs\.redis: .*"ioredis" or "redis"/],
    ['no prefix', { epochs: { redis, prefix: '' } }, /epochs\.prefix: .*1 to 64/],
    ['an unknown name beside Redis', { epochs: { redis, ttl: 60 } }, /epochs has unknown names: ttl/],
    ['a short key', { keys: [{ id: 'now', secret: SHORT }] }, /keys\[0\]\.secret: .*32 bytes.*openssl rand/],
    [
      'a key of zeros',
      { keys: [{ id: 'now', secret: ZEROS }] },
      /keys\[0\]\.secret: .*not random.*openssl rand/,
    ],
    [
      'a key of zero bytes',
      { keys: [{ id: 'now', secret: new Uint8Array(32) }] },
      /keys\[0\]\.secret: is not random/,
    ],
    ['a repeated pattern', { keys: [{ id: 'now', secret: PATTERN }] }, /keys\[0\]\.secret: is not random/],
    ['a weak second key', { keys: [key, { id: 'old', secret: SHORT }] }, /keys\[1\]\.secret/],
    [
      'an environment variable that is not set',
      { keys: [{ id: 'now', secret: '' }] },
      /options:\n- keys\[0\]\.secret: is empty: is the environment variable set.*openssl rand[^\n]*$/,
    ],
    ['a short key, in one sentence', { keys: [{ id: 'now', secret: 'abc' }] }, /options:\n- keys[^\n]*$/],
    ['no secret', { keys: [{ id: 'now' }] }, /keys\[0\]\.secret/],
    ['no key', { keys: [] }, /keys: .*at least one/],
    ['keys with one id', { keys: [key, key] }, /keys: .*different ids/],
    ['a key in place of its id', { keys: [{ id: SECRET, secret: SECRET }] }, /keys\[0\]\.id/],
    ['a dot in a key id', { keys: [{ id: 'a.b', secret: SECRET }] }, /keys\[0\]\.id: .*letters, digits/],
    ['no keys at all', { keys: undefined }, /keys: .*array/],
    [
      'a lost key with a secret',
      { keys: [key, { id: 'old', secret: SECRET, lost: true }] },
      /keys\[1\]\.lost/,
    ],
    ['a key that is not lost', { keys: [key, { id: 'old', lost: false }] }, /keys\[1\]\.lost: must be true/],
    ['a lost key that seals', { keys: [{ id: 'old', lost: true }, key] }, /keys\[0\]: must not be lost/],
    ['keys as text', { keys: SECRET }, /keys/],
    [
      'an unknown name in a key',
      { keys: [{ id: 'a', secret: SECRET, value: SECRET }] },
      /keys\[0\].*unknown.*value/,
    ],
    ['a colon in the issuer', { issuer: 'Test: Service' }, /issuer: .*no colon/],
    ['an empty issuer', { issuer: '' }, /issuer: .*1 to 64/],
    ['a long issuer', { issuer: 'a'.repeat(65) }, /issuer: .*1 to 64/],
    ['a line break in the issuer', { issuer: 'Test\nService' }, /issuer/],
    ['an origin with a path', { origin: 'https://id.example/app' }, /origin: .*no path/],
    ['an origin with a slash', { origin: 'https://id.example/' }, /origin: .*no path and no trailing slash/],
    ['an origin without scheme', { origin: 'id.example' }, /origin: /],
    ['an origin in capitals', { origin: 'https://ID.example' }, /origin: /],
    ['no origin', { origin: undefined }, /origin: /],
    ['an unknown name', { sesionless: 'allow' }, /options has unknown names: sesionless/],
    [
      'an unknown name in a group',
      { totp: { windows: { past: 1, future: 1 } } },
      /totp has unknown names: windows/,
    ],
    ['a window of 3', { totp: { window: { past: 3, future: 1 } } }, /totp\.window\.past: .*0, 1 or 2/],
    ['a window below 0', { totp: { window: { past: 1, future: -1 } } }, /totp\.window\.future/],
    ['half a step', { totp: { window: { past: 0.5, future: 1 } } }, /totp\.window\.past/],
    ['half a window', { totp: { window: { past: 1 } } }, /totp\.window\.future/],
    ['a window as text', { totp: { window: { past: '1', future: 1 } } }, /totp\.window\.past/],
    ['a cap of 101', { attempts: { cap: 101 } }, /attempts\.cap: .*at most 100 \(NIST/],
    ['a cap of 0', { attempts: { cap: 0 } }, /attempts\.cap/],
    ['an endless cap', { attempts: { cap: Infinity } }, /attempts\.cap/],
    ['a user without id', { user: { label: () => 'ada' } }, /user\.id: must be a function/],
    ['a user without label', { user: { id: () => 'ada' } }, /user\.label: must be a function/],
    [
      'a password check that is none',
      { user: { ...right.user, checkPassword: true } },
      /user\.checkPassword: .*function/,
    ],
    ['no user', { user: undefined }, /user/],
    ['no storage', { storage: undefined }, /storage: must be a storage/],
    ['a database as storage', { storage: { prepare() {} } }, /storage: must be a storage/],
    ['enabled as text', { enabled: 'false' }, /enabled/],
    [
      'a path with a slash at its end',
      { paths: { pages: '/two-factor/' } },
      /paths\.pages: .*trailing slash/,
    ],
    ['a relative path', { paths: { login: 'login' } }, /paths\.login: must be an absolute path/],
    ['a home at another site', { paths: { home: '//evil.example' } }, /paths\.home/],
    [
      'pages at the root, whose redirects would lead to //challenge',
      { paths: { pages: '/' } },
      /paths\.pages/,
    ],
    ['a challenge that is no path', { paths: { challenge: 'https://evil.example/' } }, /paths\.challenge/],
    ['a prefix without a slash', { paths: { prefix: 'app' } }, /paths\.prefix/],
    ['a prefix with a slash at its end', { paths: { prefix: '/app/' } }, /paths\.prefix/],
    ['a prefix of one slash', { paths: { prefix: '/' } }, /paths\.prefix/],
    ['an unknown name in login', { login: { sesionless: 'allow' } }, /login has unknown names: sesionless/],
    ['a word for held that is none', { login: { held: 'throw' } }, /login\.held/],
    ['sessionless as true', { login: { sessionless: true } }, /login\.sessionless: must be "refuse"/],
    ['a condition that is none', { login: { condition: 'refuse' } }, /login\.condition: must be a function/],
    ['a second step that is always skipped', { login: { skipSecondStep: true } }, /login\.skipSecondStep/],
    ['an after that is none', { login: { after: {} } }, /login\.after: must be a function/],
    ['adoption without an end', { login: { adoptUnstamped: {} } }, /login\.adoptUnstamped\.until/],
    ['adoption as true', { login: { adoptUnstamped: true } }, /login\.adoptUnstamped/],
    ['adoption until a text', { login: { adoptUnstamped: { until: '2027-01-01' } } }, /until/],
    [
      'adoption for years',
      { login: { adoptUnstamped: { until: new Date(Date.now() + 91 * 24 * 60 * 60 * 1000) } } },
      /login\.adoptUnstamped\.until: must be at most 90 days/,
    ],
    ['adoption until no date', { login: { adoptUnstamped: { until: new Date('never') } } }, /until/],
    [
      'impersonation that is not written down',
      { login: { impersonation: { allow: () => true } } },
      /login\.impersonation\.record: must be a function/,
    ],
    [
      'a level without a name for the other',
      { assurance: { acr: { twoFactors: 'urn:two' } } },
      /assurance\.acr\.oneFactor/,
    ],
    [
      'one name for both levels',
      { assurance: { acr: { oneFactor: 'urn:any', twoFactors: 'urn:any' } } },
      /assurance\.acr: must name two factors otherwise/,
    ],
    [
      'the name of a level with a space',
      { assurance: { acr: { oneFactor: 'one', twoFactors: 'two factors' } } },
      /assurance\.acr\.twoFactors: must have .* no space/,
    ],
    [
      'a first factor for all logins',
      { assurance: { firstFactor: 'swk' } },
      /assurance\.firstFactor: must be a function/,
    ],
    ['half a CSRF option', { csrf: { field: '_csrf' } }, /csrf\.token: must be a function/],
    [
      'a CSRF field of our own name',
      { csrf: { field: 'second_factor_token', token: () => '' } },
      /csrf\.field: is the name of our own/,
    ],
    ['a CSRF field with a quote', { csrf: { field: 'a"b', token: () => '' } }, /csrf\.field/],
    ['an enrolment rule that is none', { user: { ...right.user, mayEnrol: true } }, /user\.mayEnrol/],
    ['a clock that stands', { clock: 0 }, /clock: must be a function/],
  ])('by %s', (_, change, sentence) => {
    const { code, message } = findFault(change);
    expect(code).toBe('configuration-invalid');
    expect(message).toMatch(sentence);
    for (const value of [SECRET, SHORT, ZEROS, PATTERN]) expect(message).not.toContain(value);
  });

  it('with one sentence for each fault', () => {
    const { message } = findFault({ issuer: '', origin: 'x', attempts: { cap: 101 } });
    expect(
      message
        .split('\n')
        .slice(1)
        .map((line) => /^- (\w+)/.exec(line)?.[1]),
    ).toEqual(['issuer', 'origin', 'attempts']);
  });
});

it('R13 pages that are mounted elsewhere than paths.pages say so and serve nothing', async () => {
  const host = await createHost({ options: { paths: { pages: '/mfa', home: '/account' } } });
  const errors: unknown[] = [];
  const note: ErrorRequestHandler = (error, _request, _response, next) => {
    errors.push(error);
    next(error);
  };
  host.app.use(note);
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  for (const path of ['', '/challenge', '/setup'])
    expect((await agent.get(`/two-factor${path}`)).status).toBe(500);
  await agent.post('/two-factor/challenge').type('form').send({ code: factor.code() });
  expect(await whoIs(agent)).toBe('nobody');
  expect(errors).toHaveLength(4);
  expect(errors[0]).toBeInstanceOf(SecondFactorError);
  expect(errors[0]).toMatchObject({ code: 'configuration-invalid' });
  expect(String(errors[0])).toContain('see the pages at "/two-factor" but paths.pages is "/mfa"');
});

describe('R14 an operator who sets nothing', () => {
  it('has the safe choices', () => {
    const settings = parseOptions(right);
    expect(settings).toMatchObject({
      enabled: true,
      paths: { pages: '/two-factor', prefix: '', login: '/login', home: '/' },
      login: {},
      held: 'respond',
      adoptUntil: 0,
      csrf: undefined,
      window: { past: 1, future: 1 },
      limits: { perPending: 5, delayFrom: 5, cap: 50 },
    });
    expect(settings.limits.delays.map((delay) => delay / 1_000)).toEqual([
      30, 60, 120, 240, 480, 960, 1920, 3600,
    ]);
    expect(Math.abs(settings.clock() - Date.now())).toBeLessThan(1_000);
  });

  it('has no second step switched off by accident', async () => {
    const off = await createHost({ options: { enabled: false } });
    await off.enrol('ada');
    expect(await whoIs(await off.signIn('ada'))).toBe('ada');

    const on = await createHost();
    const factor = await on.enrol('ada');
    const agent = await on.signIn('ada');
    expect(await whoIs(agent)).toBe('nobody');
    expect((await answer(agent, factor.code())).status).toBe(303);
  });

  it('gets the values of the environment from nowhere', () => {
    expect(() => createSecondFactor({} as SecondFactorOptions)).toThrow(
      /issuer[^]*origin[^]*storage[^]*keys[^]*user/,
    );
    expect(() => createSecondFactor(undefined as unknown as SecondFactorOptions)).toThrow(SecondFactorError);
  });
});

it.each([
  ['a URL for a SQLite database', () => sqlStorage.sqlite('app.db' as never), /libsql or better-sqlite3/],
  ['nothing for a SQLite database', () => sqlStorage.sqlite(undefined as never), /libsql or better-sqlite3/],
  ['a URL for a pool of pg', () => sqlStorage.postgres('postgres://db' as never), /new pg\.Pool/],
  ['a URL for a pool of mysql2', () => sqlStorage.mysql('mysql://db' as never), /mysql2\/promise/],
  ['a pool with callbacks', () => sqlStorage.mysql(mysql.createPool({}) as never), /its promise\(\)/],
])('R13 %s is refused at the start', (_what, create, sentence) => {
  expect(create).toThrow(sentence);
});

it.each([
  ['nothing', undefined],
  ['an empty text', ''],
  ['a number', 7],
  ['half of a surrogate pair, which every database would take for another one', 'user-\ud83d'],
  ['more than the tables hold', 'u'.repeat(256)],
  ['more bytes than the tables hold', '😀'.repeat(64)],
])('R13 a user id that is %s logs nobody in, and says what is wrong', async (_what, id) => {
  const host = await createHost({ options: { user: { id: () => id as string, label: () => 'ada' } } });
  const agent = host.agent();
  const login = await agent.post('/login').type('form').send({ username: 'ada', password: 'ada-password' });
  expect([login.status, /options\.user\.id must return .*String\(id\)/.test(login.text)]).toEqual([
    500,
    true,
  ]);
  expect(await whoIs(agent)).toBe('nobody');
  await expect(host.secondFactor.passwordChanged(id as string)).rejects.toThrow('1 to 255 bytes');
});
