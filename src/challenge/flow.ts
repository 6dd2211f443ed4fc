import { hashCode } from '../backup-codes/code-set.js';
import type { KeyRing } from '../crypto/key-ring.js';
import type { Lane } from '../model.js';
import type { Settings } from '../settings.js';
import type { Acceptance, PendingKey, Proof, Storage } from '../storage/storage.js';
import { matchStep } from '../totp/match-step.js';
import { openSecret } from '../totp/secret.js';
import type { Answer } from './answer.js';

/** What an answer has led to. A wrong code is one of these, never an error. */
export type Outcome =
  /** Right, and used up now. `epoch` is the user's from now on. */
  | { kind: 'accepted'; lane: Lane; epoch: number }
  /** Wrong; `left` more may be given. */
  | { kind: 'wrong'; left: number }
  /** The code was right but has been accepted before: wait for the next one. */
  | { kind: 'used' }
  /** Too many wrong ones: this login or session ends. */
  | { kind: 'exhausted' }
  /** Answers of this kind are not looked at until then. `isOver`: that is later than the deadline, so the login ends. */
  | { kind: 'delayed'; until: number; isOver: boolean }
  /** Answers of this kind are not looked at any more; the other kind may be. */
  | { kind: 'suspended' }
  /** Another request completed this login first. */
  | { kind: 'completed' }
  /** Timed out, cancelled, or ended by a security change. */
  | { kind: 'expired' };

/** Every outcome but a right answer. */
export type Refusal = Exclude<Outcome, { kind: 'accepted' }>;

/** A pending login or step-up that is being answered. */
export interface Challenge extends PendingKey {
  expiresAt: number;
}

export interface ChallengeFlow {
  /**
   * Looks at one answer (R3, R4): the attempt is counted and committed first, then the code is matched, then it is used
   * up together with its effect.
   */
  answer(challenge: Challenge, answer: Answer, effect: Acceptance['effect']): Promise<Outcome>;
  /** Looks at one password of somebody without a second factor; the same budget of answers. */
  answerPassword(
    challenge: Challenge,
    isRight: () => Promise<boolean>,
  ): Promise<Refusal | { kind: 'proven' }>;
}

export function createChallengeFlow(settings: Settings, storage: Storage, ring: KeyRing): ChallengeFlow {
  const { clock, limits } = settings;

  /** Counts the attempt, or says why the answer is not to be looked at. */
  async function spend(
    challenge: Challenge,
    lane: Lane | null,
  ): Promise<{ kind: 'spent'; left: number } | Refusal> {
    const attempt = await storage.spendAttempt({ ...challenge, lane, now: clock(), limits });
    switch (attempt.kind) {
      case 'delayed':
        return { ...attempt, isOver: attempt.until >= challenge.expiresAt };
      case 'gone':
        return { kind: 'expired' };
      default:
        return attempt;
    }
  }

  async function findProof(userId: string, { lane, code }: Answer): Promise<Proof | 'wrong' | 'used'> {
    return lane === 'totp' ? findStep(userId, code) : findCode(userId, code);
  }

  /** Tries one code against each authenticator, in the storage's fixed order. */
  async function findStep(userId: string, code: string): Promise<Proof | 'wrong' | 'used'> {
    let isUsed = false;
    for (const authenticator of await storage.listAuthenticators(userId)) {
      const secret = openSecret(ring, authenticator);
      const step = matchStep(secret, authenticator, code, clock(), settings.window);
      if (step === undefined) continue;
      if (step > authenticator.lastStep) return { lane: 'totp', authenticatorId: authenticator.id, step };
      isUsed = true;
    }
    return isUsed ? 'used' : 'wrong';
  }

  async function findCode(userId: string, code: string): Promise<Proof | 'wrong'> {
    const set = await storage.findBackupCodeSet(userId);
    return set ? { lane: 'backup-code', setId: set.id, codeHash: hashCode(ring, set, code) } : 'wrong';
  }

  return {
    async answer(challenge, answer, effect) {
      const attempt = await spend(challenge, answer.lane);
      if (attempt.kind !== 'spent') return attempt;
      const proof = await findProof(challenge.userId, answer);
      if (proof === 'wrong') return wrong(attempt.left);
      if (proof === 'used') return { kind: 'used' };
      const result = await storage.accept({ ...challenge, proof, effect, now: clock() });
      switch (result) {
        case 'accepted':
          return {
            kind: 'accepted',
            lane: answer.lane,
            epoch: challenge.epoch + (effect === 'disable' ? 1 : 0),
          };
        case 'used':
          // Storage cannot tell a used backup code from one that never was; only time steps can be "used".
          return answer.lane === 'totp' ? { kind: 'used' } : wrong(attempt.left);
        case 'completed':
          return { kind: 'completed' };
        case 'gone':
          return { kind: 'expired' };
      }
    },

    async answerPassword(challenge, isRight) {
      const attempt = await spend(challenge, null);
      if (attempt.kind !== 'spent') return attempt;
      if (!(await isRight())) return wrong(attempt.left);
      const isFirst = await storage.deletePending(challenge.handleHash);
      return { kind: isFirst ? 'proven' : 'completed' };
    },
  };
}

function wrong(left: number): Refusal {
  return left > 0 ? { kind: 'wrong', left } : { kind: 'exhausted' };
}
