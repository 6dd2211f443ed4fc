import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import { isUserId, type Lane } from '../model.js';
import type { Settings } from '../settings.js';
import { assess, type RequestSecondFactor } from './assurance.js';
import type { LoginFlow } from './flow.js';
import { Passports } from './passports.js';
import { loginKey } from './pending.js';
import { getUser, setUser } from './request-user.js';
import { refuseRevival } from './revival.js';
import { adoptSession } from './renewal.js';
import {
  type EnrollingLogin,
  forgetLogin,
  hasSession,
  isEnrolling,
  isUnknownToUs,
  type PendingLogin,
  readPending,
  readSerialisedUser,
  readStamp,
} from './session.js';
import type { Stamp } from './stamp.js';

/** Where a request's session stands. */
export type LoginState =
  | { kind: 'anonymous' }
  | { kind: 'pending'; pending: PendingLogin }
  | { kind: 'enrolling'; pending: EnrollingLogin }
  | { kind: 'expired'; pending: PendingLogin }
  | { kind: 'complete'; stamp: Stamp; user: Express.User };

/** Knows where a request's session stands; lets a session in at Passport's session strategy, or not (R1). */
export class Gate {
  readonly passports = new Passports();
  readonly #settings: Settings;
  readonly #flow: LoginFlow;
  /** Logins that are being completed, while the host does its own part of it. */
  readonly #announced = new WeakMap<Request, { user: Express.User; stamp: Stamp }>();
  #isReady = false;

  constructor(settings: Settings, flow: LoginFlow) {
    this.#settings = settings;
    this.#flow = flow;
  }

  open(): void {
    this.#isReady = true;
  }

  /** Decides whether a session's login still stands and makes its user the request's; a fallen one is forgotten. */
  async admit(request: Request, name: string): Promise<void> {
    const serialised = readSerialisedUser(request);
    const stamp = readStamp(request);
    if (serialised === undefined || serialised === null || serialised === '' || serialised === false) {
      // Else a login without a session, as by HTTP Basic, would make it a complete one again.
      if (stamp) forgetLogin(request);
      return;
    }
    this.refuseUnlessReady();
    const isPromising = stamp ? await this.#flow.mayEnter(stamp) : this.#mayGoOnUnstamped(request);
    const user = isPromising ? await this.passports.deserialise(name, serialised, request) : undefined;
    const isOwn =
      user !== undefined &&
      (stamp ? stamp.userId === this.userId(user) : await this.#goOnUnstamped(request, user));
    setUser(request, isOwn ? user : null);
    if (isOwn) refuseRevival(request);
    else forgetLogin(request);
  }

  state(request: Request): LoginState {
    this.passports.currentName(request);
    const user = getUser(request);
    const stamp = readStamp(request);
    if (user && stamp?.userId === this.userId(user)) return { kind: 'complete', stamp, user };
    const pending = readPending(request);
    if (!pending) return { kind: 'anonymous' };
    if (pending.expiresAt <= this.#settings.clock()) return { kind: 'expired', pending };
    return isEnrolling(pending) ? { kind: 'enrolling', pending } : { kind: 'pending', pending };
  }

  /** For as long as `login.after` sees the user logged in, before the session says so. */
  announce(request: Request, login: { user: Express.User; stamp: Stamp } | undefined): void {
    if (login) this.#announced.set(request, login);
    else this.#announced.delete(request);
  }

  /** What the host may know of this moment (R2): of a pending login nothing but that there is one. */
  show(request: Request): RequestSecondFactor {
    if (!hasSession(request)) return { state: 'anonymous' };
    const state = this.state(request);
    const complete = state.kind === 'complete' ? state : this.#announced.get(request);
    if (complete && complete.user === getUser(request)) {
      return { state: 'complete', ...assess(complete.stamp, this.#settings.assurance) };
    }
    return { state: state.kind === 'pending' || state.kind === 'enrolling' ? 'pending' : 'anonymous' };
  }

  /** The user of a pending login, for the moment it is completed; the request's own user stays unset. */
  findPendingUser(request: Request, pending: PendingLogin): Promise<Express.User | undefined> {
    return this.passports.deserialise(pending.passport, pending.user, request);
  }

  hasSecondFactor(userId: string): Promise<boolean> {
    return this.#flow.hasSecondFactor(userId);
  }

  /** Whether nothing has revoked this stamp by now. */
  isCurrent(stamp: Stamp): Promise<boolean> {
    return this.#flow.isCurrent(stamp);
  }

  /** Whether a pending login still waits. */
  isLive(pending: PendingLogin): Promise<boolean> {
    return this.#flow.isLive(loginKey(pending));
  }

  usableLanes(userId: string): Promise<Lane[]> {
    return this.#flow.usableLanes(userId);
  }

  userId(user: Express.User): string {
    const id: unknown = this.#settings.user.id(user);
    if (isUserId(id)) return id;
    throw new SecondFactorError('configuration-invalid', `options.user.id must return ${USER_ID}.`);
  }

  label(user: Express.User): string {
    const label: unknown = this.#settings.user.label(user);
    if (typeof label === 'string') return label;
    throw new SecondFactorError('configuration-invalid', 'options.user.label must return a string.');
  }

  /** From before the first roll-out, or while we are switched off; what we have written must be right in any case. */
  #mayGoOnUnstamped(request: Request): boolean {
    const { adoptUntil, clock, enabled } = this.#settings;
    return isUnknownToUs(request) && (!enabled || clock() < adoptUntil);
  }

  async #goOnUnstamped(request: Request, user: Express.User): Promise<boolean> {
    const { adoptUntil, clock, enabled } = this.#settings;
    const stamp = clock() < adoptUntil ? await this.#flow.adopt(this.userId(user)) : undefined;
    return stamp ? adoptSession(request, stamp) : !enabled;
  }

  refuseUnlessReady(): void {
    if (this.#isReady) return;
    throw new SecondFactorError(
      'not-ready',
      'The second factor is not ready: await secondFactor.ready() at start.',
    );
  }
}

const USER_ID = 'a text of 1 to 255 bytes (of a number write String(id))';

/**
 * Of a host's call. Another kind of value would name nobody, and a change would end no session.
 * @throws SecondFactorError `configuration-invalid`.
 */
export function requireUserId(userId: unknown): string {
  if (isUserId(userId)) return userId;
  throw new SecondFactorError(
    'configuration-invalid',
    `This call needs the id that options.user.id returns, ${USER_ID}.`,
  );
}
