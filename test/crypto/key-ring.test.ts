import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmacSha256, isEqual, joinParts, sha256 } from '../../src/crypto/hash.js';
import { createKeyRing } from '../../src/crypto/key-ring.js';
import { randomId, randomToken } from '../../src/crypto/random.js';
import { SecondFactorError } from '../../src/errors.js';

const oldKey = { id: 'old', secret: Buffer.alloc(32, 1) };
const newKey = { id: 'new', secret: Buffer.alloc(32, 2) };
const ring = createKeyRing([oldKey]);
const context = ['authenticator', 'ada', '1'];
const secret = Buffer.from('12345678901234567890');

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SecondFactorError) return error.code;
    throw error;
  }
  return 'opened';
}

describe('KeyRing', () => {
  it('opens what it sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.string()), (plain, any) => {
        expect(ring.open(ring.seal(plain, any), any)).toEqual(Buffer.from(plain));
      }),
    );
  });

  it('seals the same twice to two different texts, with the key id in front', () => {
    const [one, other] = [ring.seal(secret, context), ring.seal(secret, context)];
    expect(one).not.toBe(other);
    expect(one).toMatch(/^old\.[\w-]+$/);
  });

  it.each([
    ['another user', ['authenticator', 'eve', '1']],
    ['another row', ['authenticator', 'ada', '2']],
    ['another state', ['enrolment', 'ada', '1']],
    ['a shorter context', ['authenticator', 'ada']],
    ['a longer context', ['authenticator', 'ada', '1', '']],
    ['the same letters cut elsewhere', ['authenticator', 'ad', 'a1']],
    ['no context', []],
  ])('does not open for %s', (_, other) => {
    expect(codeOf(() => ring.open(ring.seal(secret, context), other))).toBe('seal-broken');
  });

  it('does not open with any one symbol changed', () => {
    const sealed = ring.seal(secret, context);
    for (let place = 'old.'.length; place < sealed.length - 1; place += 1) {
      const symbol = sealed[place] === 'A' ? 'B' : 'A';
      const changed = sealed.slice(0, place) + symbol + sealed.slice(place + 1);
      expect(codeOf(() => ring.open(changed, context))).toBe('seal-broken');
    }
  });

  it.each(['old.', 'old.AAAA', `old.${'A'.repeat(37)}`, `old.${'A'.repeat(38)}`, 'old.!!!'])(
    'does not open %j, which is cut or empty',
    (sealed) => {
      expect(codeOf(() => ring.open(sealed, context))).toBe('seal-broken');
    },
  );

  it('does not open with a cut authentication tag', () => {
    const sealed = ring.seal(secret, context);
    for (const length of [1, 2, 4, 8, 16]) {
      expect(codeOf(() => ring.open(sealed.slice(0, -length), context))).toBe('seal-broken');
    }
  });

  it.each(['', 'AAAA', '.AAAA', 'gone.AAAA', '__proto__.AAAA', 'OLD.AAAA'])(
    'knows no key for %j',
    (sealed) => {
      expect(codeOf(() => ring.open(sealed, context))).toBe('key-unknown');
    },
  );

  it('opens with every key and seals with the first, so that keys can be rotated', () => {
    const sealed = ring.seal(secret, context);
    const both = createKeyRing([newKey, oldKey]);
    expect(both.open(sealed, context)).toEqual(secret);
    expect(both.seal(secret, context)).toMatch(/^new\./);
    expect(codeOf(() => ring.open(both.seal(secret, context), context))).toBe('key-unknown');
    expect(codeOf(() => createKeyRing([newKey]).open(sealed, context))).toBe('key-unknown');
  });

  it('does not open under the same id with another secret', () => {
    const other = createKeyRing([{ id: 'old', secret: Buffer.alloc(32, 3) }]);
    expect(codeOf(() => other.open(ring.seal(secret, context), context))).toBe('seal-broken');
  });

  it('does not open under the id of another key of the ring', () => {
    const both = createKeyRing([newKey, oldKey]);
    const renamed = both.seal(secret, context).replace(/^new/, 'old');
    expect(codeOf(() => both.open(renamed, context))).toBe('seal-broken');
  });

  it('says in its errors neither secret nor key', () => {
    const sealed = ring.seal(secret, context);
    for (const text of [sealed.slice(0, -4), `gone.${sealed}`]) {
      try {
        ring.open(text, context);
      } catch (error) {
        expect(String(error)).not.toContain(secret.toString());
        expect(String(error)).not.toContain(sealed.slice(8, 20));
      }
    }
  });
});

describe('hash', () => {
  it('isEqual is true for equal texts only, whatever their lengths', () => {
    expect(isEqual('token', 'token')).toBe(true);
    for (const other of ['', 'toke', 'tokem', 'token ', 'TOKEN']) expect(isEqual('token', other)).toBe(false);
  });

  it('joinParts joins different lists differently', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(joinParts(one)).not.toBe(joinParts(other));
      }),
    );
    expect(joinParts(['a', 'bc'])).not.toBe(joinParts(['ab', 'c']));
  });

  it('sha256 and hmacSha256 give the published values', () => {
    // FIPS 180-4, "abc".
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(Buffer.from(sha256('abc'), 'base64url').toString('hex')).toBe(abc);
    // RFC 4231 §4.3, https://www.rfc-editor.org/rfc/rfc4231#section-4.3
    const hmac = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    const made = hmacSha256(Buffer.from('Jefe'), 'what do ya want for nothing?');
    expect(Buffer.from(made, 'base64url').toString('hex')).toBe(hmac);
  });
});

it('randomToken has 256 bits and randomId 128, never the same twice', () => {
  for (const [make, bytes] of [
    [randomToken, 32],
    [randomId, 16],
  ] as const) {
    const made = Array.from({ length: 200 }, make);
    for (const text of made) expect(Buffer.from(text, 'base64url')).toHaveLength(bytes);
    expect(new Set(made).size).toBe(200);
  }
});
