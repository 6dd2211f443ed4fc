import { createKeyRing, isUsable, type RingKey } from '../crypto/key-ring.js';
import type { SealedRecords, Storage } from '../storage/storage.js';
import { findState } from './canary.js';
import { showKeyId } from './sealed.js';

/** How one key stands: one of the ring, or one that records are sealed with. */
export interface KeyStatus {
  /** `?` stands for values that no key has sealed. */
  id: string;
  /**
   * `active` seals, `known` only opens; `unused` has been in no application that has started; `wrong` has another secret than
   * the id had; `lost` is said to be; `missing` is not in the ring.
   */
  state: 'active' | 'known' | 'unused' | 'wrong' | 'lost' | 'missing';
  authenticators: number;
  /** Sets of backup codes. */
  backupCodes: number;
}

/**
 * The keys of the ring in their order, then those that are missing.
 * @param sealed as `Storage.inspect` tells it.
 */
export async function describeKeys(
  storage: Storage,
  keys: readonly RingKey[],
  sealed: readonly SealedRecords[],
): Promise<KeyStatus[]> {
  const ring = createKeyRing(keys);
  const ids = new Set([...keys.map(({ id }) => id), ...sealed.map(({ keyId }) => showKeyId(keyId))]);
  const count = (id: string, wanted: SealedRecords['kind']): number =>
    sealed.reduce(
      (sum, found) => sum + (found.kind === wanted && showKeyId(found.keyId) === id ? found.count : 0),
      0,
    );

  async function findKeyState(id: string): Promise<KeyStatus['state']> {
    const key = keys.find((each) => each.id === id);
    if (!key) return 'missing';
    if (!isUsable(key)) return 'lost';
    const state = await findState(storage, ring, key);
    if (state === 'new') return 'unused';
    return state === 'known' && key === keys[0] ? 'active' : state;
  }

  return Promise.all(
    [...ids].map(async (id) => ({
      id,
      state: await findKeyState(id),
      authenticators: count(id, 'authenticator'),
      backupCodes: count(id, 'backup-codes'),
    })),
  );
}
