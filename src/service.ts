import { formatCode } from './backup-codes/code.js';
import { parseAnswer } from './challenge/answer.js';
import type { ChallengeFlow } from './challenge/flow.js';
import type { Refusal } from './challenge/outcome.js';
import { randomToken } from './crypto/random.js';
import type { Confirmation, Enrolment, EnrolmentFlow } from './enrolment/flow.js';
import { SecondFactorError } from './errors.js';
import { noSource } from './http/source.js';
import type { ImportFlow, ImportOptions, ImportResult, ImportRows } from './import/flow.js';
import { type Gate, requireUserId } from './login/gate.js';
import { makePending, type Owner, pendingKey } from './login/pending.js';
import { SUPPORT_CODE_LIFETIMES } from './limits.js';
import type { ManagementFlow, Overview, SupportCode } from './management/flow.js';
import { isOn, type Lane } from './model.js';
import { type Coverage, listCoverage, type UserList } from './policy/coverage.js';
import type { Settings } from './settings.js';
import type { Storage } from './storage/storage.js';
import { cleanLine, cleanName } from './totp/name.js';

/** Why a code did nothing; `not-enabled`: there is no second factor that it could be of. */
export type ServiceRefusal =
  | { kind: 'malformed' | 'mistyped' | 'wrong' | 'not-enabled' }
  | Exclude<Refusal, { kind: 'wrong' | 'exhausted' }>;

/** An enrolment that waits for its first code, with the handle that `enable` needs. */
export interface ServiceEnrolment extends Enrolment {
  kind: 'pending';
  handle: string;
}

/** Backup codes that wait to be saved, with the handle that `saveBackupCodes` needs. */
export interface ServiceProposal {
  kind: 'proposed';
  handle: string;
  codes: string[];
  expiresAt: number;
}

/** Of a code that is given to somebody who has lost phone and backup codes. */
export interface SupportCodeOptions {
  /** Milliseconds until it expires: 1 minute to 24 hours. Default 15 minutes. */
  lifetime?: number;
  /** Who gives it, 1 to 200 characters, kept in the event. */
  actor?: string;
  /** Why, 1 to 200 characters, kept in the event. */
  reason: string;
}

/**
 * The second factor without a request: for jobs, command lines and tests. The rules are those of pages and API, and so are the
 * storage's verbs: attempts are counted before codes are looked at, a code works once, changes end the user's sessions.
 * There is no session that could remember a proof, so each change of a second factor that is on is proven by a code of its own, but
 * `reset` and `issueSupportCode`.
 * Who may call for which user is the caller's to decide. Every method rejects with a SecondFactorError: `not-ready`,
 * `storage-unavailable`, `configuration-invalid` where an argument is wrong.
 */
export interface TwoFactorService {
  /** How the second factor of a user stands; one without it, or without any record, is a value too. */
  status(userId: string): Promise<Overview>;
  /**
   * Begins an enrolment. Nothing changes until `enable`. For a user without a second factor, have the password checked first.
   * @param label what the authenticator app shows below the issuer.
   * @param code proves the second factor of a user who has one, and adds an authenticator.
   */
  generate(userId: string, label: string, code?: string): Promise<ServiceEnrolment | ServiceRefusal>;
  /** Proves the enrolment with its first code and turns it on. @param name of the authenticator. */
  enable(userId: string, handle: string, code: string, name?: string): Promise<Confirmation>;
  /** Looks at one TOTP or backup code and uses it up. */
  verify(userId: string, code: string): Promise<{ kind: 'accepted'; lane: Lane } | ServiceRefusal>;
  /** Turns the second factor off with a code. It knows no user, so no policy is asked: whoever must have one sets it up at the next login. */
  disable(userId: string, code: string): Promise<{ kind: 'accepted'; lane: Lane } | ServiceRefusal>;
  /** Proposes new backup codes to whoever has a code; the old ones work until `saveBackupCodes`. */
  proposeBackupCodes(userId: string, code: string): Promise<ServiceProposal | ServiceRefusal>;
  /**
   * Turns the second factor off without a code, for an administrator who has made sure who asks. The owner is told.
   * @param actor who does it, and why: both are kept in the event.
   * @returns whether there was one.
   */
  reset(userId: string, actor: string, reason: string): Promise<boolean>;
  /**
   * Gives somebody who has lost phone and backup codes one code that stands in for a backup code: once, until it expires or the account
   * is changed, in the place of an earlier one. For an administrator who has made sure who asks. The owner is told.
   * Refused where there is no second factor (`not-enabled`), where the password has to be changed first (`suspected`), and where the
   * account was changed in that moment (`expired`).
   */
  issueSupportCode(userId: string, options: SupportCodeOptions): Promise<SupportCode>;
  /**
   * How each of these users stands with the policy: who has a second factor, who is in grace, who is overdue. The list is read and
   * answered as you go, 500 users at a time, so it may be longer than memory; the policy is asked for each user.
   * @param users the host's, as `user.id` and the policy take them.
   */
  coverage(users: UserList): AsyncIterable<Coverage>;
  /**
   * Takes second factors of another system over (docs/migration.md). Rows are read as you read their results, which come in the same order,
   * 50 at a time; what was answered is committed. It may end in the middle and be done again: nothing is done twice, no second factor of a user's own is
   * touched, and none comes back that was turned off here. The owners' sessions end; no notice is sent.
   */
  import(rows: ImportRows, options?: ImportOptions): AsyncIterable<ImportResult>;
  /** @returns whether the proposal was still there. */
  saveBackupCodes(userId: string, handle: string): Promise<boolean>;
}

