import type { Request } from 'express';
import { readSource } from '../http/source.js';
import type { LoginDesk } from '../login/desk.js';
import type { Foreign } from '../login/access.js';
import type { Gate } from '../login/gate.js';
import type { Complete } from '../login/guards.js';
import { refuseImpersonation } from '../login/host-rules.js';
import type { RevocationDesk } from '../login/revocation.js';
import { detachSession } from '../login/session.js';
import type { ListedBrowser, TrustedBrowserDesk } from '../trusted-browser/desk.js';
import type { ManagementFlow, ReadableCodes, Removal } from './flow.js';

/** Changes in a request: what the flow does, with the session brought in line. */
export class ManagementDesk {
  readonly #gate: Gate;
  readonly #logins: LoginDesk;
  readonly #revocations: RevocationDesk;
  readonly #flow: ManagementFlow;
  readonly #browsers: TrustedBrowserDesk;

  constructor(
    gate: Gate,
    logins: LoginDesk,
    revocations: RevocationDesk,
    flow: ManagementFlow,
    browsers: TrustedBrowserDesk,
  ) {
    this.#gate = gate;
    this.#logins = logins;
    this.#revocations = revocations;
    this.#flow = flow;
    this.#browsers = browsers;
  }

  /** @returns `undefined` where there is no second factor that they could belong to. */
  async proposeCodes({ stamp }: Complete): Promise<ReadableCodes | undefined> {
    return (await this.#gate.hasSecondFactor(stamp.userId)) ? this.#flow.proposeCodes(stamp) : undefined;
  }

  /** @returns whether there were codes to be saved. */
  async saveCodes(request: Request, complete: Complete): Promise<boolean> {
    const { stamp } = complete;
    const epoch = await this.#flow.saveCodes(stamp, readSource(request));
    if (epoch === undefined) {
      // A double click: the other request has saved them, and its session goes on.
      if (!(await this.#gate.isCurrent(stamp))) detachSession(request);
      return false;
    }
    if (epoch !== stamp.epoch) await this.#logins.renew(request, complete, { epoch });
    return true;
  }

  /** Ends all other sessions and pending logins of the user; this one goes on. */
  async signOutElsewhere(request: Request, complete: Complete): Promise<void> {
    // In the name of somebody else nobody is signed out.
    if (complete.stamp.impersonator) throw refuseImpersonation();
    await this.#revocations.signOutElsewhere(request, complete);
  }

  /** @returns whether the user has such an authenticator. */
  async rename(
    request: Request,
    { stamp }: Complete,
    authenticatorId: string,
    name: string,
  ): Promise<boolean> {
    // Names are what the owner goes by when one is to be removed.
    if (stamp.impersonator) throw refuseImpersonation();
    await this.#revocations.refuseIfEnded(request, stamp);
    return this.#flow.rename(stamp.userId, authenticatorId, name, readSource(request));
  }

  listBrowsers(request: Request, { stamp }: Complete): Promise<ListedBrowser[]> {
    return this.#browsers.list(request, stamp);
  }

  /** Ends the trust of one browser, or of all (`null`); sessions go on. @returns how many were trusted. */
  async revokeBrowsers(request: Request, { stamp }: Complete, id: string | null): Promise<number> {
    await this.#revocations.refuseIfEnded(request, stamp);
    return (await this.#browsers.revoke(request, stamp, id)).length;
  }

  /** Turns another user's second factor off. @returns whether there was one. */
  async reset(request: Request, { userId, stamp }: Foreign): Promise<boolean> {
    await this.#revocations.refuseIfEnded(request, stamp);
    const details = { actor: stamp.userId, reason: null };
    return this.#flow.reset(userId, details, readSource(request));
  }

  async remove(request: Request, complete: Complete, authenticatorId: string): Promise<Removal> {
    const removal = await this.#flow.remove(complete.stamp, authenticatorId, readSource(request));
    if (removal.kind === 'removed') await this.#logins.renew(request, complete, { epoch: removal.epoch });
    // Another request has changed the account: its session goes on, not this one's.
    if (removal.kind === 'expired') detachSession(request);
    return removal;
  }
}
