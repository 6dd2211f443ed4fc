import { beforeAll, describe, expect, it } from 'vitest';
import { API, createHost, ORIGIN } from '../helpers/host.js';
import { createAnswerCheck, readDescription, type SentAnswer } from '../helpers/openapi.js';

/** That the check which stands above every API in the tests would see what is wrong. */
describe('createAnswerCheck', () => {
  const path = '/status/me';
  let isAsDescribed: ReturnType<typeof createAnswerCheck>;
  let status: SentAnswer;
  let wrongCode: SentAnswer;
  beforeAll(async () => {
    isAsDescribed = createAnswerCheck(await readDescription());
    const lane = { state: 'open', until: null };
    const at = '2026-11-27T07:00:00.000Z';
    const body = {
      user_id: 'ada',
      enabled: true,
      enabled_at: at,
      authenticators: [
        {
          id: 'a',
          name: 'Phone',
          algorithm: 'SHA1',
          digits: 6,
          period: 30,
          created_at: at,
          last_used_at: null,
        },
      ],
      backup_codes: { left: 10, total: 10, created_at: at, used_at: [] },
      lanes: { totp: lane, 'backup-code': lane },
    };
    status = { method: 'GET', path, status: 200, contentType: 'application/json; charset=utf-8', body };
    const problem = { title: 'That code is not right.', status: 422, code: 'code-wrong', attempts_left: 4 };
    wrongCode = {
      method: 'POST',
      path: '/verify/me',
      status: 422,
      contentType: 'application/problem+json; charset=utf-8',
      body: problem,
    };
  });

  const check = (
    sent: SentAnswer,
    change: Partial<SentAnswer> = {},
    fields: object = {},
  ): string | undefined =>
    isAsDescribed({ ...sent, body: { ...(sent.body as object), ...fields }, ...change });

  it('accepts what is as described', () => {
    expect(check(status)).toBeUndefined();
    expect(check(wrongCode)).toBeUndefined();
  });

  it('accepts the answers that the API gives', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const calls: [method: 'get' | 'post', path: string, body?: object][] = [
      ['get', '/session'],
      ['get', '/status/me'],
      ['post', '/verify/me', { code: 'no code' }],
      ['post', '/verify/me', { code: factor.code() }],
      ['post', '/verify/me', { code: factor.code() }],
      ['get', '/status/me'],
      ['get', '/status/eve'],
      ['post', '/status/me', {}],
      ['get', '/nowhere'],
      ['get', '/openapi.json'],
    ];
    const statuses: number[] = [];
    for (const [method, path, body] of calls) {
      const answer = await agent[method](API + path)
        .set('Origin', ORIGIN)
        .send(body);
      const contentType = answer.get('Content-Type') ?? '';
      const sent = { method, path, status: answer.status, contentType, body: answer.body as unknown };
      expect(isAsDescribed({ ...sent, method: method.toUpperCase() }), path).toBeUndefined();
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([200, 401, 422, 200, 422, 200, 404, 405, 404, 200]);
  });

  it.each<[what: string, change: Partial<SentAnswer>, fields: object, report: RegExp]>([
    ['a missing field', {}, { enabled: undefined }, /required property 'enabled'/],
    ['an extra field', {}, { secret: 'JBSWY3DP' }, /additional properties/],
    [
      'an extra field further in',
      {},
      { backup_codes: { left: 1, total: 1, created_at: null, codes: [] } },
      /addit/,
    ],
    ['a wrong type', {}, { enabled: 'yes' }, /must be boolean/],
    ['a time that is none', {}, { enabled_at: 'yesterday' }, /date-time/],
    ['no document at all', { body: 'OK' }, {}, /must be object/],
    ['an undescribed status', { status: 201 }, {}, /201, which is not described/],
    ['a wrong content type', { contentType: 'text/html' }, {}, /200 as text\/html/],
    ['an undescribed address that answers', { path: '/statistics/me' }, {}, /200, which is not described/],
    ['an undescribed method that answers', { method: 'PUT' }, {}, /200, which is not described/],
  ])('reports %s', (_, change, fields, report) => {
    expect(check(status, change, fields)).toMatch(report);
  });

  it.each<[what: string, change: Partial<SentAnswer>, fields: object, report: RegExp]>([
    ['a code that does not exist', {}, { code: 'code-odd' }, /allowed values/],
    ['a code that this call is not described with', {}, { code: 'password-wrong' }, /allowed values/],
    ['a problem without a code', {}, { code: undefined }, /required property 'code'/],
    ['a problem that says too much', {}, { user_id: 'ada' }, /additional properties/],
    ['a problem that is plain JSON', { contentType: 'application/json' }, {}, /422 as application\/json/],
    ['an undescribed status', { status: 418 }, {}, /418, which is not described/],
    [
      'plain JSON where there is nothing',
      { path: '/x', status: 404, contentType: 'application/json' },
      {},
      /404 as/,
    ],
  ])('reports %s', (_, change, fields, report) => {
    expect(check(wrongCode, change, fields)).toMatch(report);
  });
});
