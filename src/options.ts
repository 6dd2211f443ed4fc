import { z } from 'zod';
import { type Clock, HOUR, MINUTE, SECOND, systemClock } from './clock.js';
import type { RingKey } from './crypto/key-ring.js';
import { SecondFactorError } from './errors.js';
import type { AttemptLimits, Storage } from './storage/storage.js';
import type { Window } from './totp/match-step.js';

/** What the host passes to `createSecondFactor`. */
export interface SecondFactorOptions {
  /**
   * `false` lets every login through without the second step, still stamps it, and says so at every start.
   * Default `true`.
   */
  enabled?: boolean;
  /** The name of the service, as authenticator apps show it. 1 to 64 characters, no colon. */
  issuer: string;
  /** Where browsers see the application, e.g. `https://id.example`. Forms from elsewhere are refused. */
  origin: string;
  /** Where records live: `sqlStorage.sqlite(database)`, or your own that passes the contract suite. */
  storage: Storage;
  /**
   * The key ring: the first key seals, all open. `secret`: at least 32 random bytes, as base64 text or bytes. Not the
   * session secret: whoever rotates that would lock everybody out.
   */
  keys: readonly { id: string; secret: string | Uint8Array }[];
  user: UserOptions;
  paths?: {
    /** Where `pages()` is mounted, as browsers see it. Default `/two-factor`. */
    pages?: string;
    /** The host's login page. Default `/login`. */
    login?: string;
    /** Where a completed login goes that names no other target. Default `/`. */
    home?: string;
  };
  totp?: {
    /** Time steps accepted before and after the present one, each 0 to 2. Default 1 and 1. */
    window?: { past: number; future: number };
  };
  attempts?: {
    /** Consecutive wrong codes that suspend a lane until it is bound anew. Default 50, at most 100 (NIST SP 800-63B-4 §3.2.2). */
    cap?: number;
  };
  /** For tests: milliseconds since the Unix epoch. Default the system's clock. */
  clock?: Clock;
}

/** How the package learns about the host's users. */
export interface UserOptions {
  /** A stable, unique id, never used again for somebody else. */
  id(user: Express.User): string;
  /** What the authenticator app shows below the issuer, e.g. the e-mail address. */
  label(user: Express.User): string;
  /**
   * Proves the first factor again before somebody without a second factor sets one up. Without it such a person signs
   * in anew when the login is older than 5 minutes.
   */
  checkPassword?(user: Express.User, password: string): Promise<boolean>;
}

/** The options as the rooms use them: complete and checked. */
export interface Settings {
  enabled: boolean;
  issuer: string;
  origin: string;
  storage: Storage;
  keys: readonly [RingKey, ...RingKey[]];
  user: UserOptions;
  paths: { pages: string; login: string; home: string };
  window: Window;
  limits: AttemptLimits;
  clock: Clock;
}

/** How long a pending login, an enrolment or a proposal of backup codes lives (R5, R9). */
export const PENDING_LIFETIME = 10 * MINUTE;

/**
 * How long the five answers of a step-up last that is never answered rightly. Long, or whoever has a stolen session
 * would get five more guesses with each new one.
 */
export const STEP_UP_LIFETIME = 24 * HOUR;

/** How old the proof may be with which a security change is made (R6). */
export const FRESH_FOR = 5 * MINUTE;

/** R4: 30 s · 2^n from the fifth consecutive failure on, up to an hour (NIST SP 800-63B-4 §3.2.2). */
const attemptLimits: Omit<AttemptLimits, 'cap'> = {
  perPending: 5,
  delayFrom: 5,
  delays: [...Array.from({ length: 7 }, (_, n) => 30 * SECOND * 2 ** n), HOUR],
};

const KEY_BYTES = 32;

