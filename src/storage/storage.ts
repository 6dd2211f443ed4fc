import type { Clock } from '../clock.js';
import type { SecondFactorEvent } from '../events.js';
import type {
  Account,
  Authenticator,
  BackupCodeSet,
  Lane,
  Pending,
  Purpose,
  TrustedBrowser,
} from '../model.js';

/** Which pending row, and whose: every verb that uses one checks all of it, its expiry too. */
export interface PendingKey {
  handleHash: string;
  purpose: Purpose;
  userId: string;
  epoch: number;
}

/** What `spendAttempt` holds an answer to; the values are in docs/options.md. */
export interface AttemptLimits {
  /** Answers a pending row may take. */
  perPending: number;
  /** Consecutive failures of a lane from which `delays` apply: the nth failure arms `delays[n - delayFrom]`. */
  delayFrom: number;
  /** Milliseconds; the last one is used for every further failure. */
  delays: readonly number[];
  /** Consecutive failures that suspend a lane. */
  cap: number;
  /** Wrong answers of both lanes within so many milliseconds, whatever succeeds in between. */
  budget: { answers: number; within: number };
}

export interface Attempt extends PendingKey {
  /** `null` when a first factor is proven again: then only the pending row counts. */
  lane: Lane | null;
  /** Whether the browser is one in which this user completed a second factor: then its own delay holds. */
  isKnown: boolean;
  now: number;
  limits: AttemptLimits;
  /** What is written of an answer that is not accepted afterwards: of kind `answer.rejected` where there is a lane. Its id is new. */
  event: SecondFactorEvent;
}

/** Whether an answer may be looked at, and why not. */
export type AttemptResult =
  /**
   * Counted, and committed: the answer may be looked at. `left` answers remain to this pending row; this is the lane's so many
   * consecutive `failures`, and of the budget so many `answers` are used (both 0 without a lane).
   */
  | { kind: 'spent'; left: number; failures: number; answers: number }
  /** The lane is delayed until then; nothing was counted. */
  | { kind: 'delayed'; until: number }
  /** The lane has reached the cap; nothing was counted. */
  | { kind: 'suspended' }
  /** The budget of wrong answers was used up, and the password not changed since; nothing was counted. */
  | { kind: 'suspected' }
  /** The pending row had no answer left; nothing was counted. */
  | { kind: 'exhausted' }
  /** The login was completed by another request; nothing was counted. */
  | { kind: 'completed' }
  /** Missing, expired, another user's, another purpose's or of an older epoch; nothing was counted. */
  | { kind: 'gone' };

/** A right answer, to be made use of once. */
export type Proof =
  | { lane: 'totp'; authenticatorId: string; step: number }
  | { lane: 'backup-code'; setId: string; codeHash: string }
  /** Handle hash of a row of purpose `support-code`. */
  | { lane: 'backup-code'; supportCodeHash: string };

/** Events that a verb writes in its own transaction, and only where it does what it is asked for. */
export interface Recorded {
  events: readonly SecondFactorEvent[];
}

export interface Acceptance extends PendingKey, Recorded {
  proof: Proof;
  /** `complete` completes the pending row; `disable` also removes the second factor and raises the epoch. */
  effect: 'complete' | 'disable';
  now: number;
}

/** What came of a right answer; `Storage.accept` says when it is which. */
export type AcceptanceResult = 'accepted' | 'used' | 'completed' | 'gone';

/** A set of backup codes as it is stored: hashes only. */
export interface NewBackupCodeSet {
  id: string;
  sealedKey: string;
  codeHashes: readonly string[];
}

export interface Enabling extends PendingKey, Recorded {
  purpose: 'enrolment';
  /** The pending login that is completed by it; `null` in a complete session. */
  login: (PendingKey & { purpose: 'login-enrolment' }) | null;
  authenticator: Authenticator;
  backupCodes: NewBackupCodeSet;
  /** Row of purpose `backup-codes` that lets this session read its first codes; written with the new epoch. */
  proposal: Omit<Pending, 'epoch'>;
  now: number;
}

