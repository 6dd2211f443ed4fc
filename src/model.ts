/** The nouns of the second step, shared by every room. Times are milliseconds since the Unix epoch. */

/** A path on which codes are guessed; each has its own counter, so that one cannot be used to block the other. */
export type Lane = 'totp' | 'backup-code';

/** How a session proved who it is. `pwd` stands for the host's first factor. */
export type Method = 'pwd' | Lane;

/**
 * What a row of `two_factor_pending` waits for:
 * `login` the second step of a login, `step-up` a fresh proof inside a complete session,
 * `login-enrolment` a login of somebody who has to set a second factor up,
 * `enrolment` the first code of a new authenticator, `backup-codes` "I have saved these",
 * `resume` a form that was sent before the proof it needs, `support-code` a code that support has given: its handle.
 */
export type Purpose =
  'login' | 'step-up' | 'login-enrolment' | 'enrolment' | 'backup-codes' | 'resume' | 'support-code';

/** Consecutive failures and the delay that they have armed. */
export interface Counter {
  /** Only a success sets them back. */
  failures: number;
  /** No answer is looked at before; 0 where none is armed. */
  delayedUntil: number;
}

/** How the guessing on one lane of one user stands: all failures, and the delay of browsers that are not known. */
export interface LaneCounter extends Counter {
  /** Of browsers in which this user completed a second factor before: somebody else's guesses do not delay them. */
  known: Counter;
}

/** One user's second factor. A user without a row has none, at epoch 0. */
export interface Account {
  userId: string;
  /** When the second factor was turned on; `null` while there is none. */
  enabledAt: number | null;
  /** Raised by every security change; stamps and pending logins of an older epoch are dead. */
  epoch: number;
  lanes: Record<Lane, LaneCounter>;
  /** When the budget of wrong answers was used up: until the password is changed no answer is looked at. */
  suspectedAt: number | null;
  /** Until when the user has time to set a second factor up, once the policy has asked for one; it stays afterwards. */
  enrolBy: number | null;
  /** Whether a second factor was on and was turned off: an older one is not moved in again then. */
  wasOn: boolean;
}

export function isOn(account: Account | undefined): account is Account & { enabledAt: number } {
  return account !== undefined && account.enabledAt !== null;
}

/** How codes are computed of a secret (RFC 6238). The authenticators that are set up here have `sha1`, 6 digits and 30 s. */
export interface TotpParameters {
  algorithm: 'sha1' | 'sha256' | 'sha512';
  digits: 6 | 8;
  /** Seconds a time step lasts. */
  period: number;
}

/** A stored TOTP credential (a person's "authenticator app"). */
export interface Authenticator extends TotpParameters {
  id: string;
  userId: string;
  name: string;
  /** The secret, sealed by the key ring. */
  sealedSecret: string;
  /** The last time step that was accepted; older and equal steps never are again (RFC 6238 §5.2). */
  lastStep: number;
  createdAt: number;
  lastUsedAt: number | null;
}

/** The live set of backup codes, without the codes. */
export interface BackupCodeSet {
  id: string;
  userId: string;
  /** The set's HMAC key, sealed by the key ring. */
  sealedKey: string;
  createdAt: number;
  total: number;
  left: number;
  /** When codes of it were used, oldest first. */
  usedAt: readonly number[];
}

/** A browser in which one user is not asked for codes for a while. */
export interface TrustedBrowser {
  id: string;
  userId: string;
  /** The user's epoch when it was trusted; it is dead once that is raised. */
  epoch: number;
  /** SHA-256 of the token that the browser has; each login gives it another. */
  tokenHash: string;
  /** Of the token before; `null` until the first use. */
  previousHash: string | null;
  /** For a person, e.g. "Firefox on Linux"; `null` where the browser did not say. */
  name: string | null;
  createdAt: number;
  /** When it got its present token by a login; `null` until the first use. */
  lastUsedAt: number | null;
  expiresAt: number;
}

/** Something that waits for a person's next step and must happen at most once. */
export interface Pending {
  /** SHA-256 of the handle that the session holds. */
  handleHash: string;
  purpose: Purpose;
  userId: string;
  /** The user's epoch when it began; it dies when the epoch is raised. */
  epoch: number;
  /** What waits, sealed; `null` where the purpose needs nothing. */
  payload: string | null;
  /** Wrong answers so far. */
  failures: number;
  createdAt: number;
  expiresAt: number;
  /** When a login was completed; other purposes are deleted instead. */
  completedAt: number | null;
}

/** What the tables can hold. Halves of surrogate pairs would all be one character there, and two users one. */
export function isUserId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && Buffer.byteLength(id) <= 255 && !/\p{Surrogate}/u.test(id);
}
