import { hashCode } from '../backup-codes/code-set.js';
import { createKeyRing, type KeyRing, type RingKey } from '../crypto/key-ring.js';
import { randomSecret } from '../crypto/random.js';
import { SecondFactorError } from '../errors.js';
import type { Settings } from '../settings.js';
import type { Inspection, SealedRecords } from '../storage/storage.js';
import { defaultParameters, matchStep } from '../totp/match-step.js';
import { openSecret } from '../totp/secret.js';
import type { Look } from './look.js';
import type { Finding, Found, Row } from './report.js';

/** RFC 6238, appendix B: SHA-1, 59 seconds after the epoch; the last six of its eight digits. */
const vector = { secret: Buffer.from('12345678901234567890'), now: 59_000, code: '287082', step: 1 };

/** Tries what the second step is made of, and whether the records open that stand in the tables. */
export function testOurselves({ keys }: Settings, { seen }: Look<Inspection>): Finding {
  const ring = createKeyRing(keys);
  const tests: { row: Pick<Row, 'name' | 'of'>; holds: boolean; test: string }[] = [
    { row: { name: 'rfc-vector' }, holds: matchesVector(), test: 'RFC 6238' },
    ...keys.map((key) => ({
      row: { name: 'seal', of: key.id } as const,
      holds: seals(key),
      test: `AES-256-GCM, ${key.id}`,
    })),
  ];
  const canaries = (seen?.records?.sealed ?? []).map((records) => openOne(ring, records));
  return {
    rows: [
      ...tests.map(({ row, holds }): Row => ({
        ...row,
        value: { word: holds ? 'works' : 'fails' },
        state: holds ? 'ok' : 'problem',
      })),
      ...canaries.map(({ row }) => row),
    ],
    problems: [
      ...tests.flatMap(({ holds, test }): Found[] =>
        holds ? [] : [{ code: 'self-test-failed', details: { test } }],
      ),
      ...mergeByKey(canaries.flatMap(({ problem }) => problem ?? [])),
    ],
  };
}

function matchesVector(): boolean {
  const { secret, code, now, step } = vector;
  return matchStep(secret, defaultParameters, code, now, { past: 0, future: 0 }) === step;
}

/** With each key alone, and for its own context alone. */
function seals(key: RingKey): boolean {
  const ring = createKeyRing([key]);
  const plain = randomSecret(20);
  const sealed = ring.seal(plain, ['self-test', 'one']);
  return (
    plain.equals(ring.open(sealed, ['self-test', 'one'])) &&
    !opens(() => ring.open(sealed, ['self-test', 'two']))
  );
}

function opens(open: () => unknown): boolean {
  try {
    open();
    return true;
  } catch {
    return false;
  }
}

type Broken = Extract<Found, { code: 'key-missing' | 'seal-broken' }>;

function openOne(
  ring: KeyRing,
  { kind, keyId, count, sample }: SealedRecords,
): { row: Row; problem?: Broken } {
  const { userId, id, sealed } = sample;
  const row = { name: `sealed-${kind}`, of: showKeyId(keyId), value: count } as const;
  try {
    if (kind === 'authenticator') openSecret(ring, { userId, id, sealedSecret: sealed });
    else hashCode(ring, { userId, id, sealedKey: sealed }, '');
    return { row: { ...row, state: 'ok' } };
  } catch (error) {
    const isUnknown = error instanceof SecondFactorError && error.code === 'key-unknown';
    return {
      row: { ...row, state: 'problem' },
      problem: {
        code: isUnknown ? 'key-missing' : 'seal-broken',
        details: { keyId: showKeyId(keyId), records: count },
      },
    };
  }
}

/** What is no id may be a value that was never sealed, which nobody is to see. */
function showKeyId(keyId: string): string {
  return /^[\w-]{1,32}$/.test(keyId) ? keyId : '?';
}

/** One problem for each key: authenticators and backup codes miss the same one. */
function mergeByKey(problems: readonly Broken[]): Broken[] {
  const merged = new Map<string, Broken>();
  for (const { code, details } of problems) {
    const before = merged.get(`${code} ${details.keyId}`)?.details.records ?? 0;
    merged.set(`${code} ${details.keyId}`, {
      code,
      details: { ...details, records: before + details.records },
    });
  }
  return [...merged.values()];
}