/** A second factor of another system's. */
export interface FactorImport extends Recorded {
  userId: string;
  authenticator: Authenticator;
  /** `null` where the user has none that work here. */
  backupCodes: NewBackupCodeSet | null;
  now: number;
}

/** A code that stands in for a backup code once. */
export interface SupportCodeIssue extends Recorded {
  pending: Pending & { purpose: 'support-code' };
}

export interface Renewal extends PendingKey, Recorded {
  purpose: 'backup-codes';
  backupCodes: NewBackupCodeSet;
  now: number;
}

/** One more authenticator beside those that are there, or in the place of one of them. */
export interface Adding extends PendingKey, Recorded {
  purpose: 'enrolment';
  authenticator: Authenticator;
  /** Id of the authenticator that goes in the same transaction; `null` for none. */
  replaces: string | null;
  /** How many authenticators a user may have. */
  most: number;
  now: number;
}

/** One authenticator of several. */
export interface AuthenticatorRemoval extends Recorded {
  userId: string;
  epoch: number;
  authenticatorId: string;
}

export interface AuthenticatorRenaming extends Recorded {
  userId: string;
  authenticatorId: string;
  name: string;
}

export interface Revocation extends Recorded {
  userId: string;
  /** Only where the account is at this epoch; `null` at whichever it is. */
  epoch: number | null;
  /** When the password was changed, if it was: the budget of wrong answers begins anew; else `null`. */
  passwordChangedAt: number | null;
}

/** Where a list of events goes on: after this one, which is older than those before. */
export type EventCursor = Pick<SecondFactorEvent, 'at' | 'id'>;

/** A browser that is trusted from now on. */
export interface Trusting extends Recorded {
  browser: TrustedBrowser;
  /** Id of the trusted browser whose place it takes; `null` for none. */
  replaces: string | null;
}

/** A token that a browser has handed in at a login. */
export interface TokenUse {
  /** Of the trusted browser. */
  id: string;
  userId: string;
  epoch: number;
  tokenHash: string;
  /** Of the token that takes its place. */
  nextHash: string;
  /** Milliseconds for which the token before still counts, since requests of one browser run side by side. */
  grace: number;
  now: number;
  /** What is written, by the result. */
  events: { trusted: SecondFactorEvent; stolen: SecondFactorEvent };
}

/** What came of a token that a browser has handed in. */
export type TokenUseResult =
  /** It was the present token, and now the next one is. */
  | 'rotated'
  /** It was the present one until a moment ago. */
  | 'recent'
  /** It was used before, so somebody has a copy: the browser is trusted no more. Told to one caller. */
  | 'stolen'
  /** No such browser, another user's, expired, or of another epoch. */
  | 'gone';

/** Whose trusted browsers are to be deleted, and which. */
export interface TrustRemoval extends Recorded {
  userId: string;
  /** Of one trusted browser; `null` for all. */
  id: string | null;
}

/** How the second factor of one user stands, for a list of many. */
export interface AccountSummary extends Pick<Account, 'userId' | 'enabledAt' | 'enrolBy'> {
  /** Of a code of either kind, after the first one. */
  lastUsedAt: number | null;
}

/** What stands in a storage, for the status report: numbers, and nothing that needs to be kept secret from it. */
export interface Inspection {
  /** Milliseconds by which the database's own clock is ahead of the given one; `undefined` where it has none. */
  clockAhead: number | undefined;
  /** The newest migration that was made there, and the newest that this version knows. */
  schema: { there: number; known: number };
  /** `rows` is `null` where a table is missing. */
  tables: readonly { name: string; rows: number | null }[];
  /** `undefined` where the tables are not those of this version. */
  records: InspectedRecords | undefined;
}

