import type { KeyRing } from '../crypto/key-ring.js';
import type { FreshCodes } from './code-set.js';

/** Codes that wait to be saved by the person: sealed, and only for the session that made them. */
export function sealProposal(
  ring: KeyRing,
  owner: { userId: string; handleHash: string },
  fresh: FreshCodes,
): string {
  return ring.seal(Buffer.from(JSON.stringify(fresh)), proposalContext(owner));
}

export function openProposal(
  ring: KeyRing,
  pending: { userId: string; handleHash: string; payload: string | null },
): FreshCodes {
  return JSON.parse(ring.open(pending.payload ?? '', proposalContext(pending)).toString()) as FreshCodes;
}

function proposalContext(owner: { userId: string; handleHash: string }): string[] {
  return ['backup-code-proposal', owner.userId, owner.handleHash];
}
