import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import { readSource } from '../http/source.js';
import type { LoginDesk } from '../login/desk.js';
import type { Gate } from '../login/gate.js';
import type { Complete, Enrolling } from '../login/guards.js';
import { detachSession, forgetLogin } from '../login/session.js';
import type { Settings } from '../settings.js';
import { drawQr } from '../totp/qr.js';
import type { Confirmation, ConfirmOptions, Enroller, Enrolment, EnrolmentFlow } from './flow.js';

/** An enrolment as it is shown. */
export interface Offer extends Enrolment {
  /** An SVG element. */
  qr: string;
  /** What the authenticator app will show below the issuer. */
  label: string;
}

/** What a first code has led to; `completed`: another request of this session has confirmed the enrolment, or has ended the login. */
export type Confirmed = Confirmation | { kind: 'completed' };

/** Who sets a second factor up: somebody who is logged in, or whose login waits for it. */
export type Person = Complete | Enrolling;

/** Enrolment in a request: asks the host whether the user may, and brings the session in line with the outcome. */
export class EnrolmentDesk {
  readonly #gate: Gate;
  readonly #logins: LoginDesk;
  readonly #flow: EnrolmentFlow;
  readonly #settings: Settings;

  constructor(gate: Gate, logins: LoginDesk, flow: EnrolmentFlow, settings: Settings) {
    this.#gate = gate;
    this.#logins = logins;
    this.#flow = flow;
    this.#settings = settings;
  }

  /** @throws SecondFactorError `enrolment-refused`. */
  async offer(request: Request, person: Person, replaces: string | null): Promise<Offer> {
    const user = await this.#admit(request, person);
    const label = this.#gate.label(user);
    const enrolment = await this.#flow.begin(enrollerOf(person), label, replaces);
    const expiresAt =
      person.kind === 'enrolling'
        ? Math.min(enrolment.expiresAt, person.pending.expiresAt)
        : enrolment.expiresAt;
    return { ...enrolment, expiresAt, label, qr: drawQr(enrolment.uri) };
  }

  /** @throws SecondFactorError `enrolment-refused`. */
  async confirm(request: Request, person: Person, code: string, options: ConfirmOptions): Promise<Confirmed> {
    const user = await this.#admit(request, person);
    const { unnamed } = this.#settings.wordsFor(request).pages['enrolment/setup'];
    const named = { ...options, unnamed };
    const confirmation = await this.#flow.confirm(enrollerOf(person), code, named, readSource(request));
    if (confirmation.kind === 'enabled' || confirmation.kind === 'added') {
      await this.#goOn(request, person, user, confirmation.epoch);
    } else if (confirmation.kind === 'expired' && !(await this.#stillStands(person))) {
      // A double click: the other request has turned it on, and its session is the one that goes on.
      detachSession(request);
      return { kind: 'completed' };
    }
    return confirmation;
  }

  /** Completes the login that waited for it, or renews the complete one. */
  async #goOn(request: Request, person: Person, user: Express.User, epoch: number): Promise<void> {
    if (person.kind === 'complete') {
      await this.#logins.renew(request, person, { epoch, isEnrolment: true });
      return;
    }
    this.#logins.completions.allowCompletion(request, person.pending, { epoch, isEnrolment: true });
    await this.#logins.logIn(request, user, {});
  }

  #stillStands(person: Person): Promise<boolean> {
    return person.kind === 'complete'
      ? this.#gate.isCurrent(person.stamp)
      : this.#gate.isLive(person.pending);
  }

  /** @returns the user, if allowed to set one up. */
  async #admit(request: Request, person: Person): Promise<Express.User> {
    const user =
      person.kind === 'complete' ? person.user : await this.#gate.findPendingUser(request, person.pending);
    if (!user) {
      forgetLogin(request);
      throw new SecondFactorError('login-required', 'There is no such user any more. Sign in again.');
    }
    await this.#refuseUnlessAllowed(user);
    return user;
  }

  /** Only `true` is a yes; a sentence of the host's says why not. */
  async #refuseUnlessAllowed(user: Express.User): Promise<void> {
    const verdict = this.#settings.user.mayEnrol ? await this.#settings.user.mayEnrol(user) : true;
    if (verdict === true) return;
    const reason = typeof verdict === 'string' ? verdict : undefined;
    const message = reason ?? 'Two-step sign-in cannot be set up for this account.';
    throw new SecondFactorError('enrolment-refused', message, { reason });
  }
}

/** Not the stamp as it is: it may say that its session is in grace. */
function enrollerOf(person: Person): Enroller {
  const isLogin = person.kind === 'enrolling';
  const { userId, epoch, handle } = isLogin ? person.pending : person.stamp;
  return { userId, epoch, handle, isLogin };
}

/** Whose second factor it will be. */
export function userIdOf(person: Person): string {
  return enrollerOf(person).userId;
}
