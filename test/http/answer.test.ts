import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCode, generateCode } from '../../src/backup-codes/code.js';
import { parseAnswer } from '../../src/challenge/answer.js';

describe('parseAnswer', () => {
  it.each([
    ['123456', '123456'],
    ['12345678', '12345678'],
    [' 123 456 ', '123456'],
    ['123-456', '123456'],
    ['123\u00a0456', '123456'],
    ['000000', '000000'],
  ])('takes %j for a TOTP code', (input, code) => {
    expect(parseAnswer(input)).toEqual({ lane: 'totp', code });
  });

  it('takes 24 symbols for a backup code', () => {
    const code = generateCode();
    for (const input of [code, formatCode(code), formatCode(code).toLowerCase(), ` ${code} `]) {
      expect(parseAnswer(input)).toEqual({ lane: 'backup-code', code });
    }
    expect(parseAnswer('0'.repeat(24))).toEqual({ lane: 'backup-code', code: '0'.repeat(24) });
  });

  it('tells a typing error from what is no code', () => {
    expect(parseAnswer(`${'0'.repeat(23)}1`)).toEqual({ kind: 'mistyped' });
  });

  it.each([
    ...[
      '',
      '12345',
      '123456789',
      '1234567890123456',
      'abcdef',
      '12345a',
      '1e5',
      '0x1234',
      '+123456',
      '12.3456',
    ],
    ...['１２３４５６', '١٢٣٤٥٦', '123456\u0000', '12345\u200b6', '²³¹²³¹', '123456'.padEnd(65)],
  ])('calls %j malformed', (input) => {
    expect(parseAnswer(input)).toEqual({ kind: 'malformed' });
  });

  it('gives digits and symbols only, whatever is typed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\d\s-]{5,12}$/)), (input) => {
        const answer = parseAnswer(input);
        if ('kind' in answer) return;
        expect(answer.code).toMatch(answer.lane === 'totp' ? /^[0-9]{6,8}$/ : /^[0-9A-HJKMNP-TV-Z]{24}$/);
      }),
    );
  });
});
