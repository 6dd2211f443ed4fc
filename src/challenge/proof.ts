import { hashCode } from '../backup-codes/code-set.js';
import type { KeyRing } from '../crypto/key-ring.js';
import { type Owner, supportCodeKey } from '../login/pending.js';
import type { Authenticator, BackupCodeSet } from '../model.js';
import type { Settings } from '../settings.js';
import type { Proof, SealedRecord, Storage } from '../storage/storage.js';
import { matchStep } from '../totp/match-step.js';
import { openSecret } from '../totp/secret.js';
import type { Answer } from './answer.js';

/** A right answer, with what it was opened from and, of a backup code, the set. A support code has neither. */
export interface FoundProof {
  proof: Proof;
  record?: SealedRecord;
  set?: BackupCodeSet;
}

/** Finds what a user's code proves. Nothing is used up by it. */
export type FindProof = (
  owner: Omit<Owner, 'handle'>,
  answer: Answer,
) => Promise<FoundProof | 'wrong' | 'used'>;

export function createProofFinder({ clock, window }: Settings, storage: Storage, ring: KeyRing): FindProof {
  /**
   * Tries one code against each authenticator, in the storage's fixed order. One that does not open keeps nobody from using
   * another; but where none of those that do has the code, nobody knows whether it is wrong.
   */
  async function findStep(userId: string, code: string): Promise<FoundProof | 'wrong' | 'used'> {
    let isUsed = false;
    const faults: unknown[] = [];
    for (const authenticator of await storage.listAuthenticators(userId)) {
      const secret = tryToOpen(authenticator, faults);
      if (!secret) continue;
      const step = matchStep(secret, authenticator, code, clock(), window);
      if (step === undefined) continue;
      if (step > authenticator.lastStep) {
        const { id, sealedSecret: sealed } = authenticator;
        return {
          proof: { lane: 'totp', authenticatorId: id, step },
          record: { kind: 'authenticator', userId, id, sealed },
        };
      }
      isUsed = true;
    }
    if (!isUsed && faults.length > 0) throw faults[0];
    return isUsed ? 'used' : 'wrong';
  }

  function tryToOpen(authenticator: Authenticator, faults: unknown[]): Buffer | undefined {
    try {
      return openSecret(ring, authenticator);
    } catch (error) {
      faults.push(error);
      return undefined;
    }
  }

  /** Before the set, which need not be there, nor open. Whether it is live, `accept` sees. */
  async function findSupportCode(
    owner: Omit<Owner, 'handle'>,
    code: string,
  ): Promise<FoundProof | undefined> {
    const { handleHash } = supportCodeKey(owner, code);
    const row = await storage.findPending(handleHash);
    return row && { proof: { lane: 'backup-code', supportCodeHash: handleHash } };
  }

  async function findCode(userId: string, code: string): Promise<FoundProof | 'wrong'> {
    const set = await storage.findBackupCodeSet(userId);
    if (!set) return 'wrong';
    const { id, sealedKey: sealed } = set;
    return {
      proof: { lane: 'backup-code', setId: id, codeHash: hashCode(ring, set, code) },
      record: { kind: 'backup-codes', userId, id, sealed },
      set,
    };
  }

  return async (owner, { lane, code }) => {
    if (lane === 'totp') return findStep(owner.userId, code);
    return (await findSupportCode(owner, code)) ?? findCode(owner.userId, code);
  };
}
