import { hostname } from 'node:os';
import { z } from 'zod';
import { type Clock, DAY, HOUR, MINUTE, SECOND, systemClock } from './clock.js';
import { describeFaults, SecondFactorError } from './errors.js';
import { TOKEN_FIELD } from './http/csrf.js';
import { type ChooseLanguage, createLanguageChoice } from './http/language.js';
import { samePathOnly } from './http/return-to.js';
import { type CsrfOptions, viewNames } from './http/render.js';
import { type KeySource, keySource } from './keys/source.js';
import type {
  AssuranceOptions,
  LoginOptions,
  NoticeOptions,
  PageOptions,
  PolicyOptions,
  SecondFactorOptions,
  TrustedBrowserOptions,
  UserOptions,
} from './options.js';
import { EpochCache, type RedisClient } from './storage/epoch-cache.js';
import type { AttemptLimits, Storage } from './storage/storage.js';
import { findTextFaults } from './texts/check.js';
import { Languages } from './texts/languages.js';
import type { Window } from './totp/match-step.js';

/** The options as the rooms use them: complete and checked. */
export interface Settings {
  enabled: boolean;
  issuer: string;
  origin: string;
  storage: Storage;
  keys: KeySource;
  user: UserOptions;
  login: LoginOptions;
  /** Where the host's login asks again, and the path at which a login is then the proof. */
  reauthentication: { page: string; logIn: string } | undefined;
  held: 'respond' | 'error';
  /** Until when unstamped sessions are adopted; 0 for never. */
  adoptUntil: number;
  paths: {
    pages: string;
    api: string;
    prefix: string;
    challenge: string;
    login: string;
    home: string;
    help: string | undefined;
  };
  /** `undefined` where nobody must have a second factor. */
  policy: PolicyOptions | undefined;
  /** `undefined` where no browser is trusted. */
  trustedBrowsers: { lifetime: number; rules: TrustedBrowserOptions } | undefined;
  assurance: AssuranceOptions;
  csrf: CsrfOptions | undefined;
  pages: PageOptions;
  languages: Languages;
  /** The words that the sender of a request reads. */
  wordsFor: ChooseLanguage;
  timeZone: string;
  api: NonNullable<SecondFactorOptions['api']>;
  window: Window;
  notices: NoticeOptions | undefined;
  limits: AttemptLimits;
  /** Milliseconds that events are kept. */
  retention: number;
  /** What events say about where they were written. */
  node: string;
  epochs: EpochCache | undefined;
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

/**
 * How long the token that a trusted browser had before is taken for a request that ran beside the last one. Later it is a copy.
 */
export const TOKEN_GRACE = 10 * SECOND;

/** How long a browser is known in which a second factor was completed. */
export const KNOWN_FOR = 365 * DAY;

/** R4: 30 s · 2^n from the fifth consecutive failure on, up to an hour (NIST SP 800-63B-4 §3.2.2). */
const attemptLimits: Omit<AttemptLimits, 'cap'> = {
  perPending: 5,
  delayFrom: 5,
  delays: [...Array.from({ length: 7 }, (_, n) => 30 * SECOND * 2 ** n), HOUR],
  budget: { answers: 100, within: 30 * DAY },
};

/** One code is tried against all of a user's authenticators: each more makes guessing easier (R4). */
export const MOST_AUTHENTICATORS = 5;

/** Days. */
const LONGEST_GRACE = 365;

const LONGEST_ADOPTION = 90 * DAY;

const path = z.string().regex(/^\/(?:[\w.~-]+(?:\/[\w.~-]+)*)?$/, {
  error: 'must be an absolute path without a trailing slash, like "/two-factor"',
});

/** Not the root: redirects into the pages would begin with two slashes, another host to a browser. */
const pagesPath = path.refine((text) => text !== '/', {
  error: 'must not be "/": mount it below a path',
});

const LOGIN_AGAIN =
  'must be a path of your own login, like "/login?again=1", or { page, logIn } with two of them';

const loginAgain = z
  .string()
  .refine((text) => samePathOnly(text, 'http://host') === text && !/^\/(?:[?#]|$)/.test(text), {
    error: LOGIN_AGAIN,
  });

const prefix = path.refine((text) => text !== '/', { error: 'must not be "/": leave it out' });

const steps = z
  .int()
  .min(0)
  .max(2, { error: 'must be 0, 1 or 2: a wider window lets old codes live longer' });

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isRedisClient(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['get', 'del', 'eval'].every((command) => isFunction(Reflect.get(value, command)))
  );
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag)[0] === tag;
  } catch {
    return false;
  }
}

