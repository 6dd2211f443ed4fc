import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import type { TotpParameters } from '../../src/model.js';
import { defaultParameters, matchStep } from '../../src/totp/match-step.js';

/**
 * RFC 6238 appendix B, https://www.rfc-editor.org/rfc/rfc6238#appendix-B (erratum 2866: each algorithm has a seed of
 * its own length: 20, 32 and 64 bytes). "The test token shared secret uses the ASCII string value
 * "12345678901234567890"." Time step 30, T0 0, 8 digits.
 *
 *  Time (sec)   |   TOTP   |  Mode
 */
const appendixB = `
  59           | 94287082 | SHA1
  59           | 46119246 | SHA256
  59           | 90693936 | SHA512
  1111111109   | 07081804 | SHA1
  1111111109   | 68084774 | SHA256
  1111111109   | 25091201 | SHA512
  1111111111   | 14050471 | SHA1
  1111111111   | 67062674 | SHA256
  1111111111   | 99943326 | SHA512
  1234567890   | 89005924 | SHA1
  1234567890   | 91819424 | SHA256
  1234567890   | 93441116 | SHA512
  2000000000   | 69279037 | SHA1
  2000000000   | 90698825 | SHA256
  2000000000   | 38618901 | SHA512
  20000000000  | 65353130 | SHA1
  20000000000  | 77737706 | SHA256
  20000000000  | 47863826 | SHA512`;

const seedBytes = { sha1: 20, sha256: 32, sha512: 64 };

const vectors = appendixB
  .trim()
  .split('\n')
  .map((line) => {
    const [time, code, mode] = line.split('|').map((cell) => cell.trim()) as [string, string, string];
    const algorithm = mode.toLowerCase() as TotpParameters['algorithm'];
    const secret = Buffer.from('1234567890'.repeat(7).slice(0, seedBytes[algorithm]));
    const parameters: TotpParameters = { algorithm, digits: 8, period: 30 };
    return { time: Number(time), code, mode, secret, parameters };
  });

const exact = { past: 0, future: 0 };

describe('RFC 6238 appendix B', () => {
  it('has 18 values', () => {
    expect(vectors).toHaveLength(18);
  });

  it.each(vectors)('matchStep finds $code at $time s with $mode', ({ time, code, secret, parameters }) => {
    expect(matchStep(secret, parameters, code, time * 1_000, exact)).toBe(Math.floor(time / 30));
    expect(matchStep(secret, parameters, code, time * 1_000 + 30_000, exact)).toBeUndefined();
  });

  it.each(vectors)('totpCode shows $code at $time s with $mode', ({ time, code, secret, parameters }) => {
    expect(totpCode(secret, time * 1_000, parameters)).toBe(code);
  });
});

/** RFC 4226 appendix D, https://www.rfc-editor.org/rfc/rfc4226#page-32, "HOTP" for "Count" 0 to 9. */
const appendixD = [
  '755224',
  '287082',
  '359152',
  '969429',
  '338314',
  '254676',
  '287922',
  '162583',
  '399871',
  '520489',
];

it('matchStep and totpCode give the values of RFC 4226 appendix D', () => {
  const secret = Buffer.from('12345678901234567890');
  for (const [count, code] of appendixD.entries()) {
    expect(totpCode(secret, count * 30_000)).toBe(code);
    expect(matchStep(secret, defaultParameters, code, count * 30_000, exact)).toBe(count);
  }
});

describe('matchStep', () => {
  const secret = Buffer.from('12345678901234567890');
  const STEP = 30_000;
  const step = 50_000_000;

  it.each([
    [exact, [0]],
    [{ past: 1, future: 0 }, [-1, 0]],
    [{ past: 0, future: 1 }, [0, 1]],
    [{ past: 1, future: 1 }, [-1, 0, 1]],
    [{ past: 2, future: 2 }, [-2, -1, 0, 1, 2]],
  ])('accepts in the window %j the steps %j, at any moment of a step', (window, accepted) => {
    for (const offset of [0, 1, 14_999, 15_000, 29_000, STEP - 1]) {
      const found = [-4, -3, -2, -1, 0, 1, 2, 3, 4].filter((steps) => {
        const code = totpCode(secret, (step + steps) * STEP);
        const match = matchStep(secret, defaultParameters, code, step * STEP + offset, window);
        if (match !== undefined) expect(match).toBe(step + steps);
        return match !== undefined;
      });
      expect(found).toEqual(accepted);
    }
  });

  it('accepts the first step of all with a window that reaches before it', () => {
    expect(matchStep(secret, defaultParameters, '755224', 0, { past: 2, future: 2 })).toBe(0);
  });

  it.each([
    '',
    '75522',
    '7552244',
    '75522a',
    ' 75522',
    '+75522',
    '７５５２２４',
    '٧٥٥٢٢٤',
    '0x75522',
    '755224\n',
    '75522.',
  ])('refuses %j without an error', (code) => {
    expect(matchStep(secret, defaultParameters, code, 0, { past: 1, future: 1 })).toBeUndefined();
  });

  it('refuses the 8-digit code of a 6-digit authenticator, and the other way round', () => {
    const eight: TotpParameters = { ...defaultParameters, digits: 8 };
    expect(matchStep(secret, defaultParameters, totpCode(secret, 0, eight), 0, exact)).toBeUndefined();
    expect(matchStep(secret, eight, totpCode(secret, 0), 0, exact)).toBeUndefined();
  });

  it('refuses the code of another secret, algorithm or period', () => {
    const at = step * STEP;
    expect(
      matchStep(Buffer.alloc(20, 1), defaultParameters, totpCode(secret, at), at, exact),
    ).toBeUndefined();
    const others: Partial<TotpParameters>[] = [{ algorithm: 'sha256' }, { period: 60 }];
    for (const other of others) {
      const parameters = { ...defaultParameters, ...other };
      expect(matchStep(secret, parameters, totpCode(secret, at), at, exact)).toBeUndefined();
      expect(matchStep(secret, parameters, totpCode(secret, at, parameters), at, exact)).toBe(
        Math.floor(at / (parameters.period * 1_000)),
      );
    }
  });
});

it('totpCode takes base32 as the setup page shows it', () => {
  // RFC 4648 §6 of "12345678901234567890".
  expect(totpCode('gezd gnbv gy3t qojq GEZD GNBV GY3T QOJQ', 0)).toBe('755224');
});
