import { keyIdOf } from '../../crypto/key-ring.js';
import type { Resealing, SealedRecord, Storage } from '../storage.js';
import { compareBytes, type Tables } from './tables.js';

export function sealedVerbs(tables: Tables) {
  return {
    async listKeyIds() {
      return [...new Set(listRecords(tables).map(({ sealed }) => keyIdOf(sealed)))].slice(0, 1_000);
    },

    async listSealed({ kind, keyId, after, limit }) {
      return listRecords(tables)
        .filter((sealed) => sealed.kind === kind && keyIdOf(sealed.sealed) === keyId)
        .filter(({ id }) => after === null || compareBytes(id, after) > 0)
        .sort((a, b) => compareBytes(a.id, b.id))
        .slice(0, limit);
    },

    async reseal(resealings) {
      return resealings.filter((resealing) => resealOne(tables, resealing)).length;
    },

    async findCanary(keyId) {
      return tables.canaries.get(keyId);
    },

    async keepCanary(keyId, sealed) {
      const kept = tables.canaries.get(keyId) ?? sealed;
      tables.canaries.set(keyId, kept);
      return kept;
    },
  } satisfies Partial<Storage>;
}

/** What the key ring has sealed. */
export function listRecords(tables: Tables): SealedRecord[] {
  return [
    ...[...tables.authenticators.values()].map(
      ({ userId, id, sealedSecret }) =>
        ({ kind: 'authenticator', userId, id, sealed: sealedSecret }) as const,
    ),
    ...[...tables.backupCodes.values()].map(
      ({ userId, id, sealedKey }) => ({ kind: 'backup-codes', userId, id, sealed: sealedKey }) as const,
    ),
  ];
}

/** @returns whether the record still was as it had been read. */
function resealOne(tables: Tables, { kind, userId, id, sealed, fresh }: Resealing): boolean {
  if (kind === 'authenticator') {
    const authenticator = tables.authenticators.get(id);
    if (authenticator?.userId !== userId || authenticator.sealedSecret !== sealed) return false;
    authenticator.sealedSecret = fresh;
    return true;
  }
  const set = tables.backupCodes.get(userId);
  if (set?.id !== id || set.sealedKey !== sealed) return false;
  set.sealedKey = fresh;
  return true;
}
