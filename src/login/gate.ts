import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import type { Lane, Method } from '../model.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';
import { createLoginFlow, type Decision, type LoginFlow, makeStamp } from './flow.js';
import {
  checkCondition,
  checkImpersonation,
  isSecondStepSkipped,
  isSessionlessAllowed,
  refuseImpersonation,
} from './host-rules.js';
import { Passports } from './passports.js';
import { pendingKey } from './pending.js';
import { getUser, setUser } from './request-user.js';
import { findReturnTarget, type LogInOptions } from './return-target.js';
import {
  adoptSession,
  forgetLogin,
  isSessionStored,
  isUnknownToUs,
  type PendingLogin,
  readPending,
  readSerialisedUser,
  readStamp,
  renewSession,
} from './session.js';
import type { Stamp } from './stamp.js';

/** Where a request's session stands. */
export type LoginState =
  | { kind: 'anonymous' }
  | { kind: 'pending'; pending: PendingLogin }
  | { kind: 'expired'; pending: PendingLogin }
  | { kind: 'complete'; stamp: Stamp; user: Express.User };

/** What a right answer allows the next `logIn` of the same request to do. */
interface Completion {
  userId: string;
  stamp: Stamp;
  serialised: unknown;
  keepHostData: boolean;
  /** Whether a complete session goes on, which another request (a logout) may have ended meanwhile. */
  isRenewal: boolean;
}

/** Holds every login at `req.logIn` and every session at Passport's session strategy. */
export class Gate {
  readonly passports = new Passports();
  readonly #settings: Settings;
  readonly #flow: LoginFlow;
  /** Keyed by request, so that no option and no body field can bring a proof of its own. */
  readonly #completions = new WeakMap<Request, Completion>();
  readonly #sessionless = new WeakSet<Request>();
  #isReady = false;

  constructor(settings: Settings, storage: Storage) {
    this.#settings = settings;
    this.#flow = createLoginFlow(settings, storage);
  }

  open(): void {
    this.#isReady = true;
  }

