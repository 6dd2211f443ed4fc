import { describe, expect, it } from 'vitest';
import { generateCodes, hashCode, hashCodes } from '../../src/backup-codes/code-set.js';
import { openProposal, sealProposal } from '../../src/backup-codes/proposal.js';
import { createKeyRing } from '../../src/crypto/key-ring.js';

const ring = createKeyRing([{ id: 'test', secret: Buffer.alloc(32, 7) }]);

describe('hashCodes', () => {
  it('hashes ten different codes to what hashCode finds, in order', () => {
    const fresh = generateCodes();
    const set = hashCodes(ring, 'ada', fresh);
    expect(new Set(set.codeHashes).size).toBe(10);
    const stored = { ...set, userId: 'ada' };
    expect(fresh.codes.map((code) => hashCode(ring, stored, code))).toEqual(set.codeHashes);
  });

  it('uses a key of its own for each set, so that equal codes are stored differently', () => {
    const fresh = generateCodes();
    const [one, other] = [hashCodes(ring, 'ada', fresh), hashCodes(ring, 'ada', fresh)];
    expect(one.codeHashes.filter((hash) => other.codeHashes.includes(hash))).toEqual([]);
  });

  it('holds no code', () => {
    const fresh = generateCodes();
    const stored = JSON.stringify(hashCodes(ring, 'ada', fresh));
    for (const code of fresh.codes) expect(stored).not.toContain(code);
  });
});

describe('hashCode', () => {
  const fresh = generateCodes();
  const set = hashCodes(ring, 'ada', fresh);

  it.each([
    ['another user', { ...set, userId: 'eve' }],
    ['another set', { ...set, userId: 'ada', id: 'another' }],
  ])('refuses the key of a set that was moved to %s', (_, moved) => {
    expect(() => hashCode(ring, moved, fresh.codes[0]!)).toThrow('does not open');
  });
});

describe('sealProposal', () => {
  const owner = { userId: 'ada', handleHash: 'hash' };
  const fresh = generateCodes();
  const payload = sealProposal(ring, owner, fresh);

  it('opens to the same codes', () => {
    expect(openProposal(ring, { ...owner, payload })).toEqual(fresh);
    expect(payload).not.toContain(fresh.codes[0]);
  });

  it.each([
    ['another user', { userId: 'eve', handleHash: 'hash', payload }],
    ['another session', { userId: 'ada', handleHash: 'other', payload }],
    ['a row without payload', { ...owner, payload: null }],
  ])('does not open for %s', (_, pending) => {
    expect(() => openProposal(ring, pending)).toThrow();
  });
});
