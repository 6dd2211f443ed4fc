import { createKeyRing, isUsable, type KeyRing, type RingKey } from '../crypto/key-ring.js';
import { SecondFactorError } from '../errors.js';
import type { SealedRecord, Storage } from '../storage/storage.js';
import { checkKeys, findState } from './canary.js';
import { resealRecord } from './sealed.js';

/** What came of one run over everything that is sealed. What others sealed anew meanwhile is in neither number. */
export interface ResealResult {
  /** Records that this run has sealed with the first key. */
  resealed: number;
  /** Records that do not open: changed, moved, or of a lost key. */
  unreadable: number;
}

/** In one transaction: short beside the logins that wait for it. */
const BATCH = 100;

/**
 * Seals with the first key what another one of the ring has sealed. Each record by compare-and-set, so logins and changes go on
 * beside it; whatever it has done when it ends early stays done, and a second run finds the rest. Several at once do no harm.
 * @param onProgress called after each batch with the records that were looked at since the start.
 * @throws SecondFactorError `key-unknown` where no application has started with the first key, and as `checkKeys`.
 */
export async function resealAll(
  storage: Storage,
  keys: readonly RingKey[],
  onProgress: (done: number) => void,
): Promise<ResealResult> {
  const [active, ...others] = keys;
  const ring = createKeyRing(keys);
  await refuseUnused(storage, ring, active);
  await checkKeys(storage, keys);
  const result: ResealResult = { resealed: 0, unreadable: 0 };
  let done = 0;
  for (const kind of ['authenticator', 'backup-codes'] as const) {
    for (const { id: keyId } of others) {
      let after: string | null = null;
      for (;;) {
        const records: SealedRecord[] = await storage.listSealed({ kind, keyId, after, limit: BATCH });
        const last = records.at(-1);
        if (!last) break;
        const [resealed, unreadable] = await resealBatch(storage, ring, records);
        result.resealed += resealed;
        result.unreadable += unreadable;
        done += records.length;
        after = last.id;
        onProgress(done);
      }
    }
  }
  return result;
}

async function resealBatch(
  storage: Storage,
  ring: KeyRing,
  records: readonly SealedRecord[],
): Promise<[resealed: number, unreadable: number]> {
  let unreadable = 0;
  const resealings = records.flatMap((record) => {
    try {
      return resealRecord(ring, record) ?? [];
    } catch {
      unreadable += 1;
      return [];
    }
  });
  return [resealings.length === 0 ? 0 : await storage.reseal(resealings), unreadable];
}

/** Sealed with a key that only this process has, nothing would open at the servers. */
async function refuseUnused(storage: Storage, ring: KeyRing, active: RingKey | undefined): Promise<void> {
  if (!active || !isUsable(active) || (await findState(storage, ring, active)) !== 'new') return;
  throw new SecondFactorError(
    'key-unknown',
    `No application has started with the key "${active.id}" yet: start all of them with it in "keys" first.`,
  );
}