/** What the status report counts; whole tables are read for it. */
export interface InspectedRecords {
  /** Users whose second factor is on; of these, those with a lane that has failures, is delayed, is at its cap. */
  users: { enrolled: number; failing: number; delayed: number; suspended: number };
  /** Logins whose row is still there, and the answers to them that were wrong. */
  logins: { begun: number; completed: number; wrongAnswers: number };
  sealed: readonly SealedRecords[];
}

/** Records that one key has sealed, and one of them to try it with. */
export interface SealedRecords {
  kind: SealedRecord['kind'];
  /** What stands before the first `.` of a sealed value; `''` where there is none. */
  keyId: string;
  count: number;
  sample: Omit<SealedRecord, 'kind'>;
}

/** What the key ring has sealed for as long as it stands: an authenticator's secret, the key of a set of backup codes. */
export interface SealedRecord {
  kind: 'authenticator' | 'backup-codes';
  userId: string;
  id: string;
  sealed: string;
}

/** Which records a list of sealed ones has. */
export interface SealedPage {
  kind: SealedRecord['kind'];
  keyId: string;
  /** Those whose id comes after this one; `null` for all. */
  after: string | null;
  limit: number;
}

/** A sealed value that takes the place of the one that was read. */
export interface Resealing extends SealedRecord {
  fresh: string;
}

/**
 * Where the second factor's records live. Implementations are proven by the contract suite of
 * `passport-second-factor/testing`. Ids and hashes compare as bytes. A verb that cannot be sure of its effect
 * throws: an unknown outcome is a refusal (R1).
 */
export interface Storage {
  /** Creates and upgrades the tables. Safe to call again, and by several processes at once. */
  migrate(): Promise<void>;

  /** One indexed read. */
  findAccount(userId: string): Promise<Account | undefined>;

  /** In a fixed order (created first, then id). */
  listAuthenticators(userId: string): Promise<Authenticator[]>;

  /** The set that works; `undefined` where the user has none. */
  findBackupCodeSet(userId: string): Promise<BackupCodeSet | undefined>;

  /**
   * Atomically: epoch + 1 (from 0 where there was no row), and every pending row of the user is deleted, but those of purpose
   * `step-up` and the epoch before: they get the new epoch and keep their failures, or whoever may end other sessions could begin
   * to guess anew. Where the password was changed, wrong answers up to then no longer count for the budget.
   * @returns the new epoch, or `undefined` where the account was at another one than was said.
   */
  raiseEpoch(revocation: Revocation): Promise<number | undefined>;

  /** Inserts a row under a fresh random handle. One statement. */
  createPending(pending: Pending): Promise<void>;

  /**
   * Insert if absent, then read: parallel callers with one handle all get the one row that was inserted first.
   * A row that is expired, or of another user, purpose or an older epoch, counts as absent and is replaced. Rejects where it
   * is of a newer epoch, whose count of failures a late request must not begin anew.
   * @param now decides what is expired.
   */
  openPending(pending: Pending, now: number): Promise<Pending>;

  /** The row as it stands, expired and completed ones included. */
  findPending(handleHash: string): Promise<Pending | undefined>;

  /** @returns whether there was one. */
  deletePending(handleHash: string): Promise<boolean>;

  /** Deletes rows with `expiresAt <= now`. @returns how many. */
  purgePending(now: number): Promise<number>;

  /**
   * Counts an attempt before the answer is looked at (R4), in a transaction of its own that commits before this
   * resolves: the lane's failures + 1, with the next delay armed in the same statement, the pending row's failures + 1, and
   * the event written, which is taken for a wrong answer until `accept` writes another one of its id. All or nothing.
   *
   * A known browser is delayed by the failures of known browsers only, the others by all. Refused when the epoch differs,
   * the user has no second factor (unless `lane` is `null`), the lane is delayed (`now < delayed until`) or at its cap, the
   * budget is used up (`answers` events `answer.rejected` younger than `within` and than the last change of the password, or
   * it once was and the password is the same), or the pending row is not live. Where several reasons hold, the pending row's is
   * told first, then `suspected`, `suspended`, `delayed`.
   */
  spendAttempt(attempt: Attempt): Promise<AttemptResult>;