/** Relying parties ask for several with spaces between (`acr_values`). */
const acr = z.string().regex(/^[!-~]{1,255}$/, {
  error: 'must have 1 to 255 ASCII characters and no space, like "https://id.example/acr/two-factors"',
});

const verb = z.custom<never>(isFunction, { error: 'must be a function' });

const languageTag = z
  .string()
  .refine(isLanguageTag, { error: 'must be a language tag, like "de" or "pt-BR"' });

const texts = z.record(z.string(), z.unknown()).superRefine((changes, context) => {
  for (const { path, fault } of findTextFaults(changes))
    context.addIssue({ code: 'custom', path, message: fault });
});

/** Exported for the test that holds docs/options.md to it. */
export const optionsSchema = z
  .strictObject({
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
    keys: keySource,
    user: z
      .strictObject({
        id: verb,
        label: verb,
        checkPassword: verb.optional(),
        reauthenticate: z
          .union([loginAgain, z.strictObject({ page: loginAgain, logIn: loginAgain })], {
            error: LOGIN_AGAIN,
          })
          .optional(),
        mayEnrol: verb.optional(),
      })
      .refine(
        (user: { checkPassword?: unknown; reauthenticate?: unknown }) =>
          user.checkPassword === undefined || user.reauthenticate === undefined,
        {
          path: ['reauthenticate'],
          error: 'must not stand beside user.checkPassword: take one of the two out',
        },
      ),
    login: z
      .strictObject({
        held: z.enum(['respond', 'error']).default('respond'),
        after: verb.optional(),
        abandoned: verb.optional(),
        condition: verb.optional(),
        skipSecondStep: verb.optional(),
        sessionless: z
          .union([z.enum(['refuse', 'allow']), verb], { error: 'must be "refuse", "allow" or a function' })
          .default('refuse'),
        adoptUnstamped: z.strictObject({ until: z.date() }).optional(),
        impersonation: z.strictObject({ allow: verb, record: verb }).optional(),
      })
      .prefault({}),
    paths: z
      .strictObject({
        pages: pagesPath.default('/two-factor'),
        api: pagesPath.default('/api/v1/two-factor'),
        prefix: prefix.or(z.literal('')).default(''),
        challenge: path.optional(),
        login: path.default('/login'),
        home: path.default('/'),
        help: path.optional(),
      })
      .prefault({}),
    policy: z
      .strictObject({
        required: z.union([z.literal(true), verb], {
          error: 'must be true, or a function that says of a user whether one is required',
        }),
        grace: z
          .union(
            [
              z.strictObject({ days: z.int().min(1).max(LONGEST_GRACE) }),
              z.strictObject({ until: z.date() }),
            ],
            { error: `must be { days: 1 to ${String(LONGEST_GRACE)} } or { until: a date }` },
          )
          .optional(),
      })
      .optional(),
    trustedBrowsers: z
      .strictObject({
        days: z
          .int()
          .min(1)
          .max(90, { error: 'must be 1 to 90: a forgotten browser stays trusted for as long' })
          .default(30),
        allow: verb.optional(),
      })
      .optional(),
    assurance: z
      .strictObject({
        acr: z
          .strictObject({ oneFactor: acr, twoFactors: acr })
          .refine(({ oneFactor, twoFactors }) => oneFactor !== twoFactors, {
            error: 'must name two factors otherwise than one',
          })
          .optional(),
        firstFactor: verb.optional(),
      })
      .prefault({}),
    csrf: z
      .strictObject({
        field: z
          .string()
          .regex(/^[\w.-]{1,64}$/, { error: 'must have 1 to 64 letters, digits, "_", "." or "-"' })
          .refine((name) => name !== TOKEN_FIELD, { error: 'is the name of our own token: choose another' }),
        token: verb,
      })
      .optional(),
    pages: z
      .strictObject({
        stylesheet: z
          .string()
          .refine((text) => samePathOnly(text, 'http://host') === text, {
            error: 'must be a path on this origin, like "/brand.css"',
          })
          .optional(),
        views: z.partialRecord(z.enum(viewNames), z.union([z.string().min(1), verb])).optional(),
        contentSecurityPolicy: z
          .record(
            z.string().regex(/^[a-z]+(?:-[a-z]+)*$/),
            z.array(
              z.string().regex(/^[^\s;,]+$/, { error: 'must be one source, without spaces, ";" and ","' }),
            ),
          )
          .optional(),
      })
      .prefault({}),
    languages: z
      .strictObject({
        choose: verb.optional(),
        texts: z.record(languageTag, texts).optional(),
        timeZone: z
          .string()
          .refine(isTimeZone, { error: 'must be the IANA name of a time zone, like "Europe/Berlin"' })
          .default('UTC'),
      })
      .prefault({}),
    api: z.strictObject({ authorize: verb.optional() }).prefault({}),
    totp: z
      .strictObject({
        window: z.strictObject({ past: steps, future: steps }).default({ past: 1, future: 1 }),
      })
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
    audit: z
      .strictObject({
        retention: z
          .int()
          .min(attemptLimits.budget.within / DAY, {
            error: 'must be at least 30 days: wrong codes are counted over so many',
          })
          .max(3_650)
          .default(400),
        node: z.string().min(1).max(255).default(hostname),
      })
      .prefault({}),
    notices: z.strictObject({ send: verb, language: verb.optional() }).optional(),
    epochs: z
      .strictObject({
        redis: z.custom<RedisClient>(isRedisClient, {
          error: 'must be a client of "ioredis" or "redis", such as new Redis(url)',
        }),
        prefix: z
          .string()
          .regex(/^\P{Cc}{1,64}$/u, { error: 'must have 1 to 64 characters, like "my-service:epoch:"' })
          .optional(),
      })
      .optional(),
    clock: z.custom<Clock>(isFunction, { error: 'must be a function' }).default(() => systemClock),
  })
  .refine(({ login, clock }) => (login.adoptUnstamped?.until.getTime() ?? 0) <= clock() + LONGEST_ADOPTION, {
    path: ['login', 'adoptUnstamped', 'until'],
    error: 'must be at most 90 days from now: it is for the first roll-out',
  });