const keySecret = z
  .union([z.string(), z.instanceof(Uint8Array)])
  .transform((secret) => (typeof secret === 'string' ? Buffer.from(secret, 'base64') : secret))
  .refine((bytes) => bytes.length >= KEY_BYTES, {
    error: `must be at least ${String(KEY_BYTES)} bytes (base64 where it is text): make one with "openssl rand -base64 32"`,
  })
  .refine((bytes) => new Set(bytes).size > 8, {
    error: 'is not random: make one with "openssl rand -base64 32"',
  });

const path = z.string().regex(/^\/(?:[\w.~-]+(?:\/[\w.~-]+)*)?$/, {
  error: 'must be an absolute path without a trailing slash, like "/two-factor"',
});

/** Not the root: redirects into the pages would begin with two slashes, another host to a browser. */
const pagesPath = path.refine((text) => text !== '/', {
  error: 'must not be "/": mount the pages below a path',
});

const steps = z
  .int()
  .min(0)
  .max(2, { error: 'must be 0, 1 or 2: a wider window lets old codes live longer' });

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

const verb = z.custom<never>(isFunction, { error: 'must be a function' });

/** Exported for the test that holds docs/options.md to it. */
export const optionsSchema = z.strictObject({
  enabled: z.boolean().default(true),
  issuer: z.string().regex(/^[^:\p{Cc}]{1,64}$/u, { error: 'must have 1 to 64 characters and no colon' }),
  origin: z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text, {
    error: 'must be an origin: scheme and host, no path and no trailing slash, like "https://id.example"',
  }),
  storage: z.custom<Storage>(
    (value) => typeof value === 'object' && value !== null && 'spendAttempt' in value,
    {
      error: 'must be a storage, like sqlStorage.sqlite(database)',
    },
  ),
  keys: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[\w-]{1,32}$/, { error: 'must have 1 to 32 letters, digits, "-" or "_"' }),
        secret: keySecret,
      }),
    )
    .min(1, { error: 'needs at least one key' })
    .refine((keys) => new Set(keys.map((key) => key.id)).size === keys.length, {
      error: 'must have different ids',
    }),
  user: z.strictObject({ id: verb, label: verb, checkPassword: verb.optional() }),
  paths: z
    .strictObject({
      pages: pagesPath.default('/two-factor'),
      login: path.default('/login'),
      home: path.default('/'),
    })
    .prefault({}),
  totp: z
    .strictObject({ window: z.strictObject({ past: steps, future: steps }).default({ past: 1, future: 1 }) })
    .prefault({}),
  attempts: z
    .strictObject({
      cap: z
        .int()
        .min(attemptLimits.delayFrom)
        .max(100, { error: 'must be at most 100 (NIST SP 800-63B-4 §3.2.2)' })
        .default(50),
    })
    .prefault({}),
  clock: z.custom<Clock>(isFunction, { error: 'must be a function' }).default(() => systemClock),
});

/**
 * Checks the options once, at start (R13).
 * @throws SecondFactorError `configuration-invalid`, with a sentence for each fault. No value is repeated in it: it
 * could be a key.
 */
export function parseOptions(options: SecondFactorOptions): Settings {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `- ${describeIssue(issue)}`);
    throw new SecondFactorError(
      'configuration-invalid',
      `passport-second-factor cannot start with these options:\n${faults.join('\n')}`,
    );
  }
  const { totp, attempts, keys, ...rest } = parsed.data;
  return {
    ...rest,
    // The host's own object: its functions may use `this`.
    user: options.user,
    keys: keys as [RingKey, ...RingKey[]],
    window: totp.window,
    limits: { ...attemptLimits, cap: attempts.cap },
  };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const name = issue.path.map((part) =>
    typeof part === 'number' ? `[${String(part)}]` : `.${String(part)}`,
  );
  const subject = name.join('').replace(/^\./, '') || 'options';
  return issue.code === 'unrecognized_keys'
    ? `${subject} has unknown names: ${issue.keys.join(', ')}`
    : `${subject}: ${issue.message}`;
}