  /**
   * Makes use of a right answer once (R3), in one transaction, all or nothing:
   * 1. the account still has this epoch and a second factor, else `gone`; its lane's failures and delays become 0;
   * 2. the pending row is live and becomes completed (`login`) or is deleted (other purposes), else `completed` where
   *    another request did it first (the row is completed, or of purpose `step-up` and no longer there), else `gone`;
   * 3. TOTP: the authenticator's last step is raised by a conditional update (`last_step < step`), backup code: its
   *    row is marked used where it was not, support code: its pending row of this user and epoch is deleted (it was live), else
   *    `used`;
   * 4. effect `disable`: authenticators, backup codes, trusted browsers and all pending rows go, counters become 0, epoch + 1;
   * 5. the events are written; one whose id is there already, as that of the attempt is, takes its place.
   */
  accept(acceptance: Acceptance): Promise<AcceptanceResult>;

  /**
   * Turns the second factor on, in one transaction, all or nothing: the pending enrolment is deleted (it was live), and the
   * pending login too where there is one (it was live), the account (epoch as given, no second factor yet; a missing row is epoch 0) is enabled with counters 0 and
   * epoch + 1, all other pending rows of the user are deleted, the authenticator, the backup codes and the proposal
   * row are inserted.
   * @returns the new epoch, or `undefined` when the enrolment or the account was not as expected.
   */
  enable(enabling: Enabling): Promise<number | undefined>;

  /**
   * Turns on the second factors of up to 50 users, in one transaction: for each whose account has none and never turned one off (a
   * missing row is an account), by a conditional update, counters become 0, the epoch is raised, all pending rows of the user are deleted,
   * the authenticator and the backup codes are inserted, the events written. Of the others nothing changes; of two for one user the
   * first counts.
   * @returns for each, in order, whether it was turned on.
   */
  importFactors(imports: readonly FactorImport[]): Promise<boolean[]>;

  /**
   * Replaces the backup codes, in one transaction, all or nothing: the pending proposal is deleted (it was live), the
   * epoch is raised, the backup-code lane's failures and delay become 0, the old set goes, the new one is inserted,
   * all other pending rows of the user are deleted.
   * @returns the new epoch, or `undefined` when the proposal or the account was not as expected.
   */
  renewBackupCodes(renewal: Renewal): Promise<number | undefined>;

  /**
   * Keeps a support code in the place of the user's earlier one, in one transaction, all or nothing: the account has the row's epoch and
   * a second factor; the backup-code lane's failures and delay become 0, the user's rows of purpose `support-code` are deleted, the
   * row is inserted.
   * @returns whether the account was as expected.
   */
  issueSupportCode(issue: SupportCodeIssue): Promise<boolean>;

  /** The user's row of purpose `support-code` as it stands, expired and of whichever epoch. */
  findSupportCode(userId: string): Promise<Pending | undefined>;

  /**
   * Adds an authenticator to a second factor that is on, in one transaction, all or nothing: the pending enrolment is
   * deleted (it was live), the epoch is raised, all other pending rows of the user are deleted, the one that it replaces is
   * deleted and the TOTP lane's failures and delay become 0 (rebinding lifts a suspension; else counters stay), the
   * authenticator is inserted.
   * @returns the new epoch, `full` where the user has `most` of them, `absent` where the user has none such to replace, or
   * `undefined` when the enrolment or the account was not as expected.
   */
  addAuthenticator(adding: Adding): Promise<number | 'full' | 'absent' | undefined>;

  /** @returns whether the user has such an authenticator. */
  renameAuthenticator(renaming: AuthenticatorRenaming): Promise<boolean>;

  /**
   * Removes one of several authenticators, in one transaction, all or nothing: the epoch is raised, the authenticator and
   * all pending rows of the user are deleted.
   * @returns the new epoch, `last` where it is the only one, `absent` where the user has no such authenticator, or
   * `undefined` when the account was not as expected.
   */
  removeAuthenticator(removal: AuthenticatorRemoval): Promise<number | 'last' | 'absent' | undefined>;

