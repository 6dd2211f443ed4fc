import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { samePathOnly } from '../../src/http/return-to.js';

const ORIGIN = 'https://id.example';

describe('samePathOnly', () => {
  it.each([
    ['/', '/'],
    ['/account', '/account'],
    ['/account?a=1&b=2#part', '/account?a=1&b=2#part'],
    ['?a=1', '/?a=1'],
    ['account', '/account'],
    ['/a/../b', '/b'],
    ['/a b', '/a%20b'],
    ['/ä', '/%C3%A4'],
    ['/?next=https://evil.example', '/?next=https://evil.example'],
    [`${ORIGIN}/account`, '/account'],
    [`${ORIGIN}:443/account`, '/account'],
    ['HTTPS://ID.EXAMPLE/account', '/account'],
    // Relative, as in a browser on a page of the same scheme.
    ['https:evil.example', '/evil.example'],
    ['/a\r\nSet-Cookie: a=b', '/aSet-Cookie:%20a=b'],
  ])('makes %j the path %j', (target, path) => {
    expect(samePathOnly(target, ORIGIN)).toBe(path);
  });

  it.each([
    'https://evil.example',
    'http://id.example/',
    'https://id.example:444/',
    '//evil.example',
    '///evil.example',
    '////evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '\t//evil.example',
    ' //evil.example',
    '\u0000//evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
    'https:/\\evil.example',
    'javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'blob:https://id.example/x',
    'blob:https://user@id.example/x',
    'file:///etc/passwd',
    'https://id.example@evil.example/',
    'https://id.example.evil.example/',
    'https://user@id.example/',
    'https://:password@id.example/',
    'https://id.example\\@evil.example/..//x',
    'https://[',
    '',
    `/${'a'.repeat(2_048)}`,
  ])('refuses %j', (target) => {
    expect(samePathOnly(target, ORIGIN)).toBeUndefined();
  });

  it.each([
    [undefined],
    [null],
    [1],
    [['/account']],
    [{ toString: () => '/account' }],
    [new String('/account')],
  ])('refuses %j, which is no text', (target) => {
    expect(samePathOnly(target, ORIGIN)).toBeUndefined();
  });

  it('takes a relative target from where the request was, if that is a path of ours', () => {
    expect(samePathOnly('done', ORIGIN, '/shop/login?a=1')).toBe('/shop/done');
    expect(samePathOnly('../done', ORIGIN, '/shop/login')).toBe('/done');
    expect(samePathOnly('done', ORIGIN, '//evil.example/login')).toBeUndefined();
    expect(samePathOnly('//evil.example', ORIGIN, '/shop/login')).toBeUndefined();
    expect(samePathOnly('/done', ORIGIN, 'https://[')).toBe('/done');
  });

  it('returns only paths that a browser opens at our origin', () => {
    const piece = fc.constantFrom(
      ...[
        '/',
        '//',
        '\\',
        '.',
        '..',
        '@',
        ':',
        '?',
        '#',
        '%',
        '%2f',
        '%5c',
        '\t',
        '\n',
        '\r',
        '\0',
        ' ',
        '[',
        ']',
      ],
      ...[
        'https:',
        'http:',
        'blob:',
        'javascript:',
        'id.example',
        'evil.example',
        'a',
        '\u3002',
        '\uff0f',
        '\u2028',
      ],
    );
    const target = fc.oneof(
      fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join('')),
      fc.webUrl(),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(target, fc.constantFrom('/', '/two-factor/challenge', '//evil.example'), (text, from) => {
        const path = samePathOnly(text, ORIGIN, from);
        if (path === undefined) return;
        expect(path).toMatch(/^\/(?![/\\])\S*$/);
        for (const page of [`${ORIGIN}/`, `${ORIGIN}/two-factor/challenge`]) {
          expect(new URL(path, page).origin).toBe(ORIGIN);
        }
        expect(samePathOnly(path, ORIGIN)).toBe(path);
      }),
      { numRuns: 20_000 },
    );
  });
});
