import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import { readSource } from '../http/source.js';
import type { LoginDesk } from '../login/desk.js';
import type { Gate } from '../login/gate.js';
import type { Complete } from '../login/guards.js';
import { detachSession } from '../login/session.js';
import type { Settings } from '../settings.js';
import { drawQr } from '../totp/qr.js';
import type { Confirmation, ConfirmOptions, Enrolment, EnrolmentFlow } from './flow.js';

/** An enrolment as it is shown. */
export interface Offer extends Enrolment {
  /** An SVG element. */
  qr: string;
  /** What the authenticator app will show below the issuer. */
  label: string;
}

/** What a first code has led to; `completed`: another request of this session has confirmed the enrolment. */
export type Confirmed = Confirmation | { kind: 'completed' };

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
  async offer({ user, stamp }: Complete, replaces: string | null): Promise<Offer> {
    await this.#refuseUnlessAllowed(user);
    const label = this.#gate.label(user);
    const enrolment = await this.#flow.begin(stamp, label, replaces);
    return { ...enrolment, label, qr: await drawQr(enrolment.uri) };
  }

  /** @throws SecondFactorError `enrolment-refused`. */
  async confirm(
    request: Request,
    complete: Complete,
    code: string,
    options: ConfirmOptions,
  ): Promise<Confirmed> {
    await this.#refuseUnlessAllowed(complete.user);
    const { stamp } = complete;
    const confirmation = await this.#flow.confirm(stamp, code, options, readSource(request));
    if (confirmation.kind === 'enabled' || confirmation.kind === 'added') {
      await this.#logins.renew(request, complete, { epoch: confirmation.epoch, isEnrolment: true });
    } else if (confirmation.kind === 'expired' && !(await this.#gate.isCurrent(stamp))) {
      // A double click: the other request has turned it on, and its session is the one that goes on.
      detachSession(request);
      return { kind: 'completed' };
    }
    return confirmation;
  }

  /** Only `true` is a yes; a sentence of the host's says why not. */
  async #refuseUnlessAllowed(user: Express.User): Promise<void> {
    const verdict = this.#settings.user.mayEnrol ? await this.#settings.user.mayEnrol(user) : true;
    if (verdict === true) return;
    const reason = typeof verdict === 'string' ? { reason: verdict } : {};
    const message = reason.reason ?? 'Two-step sign-in cannot be set up for this account.';
    throw new SecondFactorError('enrolment-refused', message, reason);
  }
}