  /**
   * Trusts a browser, in one transaction, all or nothing: the account has this epoch and a second factor; the user's browsers of
   * other epochs go, and the one that this one replaces, if it is the user's.
   * @returns whether the account was as expected.
   */
  trustBrowser(trusting: Trusting): Promise<boolean>;

  /**
   * Makes use of a browser's token, in one transaction. The present token of a live browser gives way to the next one by a
   * conditional update (`token_hash = :token`), which also sets the previous hash and the last use: of parallel callers one gets `rotated`. The
   * token before is `recent` while the last use is younger than `grace`, and changes nothing. Any other token of a live
   * browser is `stolen`, and the browser is deleted. The event is written that goes with the result.
   */
  useToken(use: TokenUse): Promise<TokenUseResult>;

  /** Newest first, expired ones and those of other epochs included. */
  listTrustedBrowsers(userId: string): Promise<TrustedBrowser[]>;

  /** Deletes one of the user's trusted browsers, or all, and writes the events where there were any. @returns how many it were. */
  deleteTrustedBrowsers(removal: TrustRemoval): Promise<number>;

  /** Deletes trusted browsers with `expiresAt <= now`, and those of another epoch than their user's. */
  purgeTrustedBrowsers(now: number): Promise<void>;

  /**
   * Turns the second factor off without a proof, for an administrator; else as effect `disable` of `accept`.
   * @returns the new epoch, or `undefined` where there was no second factor.
   */
  reset(userId: string, events: readonly SecondFactorEvent[]): Promise<number | undefined>;

  /**
   * Keeps until when a user has to set a second factor up: where a date is stored already, the earlier of the two stays, also under
   * parallel calls. Nothing else of the account changes. @returns what is stored now.
   */
  setEnrolBy(userId: string, enrolBy: number): Promise<number>;

  /** Of up to 500 users, in any order; one without a row may be left out. */
  summarise(userIds: readonly string[]): Promise<AccountSummary[]>;

  /**
   * Deletes everything of a user, events too, but the epoch, which is raised (from 0 where there was no row): an id that is given again later
   * must meet no old stamp. That a second factor was turned off is forgotten too.
   */
  forget(userId: string): Promise<void>;

  /** Writes what belongs to no other change. */
  recordEvents(events: readonly SecondFactorEvent[]): Promise<void>;

  /** The user's newest events, newest first (of one instant the greatest id), or those after `from`. */
  listEvents(userId: string, limit: number, from?: EventCursor): Promise<SecondFactorEvent[]>;

  /** Deletes events of before that instant. @returns how many. */
  purgeEvents(before: number): Promise<number>;

  /** The ids of all keys that records are sealed with, which reads an index and not the tables. At most 1,000. */
  listKeyIds(): Promise<string[]>;

  /** Records that one key has sealed, by their ids in the order of bytes. An index finds them. */
  listSealed(page: SealedPage): Promise<SealedRecord[]>;

  /**
   * Seals records anew, each by a conditional update of the sealed value alone (`… SET sealed = :fresh WHERE id = :id AND user_id =
   * :user AND sealed = :sealed`): what was changed or removed meanwhile stays as it is. In one transaction.
   * @returns how many were.
   */
  reseal(resealings: readonly Resealing[]): Promise<number>;

  /** What a key has sealed when it was first used, to know it again. */
  findCanary(keyId: string): Promise<string | undefined>;

  /** Insert if absent, then read: parallel callers all get the one that was first. */
  keepCanary(keyId: string, sealed: string): Promise<string>;

  /**
   * Looks at everything and changes nothing, also where tables are missing. For the status report alone: it counts whole
   * tables, so never call it in a request that somebody waits for.
   * @param clock read right before and right after the database is asked for its time.
   * @param cap consecutive failures from which a lane counts as suspended.
   */
  inspect(clock: Clock, cap: number): Promise<Inspection>;
}
