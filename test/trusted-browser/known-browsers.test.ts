import type { Request, Response } from 'express';
import type { SecondFactorOptions } from 'passport-second-factor';
import { createTestClock, memoryStorage, type TestClock, totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { createKeyRing, type RingKey } from '../../src/crypto/key-ring.js';
import { parseOptions } from '../../src/settings.js';
import { KnownBrowsers } from '../../src/trusted-browser/known-browsers.js';
import { eachFace } from '../helpers/faces.js';
import {
  type Agent,
  createHost,
  type Host,
  readCookie,
  sendPassword,
  signInWhole,
  withoutSession,
  writeCookie,
  wrongCodes,
} from '../helpers/host.js';

const NAME = 'second-factor-known';
const TRUST = 'second-factor-trust';
const DAY = 24 * 60 * 60_000;
const keys = [{ id: 'k', secret: Buffer.from(Array.from({ length: 32 }, (_, index) => index * 5)) }];

interface Setting {
  clock: TestClock;
  known: KnownBrowsers;
}

function make(
  changes: Partial<SecondFactorOptions> & { keys?: RingKey[] } = {},
  clock = createTestClock(),
): Setting {
  const settings = parseOptions({
    ...{ issuer: 'A', origin: 'http://a.example', storage: memoryStorage(), keys, clock },
    user: { id: () => '1', label: () => '1' },
    ...changes,
  });
  return { clock, known: new KnownBrowsers(settings, createKeyRing(changes.keys ?? keys)) };
}

/** One request of a browser with this `Cookie` header; collects what it is given. */
function requestWith(cookie: string | undefined, given: string[] = [], headersSent = false): Request {
  const res = {
    headersSent,
    append: (_name: string, line: string) => given.push(line),
  } as unknown as Response;
  return { headers: { ...(cookie !== undefined && { cookie }) }, res } as Request;
}

/** @returns the `Cookie` header of the browser from then on. */
function remember({ known }: Setting, userId: string, cookie?: string): string {
  const given: string[] = [];
  known.remember(requestWith(cookie, given), userId);
  return given[0]!.split(';')[0]!;
}

describe('KnownBrowsers', () => {
  it('knows a browser that it has remembered, for that user alone', () => {
    const setting = make();
    const cookie = remember(setting, 'ada');
    const { known } = setting;
    expect(known.isKnown(requestWith(cookie), 'ada')).toBe(true);
    expect(known.isKnown(requestWith(`a=b; ${cookie}; c=d`), 'ada')).toBe(true);
    for (const userId of ['eve', 'Ada', 'ada ', ''])
      expect(known.isKnown(requestWith(cookie), userId)).toBe(false);
    expect(known.isKnown(requestWith(undefined), 'ada')).toBe(false);
  });

  it('knows it for a year after the last time', () => {
    const setting = make();
    let cookie = remember(setting, 'ada');
    setting.clock.advance(364 * DAY);
    cookie = remember(setting, 'ada', cookie);
    setting.clock.advance(365 * DAY - 1);
    expect(setting.known.isKnown(requestWith(cookie), 'ada')).toBe(true);
    setting.clock.advance(1);
    expect(setting.known.isKnown(requestWith(cookie), 'ada')).toBe(false);
  });

  it('keeps eight users, the last ones', () => {
    const setting = make();
    const users = Array.from({ length: 10 }, (_, index) => 'ü'.repeat(100) + String(index));
    let cookie: string | undefined;
    for (const userId of [...users, users[2]!]) cookie = remember(setting, userId, cookie);
    const known = users.filter((userId) => setting.known.isKnown(requestWith(cookie), userId));
    expect(known).toEqual(users.slice(2));
    expect(cookie!.length).toBeLessThan(2_000);
  });

  it('gives a cookie that no script, no other site and no plain connection gets', () => {
    const given: string[] = [];
    make({ origin: 'https://a.example' }).known.remember(requestWith(undefined, given), 'ada');
    expect(given[0]!.replace(/=[^;]*/, '')).toBe(
      `__Host-${NAME}; Max-Age=31536000; Path=/; HttpOnly; Secure; SameSite=Lax`,
    );
  });

  it('says nothing where the response has begun', () => {
    const given: string[] = [];
    make().known.remember(requestWith(undefined, given, true), 'ada');
    make().known.remember({ headers: {} } as Request, 'ada');
    expect(given).toEqual([]);
  });

  it('knows nothing of a cookie of another key, origin or name', () => {
    const setting = make();
    const cookie = remember(setting, 'ada');
    const other = [{ id: 'k', secret: Buffer.from(Array.from({ length: 32 }, (_, index) => index * 3)) }];
    for (const changes of [
      { keys: other },
      { keys: [{ ...keys[0]!, id: 'l' }] },
      { origin: 'http://b.example' },
    ])
      expect(make(changes, setting.clock).known.isKnown(requestWith(cookie), 'ada')).toBe(false);
    const renamed = cookie.replace(NAME, `__Host-${NAME}`);
    expect(make({ origin: 'https://a.example' }).known.isKnown(requestWith(renamed), 'ada')).toBe(false);
  });

  it('knows a browser by a key that still is in the ring', () => {
    const setting = make();
    const cookie = remember(setting, 'ada');
    const fresh = { id: 'new', secret: Buffer.from(Array.from({ length: 32 }, (_, index) => index * 3)) };
    const { known } = make({ keys: [fresh, ...keys] }, setting.clock);
    expect(known.isKnown(requestWith(cookie), 'ada')).toBe(true);
  });

  it('takes whatever comes for nothing, without a fault', () => {
    const setting = make();
    const value = remember(setting, 'ada').slice(NAME.length + 1);
    const hostile = [
      '',
      '.',
      'k.',
      'k.AAAA',
      `${value}${value}`,
      value.slice(1),
      value.slice(0, -1),
      value.toUpperCase(),
      'A'.repeat(100_000),
      `k.${'A'.repeat(100_000)}`,
      '%',
      '%E0%A4%A',
      '\u0000',
      '[{"user":"ada","since":1}]',
      '__proto__',
      JSON.stringify({ user: 'ada' }),
    ];
    for (const text of hostile)
      expect([text.slice(0, 20), setting.known.isKnown(requestWith(`${NAME}=${text}`), 'ada')]).toEqual([
        text.slice(0, 20),
        false,
      ]);
    for (const header of ['', ';', '=', NAME, `${NAME}=`, `;;${NAME}==;`, 'x'.repeat(100_000)])
      expect(setting.known.isKnown(requestWith(header), 'ada')).toBe(false);
  });

  it('knows nothing of any cookie with a character changed', () => {
    const setting = make();
    const cookie = remember(setting, 'ada');
    // The last character has bits that base64 leaves out.
    for (let at = NAME.length + 1; at < cookie.length - 1; at += 1) {
      const changed = cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1);
      expect(setting.known.isKnown(requestWith(changed), 'ada')).toBe(false);
    }
  });
});

