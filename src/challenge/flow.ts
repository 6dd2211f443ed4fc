import type { Journal } from '../audit/journal.js';
import { hashCode } from '../backup-codes/code-set.js';
import type { KeyRing } from '../crypto/key-ring.js';
import type { EventDetails, EventKind, SecondFactorEvent } from '../events.js';
import type { Source } from '../http/source.js';
import { resealRecord } from '../keys/sealed.js';
import { supportCodeKey } from '../login/pending.js';
import type { Authenticator, BackupCodeSet, Lane } from '../model.js';
import type { Settings } from '../settings.js';
import type {
  Acceptance,
  Attempt,
  AttemptResult,
  PendingKey,
  Proof,
  SealedRecord,
  Storage,
} from '../storage/storage.js';
import { matchStep } from '../totp/match-step.js';
import { openSecret } from '../totp/secret.js';
import type { Answer } from './answer.js';

/** What an answer has led to. A wrong code is one of these, never an error. */
export type Outcome =
  /** Right, and used up now. `epoch` is the user's from now on; of a backup code, so many are left (not of a support code). */
  | { kind: 'accepted'; lane: Lane; epoch: number; backupCodesLeft?: number }
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
  /** No answer is looked at until the password is changed. */
  | { kind: 'suspected' }
  /** Another request completed this login first. */
  | { kind: 'completed' }
  /** Timed out, cancelled, or ended by a security change. */
  | { kind: 'expired' };

/** Every outcome but a right answer. */
export type Refusal = Exclude<Outcome, { kind: 'accepted' }>;

/** A pending login or step-up that is being answered. */
export interface Challenge extends PendingKey {
  purpose: 'login' | 'step-up';
  expiresAt: number;
}

/** Who answers. */
export interface Client extends Source {
  /** Whether the user has completed a second factor in this browser before. */
  isKnown: boolean;
}

export interface ChallengeFlow {
  /**
   * Looks at one answer (R3, R4): the attempt is counted and committed first, then the code is matched, then it is used
   * up together with its effect.
   */
  answer(
    challenge: Challenge,
    answer: Answer,
    effect: Acceptance['effect'],
    client: Client,
  ): Promise<Outcome>;
  /** Looks at one password of somebody without a second factor; the same budget of answers. */
  answerPassword(
    challenge: Challenge,
    isRight: () => Promise<boolean>,
    source: Source,
  ): Promise<Refusal | { kind: 'proven' }>;
}

type Spent = Extract<AttemptResult, { kind: 'spent' }>;

/** The owner is told of so many wrong answers, and of each as many more, whatever they are spread over. */
const SUSPICIOUS = 3;

