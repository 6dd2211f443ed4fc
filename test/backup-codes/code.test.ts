import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCode, generateCode, parseCode } from '../../src/backup-codes/code.js';

const ALPHABET: string = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 24;

/** Any code: its 23 random symbols, and the one check symbol that fits. */
const anyCode = fc
  .array(fc.constantFrom(...ALPHABET), { minLength: LENGTH - 1, maxLength: LENGTH - 1 })
  .map((symbols) => {
    const fitting = [...ALPHABET].filter((check) => parseCode(symbols.join('') + check).kind === 'code');
    expect(fitting).toHaveLength(1);
    return symbols.join('') + fitting[0]!;
  });
const anyPosition = fc.nat(LENGTH - 1);

describe('generateCode', () => {
  it('makes 24 symbols of Crockford’s alphabet that parseCode takes, never the same twice', () => {
    const codes = Array.from({ length: 500 }, generateCode);
    for (const code of codes) {
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{24}$/);
      expect(parseCode(code)).toEqual({ kind: 'code', code });
    }
    expect(new Set(codes).size).toBe(500);
  });

  it('uses every symbol at every random place', () => {
    const codes = Array.from({ length: 2_000 }, generateCode);
    for (let place = 0; place < LENGTH; place += 1) {
      expect(new Set(codes.map((code) => code[place])).size).toBe(ALPHABET.length);
    }
  });
});

it('formatCode writes six groups of four', () => {
  expect(formatCode('ABCDEFGHJKMNPQRSTVWXYZ01')).toBe('ABCD-EFGH-JKMN-PQRS-TVWX-YZ01');
});

describe('parseCode', () => {
  it('forgives case, spaces, dashes and I, L, O', () => {
    fc.assert(
      fc.property(anyCode, fc.infiniteStream(fc.nat(3)), (code, choices) => {
        const next = (): number => choices.next().value as number;
        const written = [...code]
          .map((symbol) => {
            const looks =
              symbol === '1'
                ? ['1', 'I', 'l', 'L']
                : symbol === '0'
                  ? ['0', 'O', 'o', '0']
                  : [symbol, symbol.toLowerCase()];
            return ['', ' ', '-', '\t'][next()]! + looks[next() % looks.length]!;
          })
          .join('');
        expect(parseCode(written)).toEqual({ kind: 'code', code });
      }),
    );
  });

  it('finds every single wrong symbol', () => {
    fc.assert(
      fc.property(anyCode, anyPosition, fc.constantFrom(...ALPHABET), (code, place, symbol) => {
        fc.pre(code[place] !== symbol);
        expect(parseCode(code.slice(0, place) + symbol + code.slice(place + 1)).kind).toBe('mistyped');
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds every swap of two different symbols, the check symbol included', () => {
    fc.assert(
      fc.property(anyCode, anyPosition, anyPosition, (code, one, other) => {
        fc.pre(code[one] !== code[other]);
        const symbols = [...code];
        [symbols[one], symbols[other]] = [symbols[other]!, symbols[one]!];
        expect(parseCode(symbols.join('')).kind).toBe('mistyped');
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds every swap of two different neighbours in 20 codes', () => {
    for (const code of Array.from({ length: 20 }, generateCode)) {
      for (let place = 0; place < LENGTH - 1; place += 1) {
        if (code[place] === code[place + 1]) continue;
        const swapped = code.slice(0, place) + code[place + 1]! + code[place]! + code.slice(place + 2);
        expect(parseCode(swapped).kind).toBe('mistyped');
      }
    }
  });

  it.each([
    '',
    ' ',
    '----',
    '0'.repeat(23),
    '0'.repeat(25),
    `${'0'.repeat(23)}U`,
    `${'0'.repeat(23)}!`,
    '０'.repeat(24),
  ])('calls %j malformed', (input) => {
    expect(parseCode(input)).toEqual({ kind: 'malformed' });
  });

  it('never throws, and takes no other text for a code', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (input) => parseCode(input).kind !== 'code'),
    );
  });
});