interface Flows {
  challengeFlow: ChallengeFlow;
  enrolmentFlow: EnrolmentFlow;
  importFlow: ImportFlow;
  managementFlow: ManagementFlow;
}

export function createService(
  settings: Settings,
  storage: Storage,
  gate: Gate,
  { challengeFlow, enrolmentFlow, importFlow, managementFlow }: Flows,
): TwoFactorService {
  function check(userId: unknown): string {
    gate.refuseUnlessReady();
    return requireUserId(userId);
  }

  /** Read once in a call: what a code proves must not count for an account that has changed since. */
  async function findOwner(userId: string, handle = randomToken()): Promise<Owner & { isEnabled: boolean }> {
    const account = await storage.findAccount(check(userId));
    return { userId, epoch: account?.epoch ?? 0, handle, isEnabled: isOn(account) };
  }

  /** One pending row a call: the lane counts over all of them. @returns what the code has led to. */
  async function answer(
    owner: Owner & { isEnabled: boolean },
    input: string,
    effect: 'complete' | 'disable',
  ) {
    const parsed = parseAnswer(input);
    if (!owner.isEnabled) return { kind: 'not-enabled' } as const;
    if ('kind' in parsed) return parsed;
    const pending = makePending(pendingKey('step-up', owner), null, settings.clock());
    await storage.createPending(pending);
    const outcome = await challengeFlow.answer(pending, parsed, effect, { ...noSource, isKnown: false });
    if (outcome.kind === 'accepted') return outcome;
    await storage.deletePending(pending.handleHash);
    return outcome.kind === 'wrong' || outcome.kind === 'exhausted' ? ({ kind: 'wrong' } as const) : outcome;
  }

  async function use(userId: string, code: string, effect: 'complete' | 'disable') {
    const outcome = await answer(await findOwner(userId), code, effect);
    return outcome.kind === 'accepted' ? { kind: outcome.kind, lane: outcome.lane } : outcome;
  }

  return {
    status: async (userId) => managementFlow.overview(check(userId)),

    async generate(userId, label, code) {
      // Read once: of a factor that is turned on, or a password that is changed, meanwhile this call has proven nothing.
      const owner = await findOwner(userId);
      requireText('label', label);
      if (owner.isEnabled) {
        const outcome = await answer(owner, code ?? '', 'complete');
        if (outcome.kind !== 'accepted') return outcome;
      }
      return { kind: 'pending', handle: owner.handle, ...(await enrolmentFlow.begin(owner, label, null)) };
    },

    async enable(userId, handle, code, name) {
      const owner = await findOwner(userId, requireText('handle', handle));
      const chosen = { name: cleanName(requireText('name', name ?? '')) };
      const confirmation = await enrolmentFlow.confirm(owner, code, chosen, noSource);
      if (confirmation.kind !== 'enabled') return confirmation;
      return { ...confirmation, backupCodes: confirmation.backupCodes.map(formatCode) };
    },

    async reset(userId, actor, reason) {
      const details = { actor: requireLine('actor', actor), reason: requireLine('reason', reason) };
      return managementFlow.reset(check(userId), details, noSource);
    },

    async issueSupportCode(userId, { lifetime = SUPPORT_CODE_LIFETIMES.usual, actor, reason }) {
      const { shortest, longest } = SUPPORT_CODE_LIFETIMES;
      if (!Number.isInteger(lifetime) || lifetime < shortest || lifetime > longest)
        throw misused('This call needs a lifetime of 1 minute to 24 hours, in milliseconds.');
      const who = actor === undefined ? null : requireLine('actor', actor);
      const details = { actor: who, reason: requireLine('reason', reason) };
      const issued = await managementFlow.issueSupportCode(check(userId), lifetime, details, noSource);
      return issued.kind === 'issued' ? { ...issued, code: formatCode(issued.code) } : issued;
    },

    verify: (userId, code) => use(userId, code, 'complete'),

    disable: (userId, code) => use(userId, code, 'disable'),

    async proposeBackupCodes(userId, code) {
      const owner = await findOwner(userId);
      const outcome = await answer(owner, code, 'complete');
      if (outcome.kind !== 'accepted') return outcome;
      const { codes, expiresAt } = await managementFlow.proposeCodes(owner);
      return { kind: 'proposed', handle: owner.handle, codes: codes.map(formatCode), expiresAt };
    },

    async *coverage(users) {
      gate.refuseUnlessReady();
      const nameOf = (user: Express.User) => ({ userId: gate.userId(user), label: gate.label(user) });
      yield* listCoverage(settings, storage, nameOf, users);
    },

    async *import(rows, options = {}) {
      gate.refuseUnlessReady();
      yield* importFlow.importAll(rows, options);
    },

    async saveBackupCodes(userId, handle) {
      const owner = await findOwner(userId, requireText('handle', handle));
      return (await managementFlow.saveCodes(owner, noSource)) !== undefined;
    },
  };
}

/** Characters of a reason or an actor. */
const LONGEST_LINE = 200;

/** @throws SecondFactorError `configuration-invalid`. */
function requireText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw misused(`This call needs a text as its ${name}.`);
}

/** What stands in the owner's mail: one line, which looks like nothing but itself. @throws SecondFactorError `configuration-invalid`. */
function requireLine(name: string, value: unknown): string {
  const line = cleanLine(requireText(name, value), LONGEST_LINE);
  if (line !== undefined) return line;
  throw misused(`This call needs 1 to ${String(LONGEST_LINE)} characters as its ${name}.`);
}

function misused(message: string): SecondFactorError {
  return new SecondFactorError('configuration-invalid', message);
}
