import type { Lane } from '../model.js';

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

/** Why an answer was not accepted; `mistyped` and `malformed` cost nothing. */
export type Failure = Refusal | { kind: 'mistyped' | 'malformed' };
