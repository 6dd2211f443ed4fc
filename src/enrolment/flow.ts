import type { Journal } from '../audit/journal.js';
import { type FreshCodes, generateCodes, hashCodes } from '../backup-codes/code-set.js';
import { sealProposal } from '../backup-codes/proposal.js';
import type { KeyRing } from '../crypto/key-ring.js';
import { randomId } from '../crypto/random.js';
import { SecondFactorError } from '../errors.js';
import type { Source } from '../http/source.js';
import { makePending, type Owner, pendingKey } from '../login/pending.js';
import { type Authenticator, isOn, type TotpParameters } from '../model.js';
import { MOST_AUTHENTICATORS } from '../limits.js';
import type { Settings } from '../settings.js';
import type { PendingKey, Storage } from '../storage/storage.js';
import { buildKeyUri, encodeKey } from '../totp/key-uri.js';
import { defaultParameters, findClockOffset, matchStep } from '../totp/match-step.js';
import { DEFAULT_NAME } from '../totp/name.js';
import { generateSecret, sealSecret } from '../totp/secret.js';

/** An enrolment that waits for its first code. Nothing changes at the account until then. */
export interface Enrolment {
  /** The secret in base32. */
  key: string;
  /** The `otpauth:` URI of the same. */
  uri: string;
  parameters: TotpParameters;
  /** Milliseconds since the Unix epoch, as all times. */
  expiresAt: number;
}

/** What came of the first code of an enrolment. Wrong codes are values, not errors. */
export type Confirmation =
  /** The second factor is on from now; `epoch` is the user's from now on. The codes are live. */
  | { kind: 'enabled'; epoch: number; backupCodes: string[] }
  /** One more authenticator of a second factor that was on, or one in the place of another. */
  | { kind: 'added'; epoch: number }
  | Refused;

type Refused =
  | { kind: 'malformed' }
  /** `clockOffset`: the code would be right where the clock is so many seconds ahead of ours (negative: behind). */
  | { kind: 'wrong'; clockOffset: number | undefined }
  /** The user has as many authenticators as one may have. */
  | { kind: 'full' }
  /** The user has no such authenticator to be replaced. */
  | { kind: 'absent' }
  /** Timed out, confirmed by another request, or ended by a security change. */
  | { kind: 'expired' };

/** What to do about `authenticators-full`. */
const FULL = 'This account has as many authenticators as one may have. Remove one first.';

export interface ConfirmOptions {
  /** Default that of the authenticator that it replaces, else `unnamed`. */
  name?: string | undefined;
  /** What one is called that nobody has named, in the person's language. Default in English. */
  unnamed?: string;
  /** Id of the authenticator that goes in the same moment. */
  replaces?: string | null | undefined;
}

/** Whose enrolment. */
export interface Enroller extends Owner {
  /** Whether the handle is of a login that waits for it, and that its first code completes. */
  isLogin?: boolean;
}

export interface EnrolmentFlow {
  /**
   * Begins this owner's enrolment, or reads it again: parallel calls get the same secret.
   * @param replaces the authenticator that goes once this one is proven (R10).
   * @throws SecondFactorError `authenticators-full`, `not-found`.
   */
  begin(owner: Owner, label: string, replaces: string | null): Promise<Enrolment>;
  /**
   * Proves the enrolment with its first code. Turns the second factor on, with the first backup codes, or adds an authenticator
   * to one that is on, or puts it in the place of another, which works until then (R10).
   */
  confirm(enroller: Enroller, code: string, options: ConfirmOptions, source: Source): Promise<Confirmation>;
}

