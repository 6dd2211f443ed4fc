import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import { readSource } from '../http/source.js';
import { wantsJson } from '../http/wants-json.js';
import type { ImportFlow } from '../import/flow.js';
import { findLegacyFactor } from '../import/legacy.js';
import { isFactorRequired } from '../policy/rule.js';
import type { Settings } from '../settings.js';
import type { Browsers } from '../trusted-browser/desk.js';
import { type Change, Completions } from './completions.js';
import { endedElsewhere, establish } from './establish.js';
import type { Decision, LoginFlow } from './flow.js';
import type { Gate } from './gate.js';
import {
  checkCondition,
  checkImpersonation,
  isSecondStepSkipped,
  isSessionlessAllowed,
  nameFirstFactor,
  refuseImpersonation,
} from './host-rules.js';
import { Reauthentication } from './reauthentication.js';
import { renewSession } from './renewal.js';
import { setUser } from './request-user.js';
import { findReturnTarget, type LogInOptions } from './return-target.js';
import { detachSession, type EnrollingLogin, forgetLogin, isSessionStored, readPending } from './session.js';
import type { Stamp } from './stamp.js';

/** Logins and logouts in a request: what stands behind `req.logIn` and `req.logout`. */
export class LoginDesk {
  readonly completions: Completions;
  readonly reauthentication: Reauthentication;
  readonly #gate: Gate;
  readonly #flow: LoginFlow;
  readonly #settings: Settings;
  readonly #browsers: Browsers;
  readonly #imports: ImportFlow;
  readonly #sessionless = new WeakSet<Request>();

  constructor(gate: Gate, flow: LoginFlow, settings: Settings, browsers: Browsers, imports: ImportFlow) {
    this.completions = new Completions(settings.clock);
    this.reauthentication = new Reauthentication(settings);
    this.#gate = gate;
    this.#flow = flow;
    this.#settings = settings;
    this.#browsers = browsers;
    this.#imports = imports;
  }

