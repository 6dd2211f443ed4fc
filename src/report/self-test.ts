import { createKeyRing, isUsable, type KeyRing, type RingKey, type UsableKey } from '../crypto/key-ring.js';
import { randomSecret } from '../crypto/random.js';
import { SecondFactorError } from '../errors.js';
import { openRecord, opens, showKeyId } from '../keys/sealed.js';
import type { Inspection, SealedRecords } from '../storage/storage.js';
import { defaultParameters, matchStep } from '../totp/match-step.js';
import type { Look } from './look.js';
import type { Finding, Found, Row } from '../findings.js';

/** RFC 6238, appendix B: SHA-1, 59 seconds after the epoch; the last six of its eight digits. */
const vector = { secret: Buffer.from('12345678901234567890'), now: 59_000, code: '287082', step: 1 };

/** Tries what the second step is made of, and whether the records open that stand in the tables. */
export function testOurselves(
  { seen: keys = [] }: Look<readonly RingKey[]>,
  { seen }: Look<Inspection>,
): Finding {
  const ring = createKeyRing(keys);
  const lost = new Set(keys.flatMap((key) => (isUsable(key) ? [] : key.id)));
  const tests: { row: Pick<Row, 'name' | 'of'>; holds: boolean; test: string }[] = [
    { row: { name: 'rfc-vector' }, holds: matchesVector(), test: 'RFC 6238' },
    ...keys.filter(isUsable).map((key) => ({
      row: { name: 'seal', of: key.id } as const,
      holds: seals(key),
      test: `AES-256-GCM, ${key.id}`,
    })),
  ];
  // Without keys there is nothing to try the records with; that is told where the keys are.
  const sealed = keys.length === 0 ? [] : (seen?.records?.sealed ?? []);
  const canaries = sealed.map((records) => openOne(ring, lost, records));
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
function seals(key: UsableKey): boolean {
  const ring = createKeyRing([key]);
  const plain = randomSecret(20);
  const sealed = ring.seal(plain, ['self-test', 'one']);
  return (
    plain.equals(ring.open(sealed, ['self-test', 'one'])) &&
    !opens(() => ring.open(sealed, ['self-test', 'two']))
  );
}

type Broken = Extract<Found, { code: 'key-missing' | 'key-lost' | 'seal-broken' }>;

function openOne(
  ring: KeyRing,
  lost: ReadonlySet<string>,
  { kind, keyId, count, sample }: SealedRecords,
): { row: Row; problem?: Broken } {
  const row = { name: `sealed-${kind}`, of: showKeyId(keyId), value: count } as const;
  try {
    openRecord(ring, { kind, ...sample });
    return { row: { ...row, state: 'ok' } };
  } catch (error) {
    const isUnknown = error instanceof SecondFactorError && error.code === 'key-unknown';
    return {
      row: { ...row, state: 'problem' },
      problem: {
        code: lost.has(keyId) ? 'key-lost' : isUnknown ? 'key-missing' : 'seal-broken',
        details: { keyId: showKeyId(keyId), records: count },
      },
    };
  }
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
