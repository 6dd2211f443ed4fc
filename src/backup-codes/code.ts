import { randomSecret } from '../crypto/random.js';

/**
 * A backup code is 24 symbols of Crockford's base32: 23 random ones (115 bits, so that a keyed hash suffices, OWASP
 * ASVS 6.5.2) and a check symbol that tells a typing error from a guess.
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 24;

export type ParsedCode = { kind: 'code'; code: string } | { kind: 'mistyped' } | { kind: 'malformed' };

export function generateCode(): string {
  const values = [...randomSecret(LENGTH - 1)].map((byte) => byte & 31);
  return encode([...values, checkValue(values)]);
}

/** `ABCDEFGH…` → `ABCD-EFGH-…`, as it is shown. */
export function formatCode(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1-');
}

/**
 * Reads what a person typed: case, white space and dashes do not matter, and I, L and O count as 1, 1 and 0.
 * `mistyped` looks like a code but its check symbol is wrong; `malformed` does not look like one.
 */
export function parseCode(input: string): ParsedCode {
  const code = input.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0');
  const values = [...code].map((symbol) => ALPHABET.indexOf(symbol));
  if (values.length !== LENGTH || values.includes(-1)) return { kind: 'malformed' };
  return checkValue(values.slice(0, -1)) === values.at(-1) ? { kind: 'code', code } : { kind: 'mistyped' };
}

/**
 * The weighted sum over GF(32): symbol i has the weight α^(i+1), the check symbol α^0. All weights differ, so every
 * single wrong symbol and every swap of two different symbols changes the sum.
 */
function checkValue(values: readonly number[]): number {
  let sum = 0;
  let weight = 1;
  for (const value of values) {
    weight = multiply(weight, 2);
    sum ^= multiply(weight, value);
  }
  return sum;
}

/** Multiplication in GF(2^5) modulo x^5 + x^2 + 1, of which x = 2 is a primitive element. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = a;
  for (let rest = b; rest > 0; rest >>= 1) {
    if (rest & 1) product ^= shifted;
    shifted <<= 1;
    if (shifted & 32) shifted ^= 0b100101;
  }
  return product;
}

function encode(values: readonly number[]): string {
  return values.map((value) => ALPHABET.charAt(value)).join('');
}
