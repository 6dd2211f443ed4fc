import type { Journal } from '../audit/journal.js';
import type { KeyRing } from '../crypto/key-ring.js';
import type { EventDetails, EventKind, SecondFactorEvent } from '../events.js';
import type { Source } from '../http/source.js';
import { resealRecord } from '../keys/sealed.js';
import type { Settings } from '../settings.js';
import type { Acceptance, Attempt, AttemptResult, PendingKey, Storage } from '../storage/storage.js';
import type { Answer } from './answer.js';
import type { Outcome, Refusal } from './outcome.js';
import { createProofFinder, type FoundProof } from './proof.js';

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
  const findProof = createProofFinder(settings, storage, ring);

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

  /** What has just opened is sealed with the first key from now on. The answer is accepted, whatever comes of this. */
  async function resealUsed({ record }: FoundProof): Promise<void> {
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
    { proof, set }: FoundProof,
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

const completions = { login: 'login.completed', 'step-up': 'proof.given' } as const;

function wrong(left: number): Refusal {
  return left > 0 ? { kind: 'wrong', left } : { kind: 'exhausted' };
}