export function createEnrolmentFlow(
  settings: Settings,
  storage: Storage,
  ring: KeyRing,
  journal: Journal,
): EnrolmentFlow {
  const { clock, issuer, window } = settings;

  /** The proven authenticator of a pending enrolment, or why there is none. */
  async function prove(key: PendingKey, input: unknown): Promise<Omit<Authenticator, 'name'> | Refused> {
    const now = clock();
    if (typeof input !== 'string') return { kind: 'malformed' };
    const code = input.replace(/[\s-]/g, '');
    if (code.length !== defaultParameters.digits || !/^[0-9]+$/.test(code)) return { kind: 'malformed' };
    const pending = await storage.findPending(key.handleHash);
    const isLive = pending && pending.expiresAt > now && pending.epoch === key.epoch;
    // A handle of another user's is a caller's mistake or an attack, and no broken storage.
    if (!isLive || pending.userId !== key.userId || !pending.payload) return { kind: 'expired' };
    const secret = ring.open(pending.payload, secretContext(key));
    const step = matchStep(secret, defaultParameters, code, now, window);
    if (step === undefined) {
      return { kind: 'wrong', clockOffset: findClockOffset(secret, defaultParameters, code, now) };
    }
    const owner = { userId: key.userId, id: randomId() };
    return {
      ...owner,
      ...defaultParameters,
      sealedSecret: sealSecret(ring, owner, secret),
      // The code that was just checked is used up: it cannot log in as well (R3).
      lastStep: step,
      createdAt: now,
      lastUsedAt: null,
    };
  }

  async function enable(
    owner: Enroller,
    key: PendingKey,
    authenticator: Authenticator,
    source: Source,
  ): Promise<Confirmation> {
    const fresh = generateCodes();
    const details = { authenticator: authenticator.name };
    const events = [journal.draft('factor.enabled', owner.userId, source, details)];
    const epoch = await storage.enable({
      ...key,
      purpose: 'enrolment',
      login: owner.isLogin ? pendingKey('login-enrolment', owner) : null,
      authenticator,
      backupCodes: hashCodes(ring, owner.userId, fresh),
      proposal: makeProposal(owner, fresh),
      now: clock(),
      events,
    });
    if (epoch !== undefined) journal.publish(events);
    return epoch === undefined ? { kind: 'expired' } : { kind: 'enabled', epoch, backupCodes: fresh.codes };
  }

  async function add(
    key: PendingKey,
    authenticator: Authenticator,
    replaces: string | null,
    source: Source,
  ): Promise<Confirmation> {
    const kind = replaces === null ? 'authenticator.added' : 'authenticator.replaced';
    const events = [journal.draft(kind, key.userId, source, { authenticator: authenticator.name })];
    const limits = { most: MOST_AUTHENTICATORS, now: clock() };
    const adding = { ...key, purpose: 'enrolment', authenticator, replaces, ...limits, events } as const;
    const result = await storage.addAuthenticator(adding);
    if (typeof result === 'number') journal.publish(events);
    return typeof result === 'number' ? { kind: 'added', epoch: result } : { kind: result ?? 'expired' };
  }

  function makeProposal(owner: Owner, fresh: FreshCodes) {
    const key = pendingKey('backup-codes', owner);
    return makePending(key, sealProposal(ring, key, fresh), clock());
  }

  return {
    async begin(owner, label, replaces) {
      const authenticators = await storage.listAuthenticators(owner.userId);
      const others = authenticators.filter(({ id }) => id !== replaces);
      if (replaces !== null && others.length === authenticators.length) throw noSuchAuthenticator();
      if (others.length >= MOST_AUTHENTICATORS) throw new SecondFactorError('authenticators-full', FULL);
      const now = clock();
      const key = pendingKey('enrolment', owner);
      const sealed = ring.seal(generateSecret(), secretContext(key));
      const pending = await storage.openPending(makePending(key, sealed, now), now);
      const secret = ring.open(pending.payload ?? '', secretContext(key));
      const uri = buildKeyUri(issuer, label, secret, defaultParameters);
      return { key: encodeKey(secret), uri, parameters: defaultParameters, expiresAt: pending.expiresAt };
    },

    async confirm(owner, code, { name, unnamed = DEFAULT_NAME, replaces = null }, source) {
      const key = pendingKey('enrolment', owner);
      const proven = await prove(key, code);
      if ('kind' in proven) return proven;
      const [account, authenticators] = await Promise.all([
        storage.findAccount(owner.userId),
        storage.listAuthenticators(owner.userId),
      ]);
      const replaced = authenticators.find(({ id }) => id === replaces);
      const named = { ...proven, name: name ?? replaced?.name ?? unnamed };
      // A login that waits for its second factor turns one on, or is over: it adds none to one that is on.
      return isOn(account) && !owner.isLogin
        ? add(key, named, replaces, source)
        : enable(owner, key, named, source);
    },
  };
}

function noSuchAuthenticator(): SecondFactorError {
  return new SecondFactorError('not-found', 'There is no such authenticator.');
}

/** Another context than a live authenticator's: a secret that was never proven cannot be made live by copying it. */
function secretContext(owner: { userId: string; handleHash: string }): string[] {
  return ['enrolment', owner.userId, owner.handleHash];
}
