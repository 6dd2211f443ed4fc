import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import { readField } from '../../src/http/form.js';

function requestWith(body: unknown): Request {
  return { body } as Request;
}

describe('readField', () => {
  it('reads one text, up to 2048 characters', () => {
    expect(readField(requestWith({ code: '123456' }), 'code')).toBe('123456');
    expect(readField(requestWith({ code: '' }), 'code')).toBe('');
    expect(readField(requestWith({ code: 'x'.repeat(2_048) }), 'code')).toHaveLength(2_048);
    expect(readField(requestWith(Object.assign(Object.create(null) as object, { code: '1' })), 'code')).toBe(
      '1',
    );
  });

  it.each([[undefined], [null], ['code=1'], [1], [{}], [Object.create({ code: '123456' })], [[]]])(
    'finds nothing in the body %j',
    (body) => {
      expect(readField(requestWith(body), 'code')).toBeUndefined();
    },
  );

  it.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])(
    'finds no field %s that was not sent',
    (name) => {
      expect(readField(requestWith({}), name)).toBeUndefined();
    },
  );

  it.each([[['123456']], [{ 0: '1' }], [123456], [null], [true], [undefined], ['x'.repeat(2_049)]])(
    'refuses the value %j',
    (value) => {
      expect(() => readField(requestWith({ code: value }), 'code')).toThrow('must be one short text');
    },
  );
});