/** Whether a browser is known for a user, as the application's own keys see it. */
function isKnown(host: Host, agent: Agent, userId = 'ada'): boolean {
  const settings = parseOptions(host.options);
  const known = new KnownBrowsers(settings, createKeyRing(host.options.keys as RingKey[]));
  const value = readCookie(agent, NAME);
  return known.isKnown(requestWith(value === '' ? undefined : `${NAME}=${value}`), userId);
}

describe.each(eachFace)('over the %s, a browser is known', (_, face) => {
  it('after a login, and not by a password or a wrong code', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await face.answer(agent, wrongCodes(factor, 1)[0]!);
    expect(isKnown(host, agent)).toBe(false);
    await face.answer(agent, factor.code());
    expect([isKnown(host, agent), isKnown(host, agent, 'eve')]).toEqual([true, false]);
    expect(isKnown(host, await host.signIn('bob'), 'bob')).toBe(false);
  });

  it('after a step-up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    writeCookie(agent, NAME, 'lost');
    expect(isKnown(host, agent)).toBe(false);
    await face.answer(agent, factor.code(1));
    expect(isKnown(host, agent)).toBe(true);
  });

  it('after a set-up, and not by a proof of the password', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const { key } = await face.setup(agent);
    await face.enable(agent, '000000');
    await face.provePassword(agent, 'ada-password');
    expect(isKnown(host, agent)).toBe(false);
    expect((await face.enable(agent, totpCode(key, host.clock()))).kind).toBe('accepted');
    expect(isKnown(host, agent)).toBe(true);
  });

  it('and skips nothing by it: each login asks for a code, also of whoever gets the id of a deleted user', async () => {
    const host = await createHost({ options: { trustedBrowsers: {} } });
    const factor = await host.enrol('ada');
    const agent = withoutSession(host, await face.signInWhole(host, 'ada', factor.code()));
    writeCookie(agent, TRUST, readCookie(agent, NAME));
    expect((await sendPassword(agent, 'ada')).headers['location']).toBe('/two-factor/challenge');
    await host.secondFactor.forget('ada');
    const next = await host.enrol('ada');
    const later = withoutSession(host, agent);
    expect((await sendPassword(later, 'ada')).headers['location']).toBe('/two-factor/challenge');
    expect((await face.answer(later, next.code())).kind).toBe('accepted');
  });
});
