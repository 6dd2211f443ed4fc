import { hostname } from 'node:os';
import { z } from 'zod';
import { type Clock, DAY, systemClock } from './clock.js';
import { TOKEN_FIELD } from './http/csrf.js';
import { samePathOnly } from './http/return-to.js';
import { viewNames } from './http/render.js';
import { keySource } from './keys/source.js';
import { attemptLimits } from './limits.js';
import type { TelemetryApi } from './options.js';
import type { RedisClient } from './storage/epoch-cache.js';
import type { Storage } from './storage/storage.js';
import { findTextFaults } from './texts/check.js';

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

function isTelemetryApi(value: unknown): boolean {
  const { metrics, trace } = (value ?? {}) as {
    metrics?: { getMeter?: unknown };
    trace?: { getTracer?: unknown };
  };
  return typeof metrics?.getMeter === 'function' && typeof trace?.getTracer === 'function';
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

/** What `createSecondFactor` takes: each option with its default, or the sentence that says what to do. */
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
    legacy: z.strictObject({ findFactor: verb, allowShortSecrets: z.boolean().optional() }).optional(),
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
    telemetry: z
      .custom<TelemetryApi>(isTelemetryApi, {
        error: 'must be the module "@opentelemetry/api": import * as telemetry from \'@opentelemetry/api\'',
      })
      .optional(),
    clock: z.custom<Clock>(isFunction, { error: 'must be a function' }).default(() => systemClock),
  })
  .refine(({ login, clock }) => (login.adoptUnstamped?.until.getTime() ?? 0) <= clock() + LONGEST_ADOPTION, {
    path: ['login', 'adoptUnstamped', 'until'],
    error: 'must be at most 90 days from now: it is for the first roll-out',
  })
  .refine(({ login, legacy }) => login.adoptUnstamped === undefined || legacy === undefined, {
    path: ['login', 'adoptUnstamped'],
    error:
      'must not stand beside "legacy": sessions of users who have a second factor there would go on without it. Take it out, or import everybody first',
  });
