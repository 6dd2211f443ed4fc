import type { Request } from 'express';
import type { LoginDesk } from '../login/desk.js';
import type { Gate } from '../login/gate.js';
import type { Complete } from '../login/guards.js';
import { detachSession } from '../login/session.js';
import type { ManagementFlow, ReadableCodes, Removal } from './flow.js';

/** Changes in a request: what the flow does, with the session brought in line. */
export class ManagementDesk {
  readonly #gate: Gate;
  readonly #logins: LoginDesk;
  readonly #flow: ManagementFlow;

  constructor(gate: Gate, logins: LoginDesk, flow: ManagementFlow) {
    this.#gate = gate;
    this.#logins = logins;
    this.#flow = flow;
  }

  /** @returns `undefined` where there is no second factor that they could belong to. */
  async proposeCodes({ stamp }: Complete): Promise<ReadableCodes | undefined> {
    return (await this.#gate.hasSecondFactor(stamp.userId)) ? this.#flow.proposeCodes(stamp) : undefined;
  }

  /** @returns whether there were codes to be saved. */
  async saveCodes(request: Request, complete: Complete): Promise<boolean> {
    const { stamp } = complete;
    const epoch = await this.#flow.saveCodes(stamp);
    if (epoch === undefined) {
      // A double click: the other request has saved them, and its session goes on.
      if (!(await this.#gate.isCurrent(stamp))) detachSession(request);
      return false;
    }
    if (epoch !== stamp.epoch) await this.#logins.renew(request, complete, { epoch });
    return true;
  }

  async remove(request: Request, complete: Complete, authenticatorId: string): Promise<Removal> {
    const removal = await this.#flow.remove(complete.stamp, authenticatorId);
    if (removal.kind === 'removed') await this.#logins.renew(request, complete, { epoch: removal.epoch });
    // Another request has changed the account: its session goes on, not this one's.
    if (removal.kind === 'expired') detachSession(request);
    return removal;
  }
}