/**
 * Checks the options once, at start (R13).
 * @throws SecondFactorError `configuration-invalid`, with a sentence for each fault. No value is repeated in it: it
 * could be a key.
 */
export function parseOptions(options: SecondFactorOptions): Settings {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    throw new SecondFactorError(
      'configuration-invalid',
      `passport-second-factor cannot start with these options:\n${describeFaults(parsed.error.issues)}`,
    );
  }
  const { totp, attempts, audit, csrf, login, paths, policy, trustedBrowsers, epochs, languages, ...rest } =
    parsed.data;
  const known = new Languages(options.languages?.texts);
  const { reauthenticate } = rest.user;
  return {
    ...rest,
    // The host's own objects: their functions may use `this`.
    user: options.user,
    reauthentication:
      typeof reauthenticate === 'string' ? { page: reauthenticate, logIn: reauthenticate } : reauthenticate,
    login: options.login ?? {},
    trustedBrowsers: trustedBrowsers && {
      lifetime: trustedBrowsers.days * DAY,
      rules: options.trustedBrowsers ?? {},
    },
    assurance: options.assurance ?? {},
    csrf: csrf && options.csrf,
    pages: options.pages ?? {},
    languages: known,
    wordsFor: createLanguageChoice(known, options.languages),
    timeZone: languages.timeZone,
    api: options.api ?? {},
    notices: options.notices,
    policy: policy && options.policy,
    paths: { ...paths, help: paths.help, challenge: paths.challenge ?? `${paths.pages}/challenge` },
    held: login.held,
    adoptUntil: login.adoptUnstamped?.until.getTime() ?? 0,
    window: totp.window,
    limits: { ...attemptLimits, cap: attempts.cap },
    retention: audit.retention * DAY,
    node: audit.node,
    epochs: epochs && new EpochCache(epochs.redis, epochs.prefix ?? `second-factor:${rest.issuer}:`),
  };
}
