import { DAY, HOUR, MINUTE, SECOND } from './clock.js';
import type { AttemptLimits } from './storage/storage.js';

/** How long a pending login, an enrolment or a proposal of backup codes lives (R5, R9). */
export const PENDING_LIFETIME = 10 * MINUTE;

/**
 * How long the five answers of a step-up last that is never answered rightly. Long, or whoever has a stolen session
 * would get five more guesses with each new one.
 */
export const STEP_UP_LIFETIME = 24 * HOUR;

/** How long a support code can be used, unless told; at the shortest, and at the longest. */
export const SUPPORT_CODE_LIFETIMES = { usual: 15 * MINUTE, shortest: MINUTE, longest: DAY };

/** How old the proof may be with which a security change is made (R6). */
export const FRESH_FOR = 5 * MINUTE;

/**
 * How long the token that a trusted browser had before is taken for a request that ran beside the last one. Later it is a copy.
 */
export const TOKEN_GRACE = 10 * SECOND;

/** How long a browser is known in which a second factor was completed. */
export const KNOWN_FOR = 365 * DAY;

/** R4: 30 s · 2^n from the fifth consecutive failure on, up to an hour (NIST SP 800-63B-4 §3.2.2). */
export const attemptLimits: Omit<AttemptLimits, 'cap'> = {
  perPending: 5,
  delayFrom: 5,
  delays: [...Array.from({ length: 7 }, (_, n) => 30 * SECOND * 2 ** n), HOUR],
  budget: { answers: 100, within: 30 * DAY },
};

/** One code is tried against all of a user's authenticators: each more makes guessing easier (R4). */
export const MOST_AUTHENTICATORS = 5;
