import { describe, expect, it } from 'vitest';
import { buildKeyUri, encodeKey, groupKey } from '../../src/totp/key-uri.js';
import { defaultParameters } from '../../src/totp/match-step.js';
import { drawQr } from '../../src/totp/qr.js';
import { generateSecret } from '../../src/totp/secret.js';

const secret = Buffer.from('12345678901234567890');

/** Takes a URI apart as https://github.com/google/google-authenticator/wiki/Key-Uri-Format describes it. */
function readUri(uri: string): { label: string; parameters: [string, string][] } {
  const match = /^otpauth:\/\/totp\/([^?#]+)\?([^#]+)$/.exec(uri);
  if (!match) throw new Error(`No key URI: ${uri}`);
  const parameters = match[2]!
    .split('&')
    .map((pair) => pair.split('=').map(decodeURIComponent) as [string, string]);
  return { label: decodeURIComponent(match[1]!), parameters };
}

describe('buildKeyUri', () => {
  it('writes label, issuer and one secret', () => {
    const uri = buildKeyUri('Test Service', 'ada@service.example', secret, defaultParameters);
    const { label, parameters } = readUri(uri);
    expect(label).toBe('Test Service:ada@service.example');
    expect(Object.fromEntries(parameters)).toMatchObject({
      secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      issuer: 'Test Service',
    });
    expect(parameters.filter(([name]) => name === 'secret')).toHaveLength(1);
    // A plus sign is a plus sign to authenticator apps: only %20 is a space.
    expect(uri).not.toContain('+');
  });

  it('writes parameters that are not the usual ones', () => {
    const uri = buildKeyUri('I', 'a', secret, { algorithm: 'sha512', digits: 8, period: 60 });
    expect(Object.fromEntries(readUri(uri).parameters)).toMatchObject({
      algorithm: 'SHA512',
      digits: '8',
      period: '60',
    });
  });

  it.each([
    ['a colon', 'ada:admin', 'I:ada_admin'],
    ['an encoded colon', 'ada%3Aadmin', 'I:ada%3Aadmin'],
    ['parameters', 'ada?secret=AAAA&issuer=Bank#', 'I:ada?secret=AAAA&issuer=Bank#'],
    ['a slash', 'ada/../eve', 'I:ada/../eve'],
    ['Unicode', 'Ädà 中文 😀', 'I:Ädà 中文 😀'],
    ['a plus sign', 'ada+test@a.example', 'I:ada+test@a.example'],
    ['control characters', 'a\r\n\u0000da', 'I:ada'],
    ['nothing', ' ', 'I:account'],
  ])('keeps a label with %s inside of the label', (_, label, expected) => {
    const read = readUri(buildKeyUri('I', label, secret, defaultParameters));
    expect(read.label).toBe(expected);
    expect(read.parameters.map(([name]) => name).sort()).toEqual(
      readUri(buildKeyUri('I', 'ada', secret, defaultParameters))
        .parameters.map(([name]) => name)
        .sort(),
    );
    expect(new Map(read.parameters).get('secret')).toBe(encodeKey(secret));
  });

  it('writes a label with half a character without that half', () => {
    const { label } = readUri(buildKeyUri('I', 'ada\ud83d', secret, defaultParameters));
    expect(['I:ada', 'I:ada\ufffd']).toContain(label);
  });

  it.each([99, 100, 63, 64])('cuts a long label of %d letters and an emoji between characters', (length) => {
    const uri = buildKeyUri('I', `${'a'.repeat(length)}😀${'b'.repeat(200)}`, secret, defaultParameters);
    expect(readUri(uri).label).not.toContain('\ufffd');
  });

  it('escapes an issuer with Unicode and signs, the same in label and parameter', () => {
    const issuer = 'Ö & Co = "50%" / ?#';
    const { label, parameters } = readUri(buildKeyUri(issuer, 'ada', secret, defaultParameters));
    expect(label).toBe(`${issuer}:ada`);
    expect(new Map(parameters).get('issuer')).toBe(issuer);
  });
});

describe('encodeKey', () => {
  it.each([
    // RFC 4648 §10, https://www.rfc-editor.org/rfc/rfc4648#section-10, without padding.
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('writes %j as %j', (text, key) => {
    expect(encodeKey(Buffer.from(text))).toBe(key);
  });
});

it('groupKey puts a space after every four symbols and none at the end', () => {
  expect(groupKey('ABCDEFGHIJ')).toBe('ABCD EFGH IJ');
  expect(groupKey('ABCDEFGH')).toBe('ABCD EFGH');
});

it('generateSecret makes 160 bits, never the same twice', () => {
  const secrets = Array.from({ length: 100 }, () => generateSecret());
  expect(new Set(secrets.map((bytes) => bytes.length))).toEqual(new Set([20]));
  expect(new Set(secrets.map(String)).size).toBe(100);
});

describe('drawQr', () => {
  it('draws an SVG without style, script or link', () => {
    const svg = drawQr(buildKeyUri('I', 'a', secret, defaultParameters));
    expect(svg).toMatch(/^<svg [^]*<\/svg>\s*$/);
    expect(svg).not.toMatch(/style|<script|href|<image/i);
  });

  it('holds the longest issuer and label', () => {
    const uri = buildKeyUri('😀'.repeat(64), '😀'.repeat(200), secret, defaultParameters);
    expect(drawQr(uri)).toContain('<svg');
  });
});
