import type { Request } from 'express';
import { browserPath } from '../http/path.js';
import type { Settings } from '../settings.js';
import { checkCondition, nameFirstFactor } from './host-rules.js';
import { readInterrupted, setReturnTo } from './session.js';
import type { Stamp } from './stamp.js';

/**
 * A complete login that is made again where the host asks for the first factor again (`user.reauthenticate`): it proves it. Elsewhere
 * a `logIn` of who is logged in asks for nothing (profile edit), and whoever has stolen a session could make one.
 */
export class Reauthentication {
  readonly #settings: Settings;
  readonly #waysBack = new WeakMap<Request, string>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** @returns the stamp with which the login goes on. */
  async prove(request: Request, user: Express.User, stamp: Stamp): Promise<Stamp> {
    if (stamp.impersonator || !this.#isHere(request)) return stamp;
    await checkCondition(this.#settings, request, user);
    const firstFactor = await nameFirstFactor(this.#settings, request, user);
    const now = this.#settings.clock();
    const interrupted = readInterrupted(request);
    if (interrupted && interrupted.expiresAt > now) this.#waysBack.set(request, interrupted.returnTo);
    return { ...stamp, proofs: { ...stamp.proofs, pwd: now }, firstFactor };
  }

  /** Where this request goes on to: what waited for the proof that it has given. */
  wayBack(request: Request): string | undefined {
    return this.#waysBack.get(request);
  }

  /** For a host that answers its logins itself. */
  setReturnTo(request: Request): void {
    const target = this.wayBack(request);
    if (target !== undefined) setReturnTo(request, target);
  }

  /** At that path alone: below it a host's `/:tenant/profile` may be. */
  #isHere(request: Request): boolean {
    const { reauthentication, paths } = this.#settings;
    const plain = (path = ''): string => path.replace(/\/$/, '').toLowerCase();
    const here = plain(browserPath(request, paths.prefix));
    return reauthentication !== undefined && here === plain(reauthentication.logIn.split(/[?#]/, 1)[0]);
  }
}
