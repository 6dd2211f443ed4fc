import type { Request } from 'express';
import type { Clock } from '../clock.js';
import type { Method } from '../model.js';
import { makeStamp } from './flow.js';
import { type PendingLogin, readSerialisedUser } from './session.js';
import type { Stamp } from './stamp.js';

/** What a right answer allows the next `logIn` of the same request to do. */
export interface Completion {
  userId: string;
  stamp: Stamp;
  serialised: unknown;
  keepHostData: boolean;
  /** Whether a complete session goes on, which another request (a logout) may have ended meanwhile. */
  isRenewal: boolean;
  /** Whether a second factor was completed just now: this browser is known then. */
  isFactorProven: boolean;
}

/** What has changed in a session: a method was proven, the epoch was raised, or both. */
export interface Change {
  method?: Method;
  epoch?: number;
  /** The first code of an authenticator was right. It is no proof for other changes (R3). */
  isEnrolment?: boolean;
}

/** Keyed by request, so that no option of `req.logIn` and no body field can bring a proof of its own. */
export class Completions {
  readonly #clock: Clock;
  readonly #allowed = new WeakMap<Request, Completion>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * After a right answer, a set-up, or "Not now": the next `logIn` of this request, for this user, completes the pending login. A
   * set-up proves the authenticator, not the person (R3).
   */
  allowCompletion(
    request: Request,
    pending: PendingLogin,
    { method, epoch = pending.epoch, isEnrolment = false }: Change,
  ): void {
    const now = this.#clock();
    const proofs = { pwd: pending.firstFactorAt, ...(method && { [method]: now }) };
    const stamp = makeStamp(pending.userId, epoch, proofs, now, pending.firstFactor);
    const enrolBy = isEnrolment ? undefined : pending.enrolBy;
    this.#allowed.set(request, {
      userId: pending.userId,
      // The handle goes on: under it the backup codes wait that were made by an enrolment.
      stamp: { ...stamp, handle: pending.handle, enrolBy },
      serialised: pending.user,
      keepHostData: pending.keepSessionInfo,
      isRenewal: false,
      isFactorProven: isEnrolment || method !== undefined,
    });
  }

  /** After a fresh proof or a change in a complete session: the next `logIn` of this request renews it. */
  allowRenewal(
    request: Request,
    stamp: Stamp,
    { method, epoch = stamp.epoch, isEnrolment = false }: Change,
  ): void {
    const proofs = method ? { ...stamp.proofs, [method]: this.#clock() } : stamp.proofs;
    this.#allowed.set(request, {
      userId: stamp.userId,
      stamp: {
        ...stamp,
        ...{ proofs, epoch },
        ...(method === 'pwd' && { firstFactor: method }),
        ...(isEnrolment && { enrolBy: undefined }),
      },
      serialised: readSerialisedUser(request),
      keepHostData: true,
      isRenewal: true,
      isFactorProven: isEnrolment || (method !== undefined && method !== 'pwd'),
    });
  }

  /** @returns what this login is allowed to do; nothing a second time, and nothing for another user. */
  take(request: Request, userId: string): Completion | undefined {
    const completion = this.#allowed.get(request);
    this.#allowed.delete(request);
    return completion?.userId === userId ? completion : undefined;
  }
}
