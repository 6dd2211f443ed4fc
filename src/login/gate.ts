import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import type { Lane, Method } from '../model.js';
import type { Settings } from '../options.js';
import type { Storage } from '../storage/storage.js';
import { createLoginFlow, type LoginFlow, makeStamp } from './flow.js';
import { Passports } from './passports.js';
import { pendingKey } from './pending.js';
import { getUser, setUser } from './request-user.js';
import { findReturnTarget, type LogInOptions } from './return-target.js';
import {
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
      if (completion.isRenewal && !(await isSessionStored(request))) {
        throw new SecondFactorError('session-missing', 'This session was ended by another request.');
      }
      await this.#establish(request, user, completion.serialised, completion.stamp, completion.keepHostData);
      return 'complete';
    }
    if (options.session === false) return this.#logInWithoutSession(request, user, userId);
    const known = await this.#findKnownLogin(request, userId);
    // Whoever was logged in a moment ago is not the one who is logging in now.
    if (known?.kind !== 'complete') setUser(request, null);
    if (known?.kind === 'pending') return 'held';
    const name = this.passports.currentName(request);
    const serialised = await this.passports.serialise(name, user, request);
    const decision = known ?? (await this.#flow.begin(userId));
    const keepHostData = options.keepSessionInfo === true;
    if (decision.kind === 'complete') {
      await this.#establish(request, user, serialised, decision.stamp, keepHostData);
      return 'complete';
    }
    const { handle, epoch, expiresAt, firstFactorAt } = decision;
    const returnTo = findReturnTarget(request, options, this.#settings);
    const pending = {
      handle,
      userId,
      epoch,
      user: serialised,
      passport: name,
      firstFactorAt,
      expiresAt,
      returnTo,
    };
    await renewSession(request, {
      keepHostData,
      facts: { pending: { ...pending, keepSessionInfo: keepHostData } },
    });
    return 'held';
  }

  /** Decides whether a session's login still stands and makes its user the request's; a fallen one is forgotten. */
  async admit(request: Request, name: string): Promise<void> {
    const serialised = readSerialisedUser(request);
    if (serialised === undefined || serialised === null || serialised === '' || serialised === false) return;
    this.#refuseUnlessReady();
    const stamp = readStamp(request);
    // While it is switched off, a session that was never ours goes on; what we have stamped must be right all the same.
    const isTolerated = !this.#settings.enabled && isUnknownToUs(request);
    const isCurrent = stamp ? await this.#flow.isCurrent(stamp) : isTolerated;
    const user = isCurrent ? await this.passports.deserialise(name, serialised, request) : undefined;
    const isOwn = user !== undefined && (stamp ? stamp.userId === this.userId(user) : isTolerated);
    setUser(request, isOwn ? user : null);
    if (!isOwn) forgetLogin(request);
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

  /** `session: false` leaves nothing that could wait for a second step, so whoever has one is refused. */
  async #logInWithoutSession(request: Request, user: Express.User, userId: string): Promise<'complete'> {
    if (this.#settings.enabled && (await this.#flow.hasSecondFactor(userId))) {
      throw new SecondFactorError(
        'second-factor-required',
        'This account has a second factor: it cannot be used without a session.',
      );
    }
    setUser(request, user);
    return 'complete';
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

  async #establish(
    request: Request,
    user: Express.User,
    serialised: unknown,
    stamp: Stamp,
    keepHostData: boolean,
  ): Promise<void> {
    await renewSession(request, { keepHostData, facts: { stamp }, user: serialised });
    setUser(request, user);
  }

  #refuseUnlessReady(): void {
    if (this.#isReady) return;
    throw new SecondFactorError(
      'not-ready',
      'The second factor is not ready: await secondFactor.ready() at start.',
    );
  }
}
