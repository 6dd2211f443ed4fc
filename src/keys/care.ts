import type { Clock } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import type { SealedRecords, Storage } from '../storage/storage.js';
import { type ResealResult, resealAll } from './reseal.js';
import type { KeySource } from './source.js';
import { describeKeys, type KeyStatus } from './status.js';

/** The keys are asked for anew in each call. It counts and walks whole tables: nothing for a request that somebody waits for. */
export interface KeyCare {
  /** The keys of the ring in their order, then those that records are sealed with and that it does not have. */
  status(): Promise<KeyStatus[]>;
  /**
   * Seals with the first key what the others have sealed, in batches, beside logins and changes. It may be ended at any time and
   * called again, and at several nodes.
   * @param onProgress called after each batch.
   * @throws SecondFactorError as `ready()`; `key-unknown` also where no application has started with the first key yet.
   */
  reseal(onProgress?: (done: number, total: number) => void): Promise<ResealResult>;
}

interface Parts {
  keys: KeySource;
  clock: Clock;
  limits: { cap: number };
}

export function createKeyCare({ keys: ask, clock, limits }: Parts, storage: Storage): KeyCare {
  async function countSealed(): Promise<readonly SealedRecords[]> {
    const { records } = await storage.inspect(clock, limits.cap);
    if (records) return records.sealed;
    throw new SecondFactorError(
      'storage-unavailable',
      'The tables are not those of this version: start the application, or run "second-factor migrate".',
    );
  }

  return {
    async status() {
      const [keys, sealed] = [await ask(), await countSealed()];
      return describeKeys(storage, keys, sealed);
    },

    async reseal(onProgress = () => undefined) {
      const [keys, sealed] = [await ask(), await countSealed()];
      const others = new Set(keys.slice(1).map(({ id }) => id));
      const total = sealed.reduce((sum, { keyId, count }) => sum + (others.has(keyId) ? count : 0), 0);
      return resealAll(storage, keys, (done) => {
        onProgress(done, Math.max(done, total));
      });
    },
  };
}
