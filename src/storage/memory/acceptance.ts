import type { Acceptance, Storage } from '../storage.js';
import { freshLane, matches, type Tables } from './tables.js';

export function acceptanceVerbs(tables: Tables) {
  return {
    async accept(acceptance) {
      const { userId, epoch, purpose, handleHash, proof, now } = acceptance;
      const account = tables.accountOf(userId);
      if (account.epoch !== epoch || account.enabledAt === null) return 'gone';
      const pending = tables.findLive(acceptance, now);
      if (!pending) {
        const row = tables.pendings.get(handleHash);
        if (!row) return purpose === 'step-up' ? 'completed' : 'gone';
        return matches(row, acceptance) && row.completedAt !== null ? 'completed' : 'gone';
      }
      const applyProof = prepareProof(tables, acceptance);
      if (!applyProof) return 'used';
      applyProof();
      account.lanes[proof.lane] = freshLane();
      account.suspectedAt = null;
      if (purpose === 'login') pending.completedAt = now;
      else tables.pendings.delete(handleHash);
      if (acceptance.effect === 'disable') tables.disable(account);
      tables.record(acceptance.events);
      return 'accepted';
    },
  } satisfies Partial<Storage>;
}

/** @returns how to use the proof, or `undefined` where it was used or never was this user's. */
function prepareProof(tables: Tables, { proof, userId, epoch, now }: Acceptance): (() => void) | undefined {
  if (proof.lane === 'totp') {
    const authenticator = tables.authenticators.get(proof.authenticatorId);
    if (authenticator?.userId !== userId || authenticator.lastStep >= proof.step) return undefined;
    return () => Object.assign(authenticator, { lastStep: proof.step, lastUsedAt: now });
  }
  if ('supportCodeHash' in proof) {
    const handleHash = proof.supportCodeHash;
    if (!tables.findLive({ handleHash, purpose: 'support-code', userId, epoch }, now)) return undefined;
    return () => tables.pendings.delete(handleHash);
  }
  const set = tables.backupCodes.get(userId);
  if (set?.id !== proof.setId || set.codes.get(proof.codeHash) !== null) return undefined;
  return () => set.codes.set(proof.codeHash, now);
}
