import type { Request, Response } from 'express';
import { createTestClock, memoryStorage } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createKeyRing } from '../../src/crypto/key-ring.js';
import { parseOptions } from '../../src/settings.js';
import { BrowserCookie, entryShape } from '../../src/trusted-browser/cookie.js';

describe('BrowserCookie', () => {
  it('opens nothing that was sealed for a cookie of another name, or as another origin’s', () => {
    const make = (name: string, origin: string) => {
      const keys = [{ id: 'k', secret: Buffer.from(Array.from({ length: 32 }, (_, index) => index)) }];
      const settings = parseOptions({
        ...{ issuer: 'A', origin, storage: memoryStorage(), keys, clock: createTestClock() },
        user: { id: () => '1', label: () => '1' },
      });
      return new BrowserCookie(name, z.strictObject(entryShape), 1_000, settings, createKeyRing(keys));
    };
    const given: string[] = [];
    const append = (_name: string, line: string): number => given.push(line);
    const request = { headers: {}, res: { headersSent: false, append } as unknown as Response } as Request;
    make('one', 'http://a.example').keep(request, 'ada', { since: createTestClock()() });
    const value = given[0]!.split(';')[0]!.replace('one=', '');
    const read = (name: string, origin: string) =>
      make(name, origin).find({ headers: { cookie: `${name}=${value}` } } as Request, 'ada');
    expect(read('one', 'http://a.example')).toBeDefined();
    expect(read('two', 'http://a.example')).toBeUndefined();
    expect(read('one', 'http://b.example')).toBeUndefined();
  });
});