  /**
   * Logs a user in, or holds the login. Anything unknown rejects, and nobody is logged in then.
   */
  async logIn(request: Request, user: Express.User, options: LogInOptions): Promise<'complete' | 'held'> {
    this.#gate.refuseUnlessReady();
    const userId = this.#gate.userId(user);
    const completion = this.completions.take(request, userId);
    if (completion) {
      await establish(this.#gate, this.#settings, request, user, completion);
      if (completion.isFactorProven) this.#browsers.known.remember(request, userId);
      return 'complete';
    }
    if (options.session === false) return this.#logInWithoutSession(request, user, userId, options);
    const known = await this.#findKnownLogin(request, userId);
    // Whoever was logged in a moment ago is not the one who is logging in now.
    if (known?.kind !== 'complete') setUser(request, null);
    if (known?.kind === 'pending') return 'held';
    // A browser is trusted for a login: where a session has ended meanwhile, nobody gave a first factor.
    const decision: Decision =
      known?.kind === 'complete'
        ? { kind: 'complete', stamp: await this.#proveAgain(request, user, known.stamp) }
        : await this.#decide(request, user, userId, known === undefined);
    if (known?.kind === 'ended' && !isAnswerOwed(decision)) throw endedElsewhere();
    if (decision.kind === 'owed') {
      await this.#openPending(request, user, decision, options);
      return 'held';
    }
    // A person is reminded before the login goes on; a program cannot be.
    if (known === undefined && decision.stamp.enrolBy !== undefined && !wantsJson(request)) {
      await this.#openPending(request, user, decision.stamp, options);
      return 'held';
    }
    await establish(this.#gate, this.#settings, request, user, {
      stamp: decision.stamp,
      serialised: await this.#serialise(request, user),
      keepHostData: options.keepSessionInfo === true,
      isRenewal: known !== undefined,
    });
    this.reauthentication.setReturnTo(request);
    return 'complete';
  }

  /** Of somebody who has a second factor, a password that is given again must not make an old code look new. */
  async #proveAgain(request: Request, user: Express.User, stamp: Stamp): Promise<Stamp> {
    if (await this.#gate.hasSecondFactor(stamp.userId)) return stamp;
    return this.reauthentication.prove(request, user, stamp);
  }

  /**
   * Whether a user owes the second step although the host will not call `req.logIn`. Then the login is pending in this
   * session; else nothing has changed.
   */
  async hold(request: Request, user: Express.User): Promise<boolean> {
    this.#gate.refuseUnlessReady();
    const userId = this.#gate.userId(user);
    const known = await this.#findKnownLogin(request, userId);
    if (known && known.kind !== 'ended') return known.kind === 'pending';
    const decision = await this.#decide(request, user, userId);
    if (decision.kind === 'complete') return false;
    if (known && !isAnswerOwed(decision)) throw endedElsewhere();
    setUser(request, null);
    await this.#openPending(request, user, decision, {});
    return true;
  }

  /**
   * Lets a login go on that waits for a second factor to be set up, while there is time. @returns whether it was still there.
   * @throws SecondFactorError `enrolment-required` where the time is over.
   */
  async postpone(request: Request, pending: EnrollingLogin): Promise<boolean> {
    if (pending.enrolBy <= this.#settings.clock()) throw enrolmentRequired();
    const user = await this.#gate.findPendingUser(request, pending);
    if (!user || !(await this.#flow.end(pending))) {
      // A double click: the other request has renewed the session, which this one must not take away.
      if (user) detachSession(request);
      else forgetLogin(request);
      return false;
    }
    this.completions.allowCompletion(request, pending, {});
    await this.logIn(request, user, {});
    return true;
  }

  /** Makes a complete session another user's, without that user's codes. */
  async impersonate(request: Request, user: Express.User): Promise<void> {
    this.#gate.refuseUnlessReady();
    const userId = this.#gate.userId(user);
    const state = this.#gate.state(request);
    if (state.kind !== 'complete' || state.stamp.impersonator || state.stamp.userId === userId) {
      throw refuseImpersonation();
    }
    await checkImpersonation(this.#settings, request, state.user, user);
    const stamp = await this.#flow.impersonate(state.stamp, userId);
    const serialised = await this.#serialise(request, user);
    // Whatever was revoked while the host was asked must not go on under another name.
    if (!(await this.#flow.isCurrent(state.stamp))) throw refuseImpersonation();
    await this.#flow.noteImpersonation(state.stamp, userId, readSource(request));
    await establish(this.#gate, this.#settings, request, user, {
      stamp,
      serialised,
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
    if (pending) await this.#flow.end(pending);
    await renewSession(request, { keepHostData });
  }

  /** Tells the host of a pending login that is given up. */
  async abandon(request: Request): Promise<void> {
    if (request.res) await this.#settings.login.abandoned?.(request, request.res);
  }

  /** Renews a complete session after a change that was made in it. */
  async renew(
    request: Request,
    { user, stamp }: { user: Express.User; stamp: Stamp },
    change: Change,
  ): Promise<void> {
    this.completions.allowRenewal(request, stamp, change);
    await this.logIn(request, user, {});
  }

  /** After the first factor, for a login that is new here. */
  async #decide(request: Request, user: Express.User, userId: string, mayTrust = false): Promise<Decision> {
    await checkCondition(this.#settings, request, user);
    return this.#flow.begin(userId, await nameFirstFactor(this.#settings, request, user), {
      isSkipped: async (account) =>
        (await isSecondStepSkipped(this.#settings, request, user)) ||
        // Where somebody else knows the password, every login waits for another one.
        (mayTrust &&
          account.suspectedAt === null &&
          (await this.#browsers.trusted.isTrusted(request, user, account))),
      moveIn: async () => {
        const factor = await findLegacyFactor(this.#settings, user);
        if (factor) await this.#imports.moveIn(userId, factor, readSource(request));
        return this.#settings.legacy !== undefined;
      },
      isRequired: () => isFactorRequired(this.#settings, user),
    });
  }

  async #openPending(
    request: Request,
    user: Express.User,
    { epoch, firstFactor, enrolBy }: Pick<Stamp, 'epoch' | 'firstFactor' | 'enrolBy'>,
    options: LogInOptions,
  ): Promise<void> {
    const userId = this.#gate.userId(user);
    const passport = this.#gate.passports.currentName(request);
    const serialised = await this.#serialise(request, user);
    const returnTo = findReturnTarget(request, options, this.#settings);
    const held = await this.#flow.hold(userId, epoch, enrolBy);
    const keepSessionInfo = options.keepSessionInfo === true;
    const whose = { userId, user: serialised, passport };
    const pending = { ...held, ...whose, firstFactor, enrolBy, returnTo, keepSessionInfo };
    await renewSession(request, { keepHostData: keepSessionInfo, facts: { pending } });
  }

  /** `session: false` leaves nothing that could wait for a second step, so whoever has one is refused. */
  async #logInWithoutSession(
    request: Request,
    user: Express.User,
    userId: string,
    options: LogInOptions,
  ): Promise<'complete'> {
    const decision = await this.#decide(request, user, userId);
    const isAllowed =
      decision.kind === 'complete' ||
      this.#sessionless.has(request) ||
      (await isSessionlessAllowed(this.#settings, request, user, options));
    if (!isAllowed) {
      const reason =
        decision.enrolBy === undefined ? 'has a second factor' : 'must set a second factor up first';
      throw new SecondFactorError(
        'second-factor-required',
        `This account ${reason}: it cannot be used without a session.`,
      );
    }
    setUser(request, user);
    return 'complete';
  }

  /**
   * A `logIn` for the user who is already here: a complete login (profile edit) keeps its stamp, a pending one its
   * budget and deadline, or else every `logIn` of a remember-me strategy would buy five more guesses. A complete one that
   * ended while its request was held open, in the store or by a change, gave no password: it must not come back.
   */
  async #findKnownLogin(
    request: Request,
    userId: string,
  ): Promise<{ kind: 'complete'; stamp: Stamp } | { kind: 'pending' } | { kind: 'ended' } | undefined> {
    const state = this.#gate.state(request);
    if (state.kind === 'complete' && state.stamp.userId === userId) {
      const stands = (await this.#flow.isCurrent(state.stamp)) && (await isSessionStored(request));
      return stands ? { kind: 'complete', stamp: state.stamp } : { kind: 'ended' };
    }
    if ((state.kind === 'pending' || state.kind === 'enrolling') && state.pending.userId === userId) {
      const isLive = await this.#gate.isLive(state.pending);
      return isLive ? { kind: 'pending' } : undefined;
    }
    return undefined;
  }

  #serialise(request: Request, user: Express.User): Promise<unknown> {
    const { passports } = this.#gate;
    return passports.serialise(passports.currentName(request), user, request);
  }
}

/** Where a code is owed nobody gets in who only brings an old session back; a set-up is open to whoever begins one. */
function isAnswerOwed(decision: Decision): boolean {
  return decision.kind === 'owed' && decision.enrolBy === undefined;
}

export function enrolmentRequired(): SecondFactorError {
  return new SecondFactorError('enrolment-required', 'Set up a second factor first.');
}
