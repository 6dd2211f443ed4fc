import { describe, expect, it } from 'vitest';
import { judgeLevel, nameLevel, readDemand } from '../../src/oidc/demand.js';

const levels = { oneFactor: 'one', twoFactors: 'two' };
const login = (acr?: string) => ({
  userId: 'ada',
  amr: [],
  proofs: {},
  epoch: 0,
  ...(acr !== undefined && { acr }),
});
const claims = (acr: object): string => JSON.stringify({ id_token: { acr } });

describe('readDemand', () => {
  it.each<[string, Record<string, unknown>, object]>([
    ['nothing', {}, { acr: [], isEssential: false, maxAge: Infinity }],
    ['acr_values', { acr_values: 'two one' }, { acr: ['two', 'one'], isEssential: false }],
    [
      'an essential value',
      { claims: claims({ essential: true, value: 'two' }) },
      { acr: ['two'], isEssential: true },
    ],
    [
      'essential values',
      { claims: claims({ essential: true, values: ['two', 'one'] }) },
      { acr: ['two', 'one'], isEssential: true },
    ],
    ['a voluntary value', { claims: claims({ value: 'two' }) }, { acr: ['two'], isEssential: false }],
    [
      'an essential claim of any value',
      { claims: claims({ essential: true }) },
      { acr: [], isEssential: false },
    ],
    ['a claim without more', { claims: '{"id_token":{"acr":null}}' }, { acr: [], isEssential: false }],
    ['claims of another kind', { claims: '{"userinfo":{"email":null}}' }, { acr: [], isEssential: false }],
    [
      'both, of which oidc-provider goes by the first',
      { acr_values: 'one', claims: claims({ essential: true, value: 'two' }) },
      { acr: ['one'], isEssential: false },
    ],
    ['max_age', { max_age: '60' }, { maxAge: 60 }],
  ])('reads %s', (_what, params, demand) => {
    expect(readDemand(params)).toMatchObject(demand);
  });
});

describe('judgeLevel and nameLevel', () => {
  const voluntary = (...acr: string[]) => ({ acr, isEssential: false, maxAge: Infinity });
  const wanted = (...acr: string[]) => ({ acr, isEssential: true, maxAge: Infinity });

  it.each([
    [voluntary(), 'one', 'enough', 'one'],
    [voluntary('two'), 'one', 'more-wanted', 'one'],
    [voluntary('two'), 'two', 'enough', 'two'],
    [voluntary('one'), 'two', 'enough', 'one'],
    [voluntary('two', 'one'), 'one', 'more-wanted', 'one'],
    [voluntary('other'), 'one', 'enough', 'one'],
    [wanted('other'), 'two', 'unknown-level', 'two'],
    [wanted('other', 'two'), 'one', 'more-wanted', 'one'],
    [wanted('one'), undefined, 'more-wanted', undefined],
  ])('asked for %o, a login at %s is %s and called %s', (demand, acr, verdict, name) => {
    expect(judgeLevel(demand, login(acr), levels)).toBe(verdict);
    expect(nameLevel(demand, login(acr), levels)).toBe(name);
  });
});
