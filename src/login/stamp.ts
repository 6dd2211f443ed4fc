import type { Method } from '../model.js';
import type { FirstFactor } from '../options.js';

/**
 * What a session has proven. A session is authenticated only with a stamp whose user and epoch are right at this
 * moment (R1); never because of a flag.
 */
export interface Stamp {
  userId: string;
  /** The user's epoch when it was written; every security change raises the user's and so kills this stamp. */
  epoch: number;
  /** When each method was last proven, in milliseconds. */
  proofs: Partial<Record<Method, number>>;
  /** What was given where `proofs` says `pwd`, the last time; `undefined` where nobody knows. */
  firstFactor?: FirstFactor | undefined;
  /** When the login was completed, in milliseconds. */
  completedAt: number;
  /** Names this session's step-up, enrolment and proposal; it stays while the session id changes. */
  handle: string;
  /**
   * Until when it counts, where a second factor is required and the login went on without: no session outlives the grace. `undefined`
   * where it has no such end.
   */
  enrolBy?: number | undefined;
  /** Who it really is, where somebody acts as this user; the stamp dies with the epoch of either. */
  impersonator?: { userId: string; epoch: number } | undefined;
}

export type Freshness = 'fresh' | 'expired' | 'missing';

/**
 * Whether this session has proven one of the methods recently enough for a security change (R6). A proof of the future is of a clock that
 * was put back since, or of another node's that is ahead: it counts as one of the past.
 */
export function freshness(stamp: Stamp, methods: readonly Method[], now: number, within: number): Freshness {
  const proofs = methods.flatMap((method) => stamp.proofs[method] ?? []);
  if (proofs.length === 0) return 'missing';
  return proofs.some((at) => Math.abs(now - at) < within) ? 'fresh' : 'expired';
}
