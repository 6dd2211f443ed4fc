import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import { noSource, readSource } from '../http/source.js';
import type { LoginDesk } from './desk.js';
import type { LoginFlow, RevocationReason } from './flow.js';
import type { Gate } from './gate.js';
import type { Complete } from './guards.js';
import { detachSession, isSessionStored } from './session.js';
import type { Stamp } from './stamp.js';

/** Ends a user's sessions, and looks whether one was ended while its request was under way. */
export class RevocationDesk {
  readonly #gate: Gate;
  readonly #flow: LoginFlow;
  readonly #logins: LoginDesk;

  constructor(gate: Gate, flow: LoginFlow, logins: LoginDesk) {
    this.#gate = gate;
    this.#flow = flow;
    this.#logins = logins;
  }

  /** Ends every session and pending login of a user, but that of this request, if it is the user's own. */
  async revoke(userId: string, reason: Exclude<RevocationReason, 'owner'>, keep?: Request): Promise<void> {
    const epoch = await this.#flow.revoke(userId, null, reason, keep ? readSource(keep) : noSource);
    const state = keep && this.#gate.state(keep);
    if (!keep || state?.kind !== 'complete' || state.stamp.userId !== userId || state.stamp.impersonator)
      return;
    // This session was ended itself while its request was under way: it is not brought back.
    if (epoch === state.stamp.epoch + 1) await this.#logins.renew(keep, state, { epoch });
  }

  /**
   * Ends every session and pending login of the user but this one, by the user's own wish. Of two sessions that do so at once, one goes on.
   * @throws SecondFactorError `login-required` where this session was ended meanwhile.
   */
  async signOutElsewhere(request: Request, complete: Complete): Promise<void> {
    const { userId, epoch } = complete.stamp;
    await this.refuseIfEnded(request, complete.stamp);
    const raised = await this.#flow.revoke(userId, epoch, 'owner', readSource(request));
    if (raised === undefined) throw endedMeanwhile(request);
    await this.#logins.renew(request, complete, { epoch: raised });
  }

  /**
   * Asked right before a change that no epoch guards: a request may be held open for minutes.
   * @throws SecondFactorError `login-required` where its session was ended meanwhile.
   */
  async refuseIfEnded(request: Request, stamp: Stamp): Promise<void> {
    if ((await this.#flow.isCurrent(stamp)) && (await isSessionStored(request))) return;
    throw endedMeanwhile(request);
  }
}

/** What this request would save must not take the other session away. */
function endedMeanwhile(request: Request): SecondFactorError {
  detachSession(request);
  return new SecondFactorError('login-required', 'This session has ended meanwhile. Sign in again.');
}
