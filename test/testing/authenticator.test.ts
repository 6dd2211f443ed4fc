import {
  createTestClock,
  createVirtualAuthenticator,
  enrolUser,
  memoryStorage,
  totpCode,
} from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { buildKeyUri, encodeKey } from '../../src/totp/key-uri.js';
import { defaultParameters } from '../../src/totp/match-step.js';

const STEP = 30_000;
const key = 'GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ';

/** Seeds and codes of RFC 6238 appendix B, at 1,111,111,109 s (erratum 2866 for the seeds). */
const vectors = [
  ['sha1', 20, '07081804'],
  ['sha256', 32, '68084774'],
  ['sha512', 64, '25091201'],
] as const;

describe('createVirtualAuthenticator', () => {
  it.each(vectors)('shows the codes of an otpauth: URI with %s', (algorithm, bytes, code) => {
    const secret = Buffer.from('1234567890'.repeat(7).slice(0, bytes));
    const uri = buildKeyUri('Test Service', 'ada:work', secret, { algorithm, digits: 8, period: 30 });
    const phone = createVirtualAuthenticator({ clock: () => 1_111_111_109_000 });
    const account = phone.add(` ${uri}\n`);
    expect(account).toMatchObject({ issuer: 'Test Service', label: 'ada_work', algorithm, digits: 8 });
    expect([account.code(), Buffer.from(account.secret)]).toEqual([code, secret]);
  });

  it('takes names with and without an issuer, and parameters as others write them', () => {
    const phone = createVirtualAuthenticator();
    const secret = encodeKey(Buffer.alloc(20, 1));
    for (const rest of ['A%20B:ada?', 'ada?issuer=A%20B&', 'C:ada?issuer=A%20B&', 'ada?'])
      phone.add(`otpauth://totp/${rest}secret=${secret}&algorithm=HmacSHA256&period=60`);
    expect(phone.accounts.map(({ issuer, label }) => [issuer, label])).toEqual([
      ['A B', 'ada'],
      ['A B', 'ada'],
      ['A B', 'C:ada'],
      ['', 'ada'],
    ]);
    expect(phone.accounts[0]).toMatchObject({ algorithm: 'sha256', digits: 6, period: 60 });
  });

  it('takes the key as the set-up page shows it, and keeps several accounts', () => {
    const clock = createTestClock();
    const phone = createVirtualAuthenticator({ clock });
    const [usual, other] = [phone.add(key.toLowerCase()), phone.add(key, { digits: 8, period: 60 })];
    expect(usual.code()).toBe(totpCode(key, clock()));
    expect(other.code(1)).toBe(
      totpCode(key, clock() + 60_000, { ...defaultParameters, digits: 8, period: 60 }),
    );
    expect(phone.accounts).toEqual([usual, other]);
  });

  it('shows the codes of a wrong clock', () => {
    const clock = createTestClock();
    const account = createVirtualAuthenticator({ clock, offset: -3 * STEP }).add(key);
    expect(account.code()).toBe(totpCode(key, clock() - 3 * STEP));
    clock.advance(STEP);
    expect(account.code(1)).toBe(totpCode(key, clock() - 2 * STEP));
  });

  it.each([
    ['nothing', '', /no key: base32/],
    ['a picture’s other text', 'https://service.example/', /no key: base32/],
    ['codes by counter', `otpauth://hotp/ada?secret=${encodeKey(Buffer.alloc(20))}`, /no key URI of TOTP/],
    ['a URI without a secret', 'otpauth://totp/ada', /no key: base32/],
    ['seven digits', `otpauth://totp/ada?secret=GEZDGNBVGY3TQOJQ&digits=7`, /6 or 8 digits/],
    ['another hash', `otpauth://totp/ada?secret=GEZDGNBVGY3TQOJQ&algorithm=MD5`, /SHA-1, SHA-256 or SHA-512/],
    ['no period', `otpauth://totp/ada?secret=GEZDGNBVGY3TQOJQ&period=0`, /period in seconds/],
  ])('refuses %s', (_, text, sentence) => {
    expect(() => createVirtualAuthenticator().add(text)).toThrow(sentence);
  });
});

describe('nextCode', () => {
  it('gives the codes of the window, each once, and then moves a test clock to the next step', async () => {
    const clock = createTestClock();
    const start = clock();
    const account = createVirtualAuthenticator({ clock }).add(key);
    const codes = [];
    for (let count = 0; count < 5; count += 1) codes.push([await account.nextCode(), clock() - start]);
    const at = (step: number) => totpCode(key, start + step * STEP);
    expect(codes).toEqual([
      [at(-1), 0],
      [at(0), 0],
      [at(1), 0],
      [at(2), STEP],
      [at(3), 2 * STEP],
    ]);
  });

  it('gives no code that was shown before', async () => {
    const clock = createTestClock();
    const account = createVirtualAuthenticator({ clock }).add(key);
    account.code();
    expect(await account.nextCode()).toBe(totpCode(key, clock() + STEP));
  });

  it.each([
    [24_999, -1],
    [25_001, 0],
  ])('gives none that is about to end: %i ms into a step', async (into, step) => {
    const clock = createTestClock();
    clock.advance(into);
    expect(await createVirtualAuthenticator({ clock }).add(key).nextCode()).toBe(
      totpCode(key, clock() + step * STEP),
    );
  });

  it('keeps to the window of an application that takes the present code alone', async () => {
    const clock = createTestClock();
    clock.advance(27_000);
    const phone = createVirtualAuthenticator({ clock, window: { past: 0, future: 0 } });
    expect(await phone.add(key).nextCode()).toBe(totpCode(key, clock()));
    expect(clock() % STEP).toBe(0);
  });

  it('waits by the real clock', async () => {
    const phone = createVirtualAuthenticator({ window: { past: 0, future: 0 } });
    const account = phone.add(key, { period: 1 });
    const first = await account.nextCode();
    const second = await account.nextCode();
    expect(second).not.toBe(first);
    // A busy machine may be a step late here.
    const shown = [0, 1_000].map((ago) =>
      totpCode(key, Date.now() - ago, { ...defaultParameters, period: 1 }),
    );
    expect(shown).toContain(second);
  });
});

it('enrolUser gives the account of an authenticator app, with the clock and window of the options', async () => {
  const clock = createTestClock();
  const options = {
    issuer: 'Test Service',
    origin: 'http://localhost:3000',
    storage: memoryStorage(),
    keys: [{ id: 'test', secret: Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)) }],
    user: { id: () => 'ada', label: () => 'ada' },
    totp: { window: { past: 0, future: 0 } },
    clock,
  };
  const factor = await enrolUser(options, 'ada');
  expect(factor).toMatchObject({ issuer: 'Test Service', label: 'ada', ...defaultParameters });
  expect(factor.backupCodes).toHaveLength(10);
  expect(await factor.nextCode()).toBe(totpCode(factor.secret, clock()));
  expect(await factor.nextCode()).toBe(totpCode(factor.secret, clock()));
});