  /**
   * Logs a user in, or holds the login. Anything unknown rejects, and nobody is logged in then.
   */
  async logIn(request: Request, user: Express.User, options: LogInOptions): Promise<'complete' | 'held'> {
    this.#refuseUnlessReady();
    const userId = this.userId(user);
    const completion = this.#completions.get(request);
    this.#completions.delete(request);
    if (completion?.userId === userId) {
      if (completion.isRenewal) await refuseUnlessStored(request);
      await this.#establish(request, user, completion);
      return 'complete';
    }
    if (options.session === false) return this.#logInWithoutSession(request, user, userId, options);
    const known = await this.#findKnownLogin(request, userId);
    // Whoever was logged in a moment ago is not the one who is logging in now.
    if (known?.kind !== 'complete') setUser(request, null);
    if (known?.kind === 'pending') return 'held';
    const decision = known ?? (await this.#decide(request, user, userId));
    if (decision.kind === 'owed') {
      await this.#openPending(request, user, decision.epoch, options);
      return 'held';
    }
    await this.#establish(request, user, {
      stamp: decision.stamp,
      serialised: await this.passports.serialise(this.passports.currentName(request), user, request),
      keepHostData: options.keepSessionInfo === true,
      isRenewal: known !== undefined,
    });
    return 'complete';
  }

  /**
   * Whether a user owes the second step although the host will not call `req.logIn`. Then the login is pending in this
   * session; else nothing has changed.
   */
  async hold(request: Request, user: Express.User): Promise<boolean> {
    this.#refuseUnlessReady();
    const userId = this.userId(user);
    const known = await this.#findKnownLogin(request, userId);
    if (known) return known.kind === 'pending';
    const decision = await this.#decide(request, user, userId);
    if (decision.kind === 'complete') return false;
    setUser(request, null);
    await this.#openPending(request, user, decision.epoch, {});
    return true;
  }

  /** Decides whether a session's login still stands and makes its user the request's; a fallen one is forgotten. */
  async admit(request: Request, name: string): Promise<void> {
    const serialised = readSerialisedUser(request);
    if (serialised === undefined || serialised === null || serialised === '' || serialised === false) return;
    this.#refuseUnlessReady();
    const stamp = readStamp(request);
    const isPromising = stamp ? await this.#flow.isCurrent(stamp) : this.#mayGoOnUnstamped(request);
    const user = isPromising ? await this.passports.deserialise(name, serialised, request) : undefined;
    const isOwn =
      user !== undefined &&
      (stamp ? stamp.userId === this.userId(user) : await this.#goOnUnstamped(request, user));
    setUser(request, isOwn ? user : null);
    if (!isOwn) forgetLogin(request);
  }

  /** Makes a complete session another user's, without that user's codes. */
  async impersonate(request: Request, user: Express.User): Promise<void> {
    this.#refuseUnlessReady();
    const userId = this.userId(user);
    const state = this.state(request);
    if (state.kind !== 'complete' || state.stamp.impersonator || state.stamp.userId === userId) {
      throw refuseImpersonation();
    }
    await checkImpersonation(this.#settings, request, state.user, user);
    const stamp = await this.#flow.impersonate(state.stamp, userId);
    // Last: whatever was revoked while the host was asked must not go on under another name.
    await refuseUnlessStored(request);
    if (!(await this.#flow.isCurrent(state.stamp))) throw refuseImpersonation();
    await this.#establish(request, user, {
      stamp,
      serialised: await this.passports.serialise(this.passports.currentName(request), user, request),
      keepHostData: false,
      isRenewal: true,
    });
  }

  /** Lets the logins of this request that have no session through. */
  allowSessionless(request: Request): void {
    this.#sessionless.add(request);
  }

  /** Ends the login, complete or pending, as Passport's `logout` does. */
  async logOut(request: Request, keepHostData: boolean): Promise<void> {
    const pending = readPending(request);
    setUser(request, null);
    if (pending) await this.#flow.cancel(pending.handle);
    await renewSession(request, { keepHostData });
  }

  state(request: Request): LoginState {
    this.passports.currentName(request);
    const user = getUser(request);
    const stamp = readStamp(request);
    if (user && stamp?.userId === this.userId(user)) return { kind: 'complete', stamp, user };
    const pending = readPending(request);
    if (!pending) return { kind: 'anonymous' };
    return { kind: pending.expiresAt > this.#settings.clock() ? 'pending' : 'expired', pending };
  }

  /** The user of a pending login, for the moment it is completed; the request's own user stays unset. */
  findPendingUser(request: Request, pending: PendingLogin): Promise<Express.User | undefined> {
    return this.passports.deserialise(pending.passport, pending.user, request);
  }

  /** After a right answer: the next `logIn` of this request, for this user, completes the pending login. */
  allowCompletion(request: Request, pending: PendingLogin, lane: Lane): void {
    const now = this.#settings.clock();
    const proofs = { pwd: pending.firstFactorAt, [lane]: now };
    this.#completions.set(request, {
      userId: pending.userId,
      stamp: makeStamp(pending.userId, pending.epoch, proofs, now),
      serialised: pending.user,
      keepHostData: pending.keepSessionInfo,
      isRenewal: false,
    });
  }

  /** After a fresh proof or a change in a complete session: the next `logIn` of this request renews it. */
  allowRenewal(request: Request, stamp: Stamp, change: { method?: Method; epoch?: number }): void {
    const proofs = change.method
      ? { ...stamp.proofs, [change.method]: this.#settings.clock() }
      : stamp.proofs;
    this.#completions.set(request, {
      userId: stamp.userId,
      stamp: { ...stamp, proofs, epoch: change.epoch ?? stamp.epoch },
      serialised: readSerialisedUser(request),
      keepHostData: true,
      isRenewal: true,
    });
  }

  hasSecondFactor(userId: string): Promise<boolean> {
    return this.#flow.hasSecondFactor(userId);
  }

  userId(user: Express.User): string {
    const id: unknown = this.#settings.user.id(user);
    if (typeof id === 'string' && id !== '') return id;
    throw new SecondFactorError('configuration-invalid', 'options.user.id must return a non-empty string.');
  }

  label(user: Express.User): string {
    const label: unknown = this.#settings.user.label(user);
    if (typeof label === 'string') return label;
    throw new SecondFactorError('configuration-invalid', 'options.user.label must return a string.');
  }

  /** After the first factor, for a login that is new here. */
  async #decide(request: Request, user: Express.User, userId: string): Promise<Decision> {
    await checkCondition(this.#settings, request, user);
    return this.#flow.begin(userId, () => isSecondStepSkipped(this.#settings, request, user));
  }

  async #openPending(
    request: Request,
    user: Express.User,
    epoch: number,
    options: LogInOptions,
  ): Promise<void> {
    const userId = this.userId(user);
    const passport = this.passports.currentName(request);
    const serialised = await this.passports.serialise(passport, user, request);
    const returnTo = findReturnTarget(request, options, this.#settings);
    const held = await this.#flow.hold(userId, epoch);
    const keepSessionInfo = options.keepSessionInfo === true;
    const pending = { ...held, userId, user: serialised, passport, returnTo, keepSessionInfo };
    await renewSession(request, { keepHostData: keepSessionInfo, facts: { pending } });
  }

  /** `session: false` leaves nothing that could wait for a second step, so whoever has one is refused. */
  async #logInWithoutSession(
    request: Request,
    user: Express.User,
    userId: string,
    options: LogInOptions,
  ): Promise<'complete'> {
    const { kind } = await this.#decide(request, user, userId);
    const isAllowed =
      kind === 'complete' ||
      this.#sessionless.has(request) ||
      (await isSessionlessAllowed(this.#settings, request, user, options));
    if (!isAllowed) {
      throw new SecondFactorError(
        'second-factor-required',
        'This account has a second factor: it cannot be used without a session.',
      );
    }
    setUser(request, user);
    return 'complete';
  }

  /** From before the first roll-out, or while we are switched off; what we have written must be right in any case. */
  #mayGoOnUnstamped(request: Request): boolean {
    const { adoptUntil, clock, enabled } = this.#settings;
    return isUnknownToUs(request) && (!enabled || clock() < adoptUntil);
  }

  async #goOnUnstamped(request: Request, user: Express.User): Promise<boolean> {
    const { adoptUntil, clock, enabled } = this.#settings;
    const stamp = clock() < adoptUntil ? await this.#flow.adopt(this.userId(user)) : undefined;
    if (stamp) adoptSession(request, stamp);
    return stamp !== undefined || !enabled;
  }

  /**
   * A `logIn` for the user who is already here: a complete login (profile edit) keeps its stamp, a pending one its
   * budget and deadline, or else every `logIn` of a remember-me strategy would buy five more guesses.
   */
  async #findKnownLogin(
    request: Request,
    userId: string,
  ): Promise<{ kind: 'complete'; stamp: Stamp } | { kind: 'pending' } | undefined> {
    const state = this.state(request);
    if (state.kind === 'complete' && state.stamp.userId === userId) {
      // A request that was held open while the session ended, in the store or by a change, must not bring it back.
      const stands = (await isSessionStored(request)) && (await this.#flow.isCurrent(state.stamp));
      return stands ? { kind: 'complete', stamp: state.stamp } : undefined;
    }
    if (state.kind === 'pending' && state.pending.userId === userId) {
      const isLive = await this.#flow.isLive(pendingKey('login', state.pending));
      return isLive ? { kind: 'pending' } : undefined;
    }
    return undefined;
  }

  async #establish(request: Request, user: Express.User, login: Omit<Completion, 'userId'>): Promise<void> {
    const { serialised, stamp, keepHostData, isRenewal } = login;
    setUser(request, null);
    await renewSession(request, {
      keepHostData,
      facts: { stamp },
      user: serialised,
      prepare: () => (isRenewal ? undefined : this.#runAfter(request, user)),
    });
    setUser(request, user);
  }

  /** The host's own part of a completion sees the user logged in; where it fails, nobody is. */
  async #runAfter(request: Request, user: Express.User): Promise<void> {
    if (!this.#settings.login.after || !request.res) return;
    setUser(request, user);
    try {
      await this.#settings.login.after(request, request.res, user);
    } finally {
      setUser(request, null);
    }
  }

  #refuseUnlessReady(): void {
    if (this.#isReady) return;
    throw new SecondFactorError(
      'not-ready',
      'The second factor is not ready: await secondFactor.ready() at start.',
    );
  }
}

async function refuseUnlessStored(request: Request): Promise<void> {
  if (await isSessionStored(request)) return;
  throw new SecondFactorError('session-missing', 'This session was ended by another request.');
}