export function createChallengeFlow(
  settings: Settings,
  storage: Storage,
  ring: KeyRing,
  journal: Journal,
): ChallengeFlow {
  const { clock, limits } = settings;

  /** Counts the attempt, or says why the answer is not to be looked at. */
  async function spend(
    challenge: Challenge,
    fields: Pick<Attempt, 'lane' | 'isKnown' | 'event'>,
  ): Promise<Spent | Refusal> {
    const attempt = await storage.spendAttempt({ ...challenge, ...fields, now: clock(), limits });
    switch (attempt.kind) {
      case 'delayed':
        return { ...attempt, isOver: attempt.until >= challenge.expiresAt };
      case 'gone':
        return { kind: 'expired' };
      default:
        return attempt;
    }
  }

  async function findProof(challenge: Challenge, { lane, code }: Answer): Promise<Found | 'wrong' | 'used'> {
    if (lane === 'totp') return findStep(challenge.userId, code);
    return (await findSupportCode(challenge, code)) ?? findCode(challenge.userId, code);
  }

  /**
   * Tries one code against each authenticator, in the storage's fixed order. One that does not open keeps nobody from using
   * another; but where none of those that do has the code, nobody knows whether it is wrong.
   */
  async function findStep(userId: string, code: string): Promise<Found | 'wrong' | 'used'> {
    let isUsed = false;
    const faults: unknown[] = [];
    for (const authenticator of await storage.listAuthenticators(userId)) {
      const secret = tryToOpen(authenticator, faults);
      if (!secret) continue;
      const step = matchStep(secret, authenticator, code, clock(), settings.window);
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
  async function findSupportCode(challenge: Challenge, code: string): Promise<Found | undefined> {
    const { handleHash } = supportCodeKey(challenge, code);
    const row = await storage.findPending(handleHash);
    return row && { proof: { lane: 'backup-code', supportCodeHash: handleHash } };
  }

  async function findCode(userId: string, code: string): Promise<Found | 'wrong'> {
    const set = await storage.findBackupCodeSet(userId);
    if (!set) return 'wrong';
    const { id, sealedKey: sealed } = set;
    return {
      proof: { lane: 'backup-code', setId: id, codeHash: hashCode(ring, set, code) },
      record: { kind: 'backup-codes', userId, id, sealed },
      set,
    };
  }

  /** What has just opened is sealed with the first key from now on. The answer is accepted, whatever comes of this. */
  async function resealUsed({ record }: Found): Promise<void> {
    try {
      const resealing = record && resealRecord(ring, record);
      if (resealing) await storage.reseal([resealing]);
    } catch {
      // It opens as before, and the next answer or the command line tries again.
    }
  }

  /** What is written of a right answer; the first takes the place of the attempt's. */
  function describeAcceptance(
    { userId, purpose }: Challenge,
    effect: Acceptance['effect'],
    { proof, set }: Found,
    source: Source,
  ): SecondFactorEvent[] {
    const kind = effect === 'disable' ? 'factor.disabled' : completions[purpose];
    const main = journal.draft(kind, userId, source, { factor: proof.lane });
    if ('supportCodeHash' in proof) return [main, journal.draft('support-code.used', userId, source, {})];
    return set ? [main, journal.draft('backup-code.used', userId, source, { left: set.left - 1 })] : [main];
  }

  /** Tells of an answer that was not accepted: its own event is written already, what follows from it is not. */
  async function reject(
    { userId, purpose }: Challenge,
    { left, failures, answers }: Spent,
    event: SecondFactorEvent<'answer.rejected'>,
    kind: 'wrong' | 'used',
  ): Promise<void> {
    const { factor } = event.details;
    const draft = <Kind extends EventKind>(name: Kind, details: EventDetails[Kind]) =>
      journal.draft(name, userId, event, details);
    const follows: SecondFactorEvent[] = [];
    // A code that was right before is more likely the owner's second click.
    if (kind === 'wrong' && answers % SUSPICIOUS === 0) follows.push(draft('login.suspected', {}));
    if (purpose === 'login' && left === 0) follows.push(draft('login.exhausted', {}));
    if (failures === limits.cap) follows.push(draft('factor.suspended', { factor }));
    if (answers === limits.budget.answers) follows.push(draft('first-factor.suspected', {}));
    journal.publish([event]);
    await journal.record(follows);
  }

  return {
    async answer(challenge, { lane, code }, effect, client) {
      const { userId, purpose, epoch } = challenge;
      const event = journal.draft('answer.rejected', userId, client, { factor: lane, purpose });
      const attempt = await spend(challenge, { lane, isKnown: client.isKnown, event });
      if (attempt.kind !== 'spent') return attempt;
      const found = await findProof(challenge, { lane, code });
      const refuse = async (kind: 'wrong' | 'used'): Promise<Refusal> => {
        await reject(challenge, attempt, event, kind);
        return kind === 'used' ? { kind } : wrong(attempt.left);
      };
      if (found === 'wrong' || found === 'used') return refuse(found);
      const [main, ...others] = describeAcceptance(challenge, effect, found, client);
      const events = [{ ...main, id: event.id }, ...others] as SecondFactorEvent[];
      const { proof } = found;
      const result = await storage.accept({ ...challenge, proof, effect, now: clock(), events });
      switch (result) {
        case 'accepted':
          journal.publish(events);
          if (effect === 'complete') await resealUsed(found);
          return {
            kind: 'accepted',
            lane,
            epoch: epoch + (effect === 'disable' ? 1 : 0),
            ...(found.set && { backupCodesLeft: found.set.left - 1 }),
          };
        case 'used':
          // Storage cannot tell a used backup code from one that never was; only time steps can be "used".
          return refuse(lane === 'totp' ? 'used' : 'wrong');
        case 'completed':
          return { kind: 'completed' };
        case 'gone':
          return { kind: 'expired' };
      }
    },

    async answerPassword(challenge, isRight, source) {
      const { userId } = challenge;
      const event = journal.draft('password.rejected', userId, source, {});
      const attempt = await spend(challenge, { lane: null, isKnown: false, event });
      if (attempt.kind !== 'spent') return attempt;
      if (!(await isRight())) {
        journal.publish([event]);
        return wrong(attempt.left);
      }
      const isFirst = await storage.deletePending(challenge.handleHash);
      await journal.record([
        { ...journal.draft('proof.given', userId, source, { factor: 'pwd' }), id: event.id },
      ]);
      return { kind: isFirst ? 'proven' : 'completed' };
    },
  };
}

/** A right answer, with what it was opened from and, of a backup code, the set. A support code has neither. */
interface Found {
  proof: Proof;
  record?: SealedRecord;
  set?: BackupCodeSet;
}

const completions = { login: 'login.completed', 'step-up': 'proof.given' } as const;

function wrong(left: number): Refusal {
  return left > 0 ? { kind: 'wrong', left } : { kind: 'exhausted' };
}
