import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import {
  areKeys,
  isDatabase,
  isOrigin,
  isWebAddress,
  toDatabase,
  toKeys,
  toNames,
  toOrigin,
} from './config-values.js';
import { type ProviderConfig, readProvider } from './provider-config.js';
import { isRedisAddress } from './redis-client.js';
import { SetupError } from './setup-error.js';

export interface SealingKey {
  id: string;
  /** Base64 of 32 random bytes. */
  secret: string;
}

export type DatabaseAddress =
  { kind: 'sqlite'; file: string } | { kind: 'postgres'; url: string } | { kind: 'mysql'; url: string };

export interface Config {
  production: boolean;
  /** 0 lets the system choose. */
  port: number;
  /** Origin that browsers see; `undefined` means `http://localhost:` and the port. */
  baseUrl: string | undefined;
  database: DatabaseAddress;
  /** For development keys, and sessions without Redis; servers that share it share the keys. */
  dataFolder: string;
  redisUrl: string | undefined;
  sessionSecret: string | undefined;
  /** Where mail goes out; without it, to the outbox in development and nowhere in production. */
  smtpUrl: string | undefined;
  twoFactor: {
    enabled: boolean;
    issuer: string;
    keys: SealingKey[] | undefined;
    language: 'en' | 'id';
    /** Who must have one; `undefined` for nobody. */
    required: 'all' | 'administrators' | undefined;
    /** How long they have for it; 0 for not at all. */
    graceDays: number;
  };
  logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** For Prometheus, on the loopback; `undefined` for nowhere. */
  metricsPort: number | undefined;
  /** Milliseconds between the wish to end and the end of listening. */
  drainTime: number;
  /** User names in lower case; these people see the status report. */
  administrators: string[];
  provider: ProviderConfig | undefined;
}

const portRule = 'PORT must be a whole number from 0 to 65535; 0 picks a free port.';
const baseUrlRule =
  'BASE_URL must be the address that browsers use, without a path, such as https://id.example.com.';
const databaseRule =
  'DATABASE_URL must be file:PATH (SQLite), postgres://… or mysql://…, such as file:./data/identity-server.db.';
const redisRule =
  'REDIS_URL must begin with redis://, rediss:// or unix://, or be redis-sentinel://host:port,host:port/name or ' +
  'redis-cluster://host:port,host:port. Leave it out to start without one.';
const smtpRule =
  'SMTP_URL must begin with smtp:// or smtps://, such as smtps://user:password@mail.example.com.';
const keysRule =
  'TWO_FACTOR_KEYS must be id:base64 pairs with commas between, each of 32 random bytes and each id once. ' +
  'Make one with: echo "$(date +%Y-%m):$(openssl rand -base64 32)"';
const graceRule = 'TWO_FACTOR_GRACE_DAYS must be a whole number from 0 to 365.';
const providerRule =
  'OAUTH2_AUTHORIZATION_URL, OAUTH2_TOKEN_URL and OAUTH2_USERINFO_URL must be web addresses.';

const drainRule = 'DRAIN_SECONDS must be a whole number from 0 to 99.';

const portNumber = (rule: string) =>
  z
    .string()
    .regex(/^\d{1,5}$/, rule)
    .transform(Number)
    .pipe(z.number().max(65_535, rule));

const webAddress = z.string().refine(isWebAddress, providerRule).optional();

const environment = z.object({
  NODE_ENV: z.string().optional(),
  PORT: portNumber(portRule).default(3000),
  BASE_URL: z.string().refine(isOrigin, baseUrlRule).transform(toOrigin).optional(),
  DATABASE_URL: z
    .string()
    .default('file:./data/identity-server.db')
    .refine(isDatabase, databaseRule)
    .transform(toDatabase),
  REDIS_URL: z.string().refine(isRedisAddress, redisRule).optional(),
  SESSION_SECRET: z.string().optional(),
  SMTP_URL: z
    .string()
    .regex(/^smtps?:\/\/./, smtpRule)
    .optional(),
  TWO_FACTOR_LANGUAGE: z.enum(['en', 'id'], 'TWO_FACTOR_LANGUAGE must be en or id.').default('en'),
  TWO_FACTOR_ENABLED: z
    .enum(['true', 'false'], 'TWO_FACTOR_ENABLED must be true or false.')
    .default('true')
    .transform((value) => value === 'true'),
  TWO_FACTOR_ISSUER: z
    .string()
    .regex(/^[^:\p{Cc}]{1,64}$/u, 'TWO_FACTOR_ISSUER must be a name of up to 64 characters without a colon.')
    .default('Identity server example'),
  TWO_FACTOR_KEYS: z.string().transform(toKeys).refine(areKeys, keysRule).optional(),
  TWO_FACTOR_REQUIRED: z
    .enum(['all', 'administrators'], 'TWO_FACTOR_REQUIRED must be all or administrators.')
    .optional(),
  TWO_FACTOR_GRACE_DAYS: z
    .string()
    .regex(/^\d{1,3}$/, graceRule)
    .transform(Number)
    .pipe(z.number().max(365, graceRule))
    .default(0),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'], 'LOG_LEVEL must be debug, info, warn or error.')
    .default('info'),
  METRICS_PORT: portNumber('METRICS_PORT must be a whole number from 0 to 65535.').optional(),
  DRAIN_SECONDS: z
    .string()
    .regex(/^\d{1,2}$/, drainRule)
    .transform((value) => Number(value) * 1000)
    .default(0),
  ADMINISTRATORS: z.string().default('').transform(toNames),
  OAUTH2_AUTHORIZATION_URL: webAddress,
  OAUTH2_TOKEN_URL: webAddress,
  OAUTH2_USERINFO_URL: webAddress,
  OAUTH2_CLIENT_ID: z.string().optional(),
  OAUTH2_CLIENT_SECRET: z.string().optional(),
});

/**
 * Reads the environment once. An empty variable counts as one that is not there.
 * @throws SetupError with one sentence for each value that is wrong.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>> = loadEnvironment()): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environment.safeParse(given);
  if (!parsed.success) throw new SetupError(parsed.error.issues.map((issue) => issue.message).join('\n'));
  const values = parsed.data;
  const production = values.NODE_ENV === 'production';
  if (production && values.SESSION_SECRET !== undefined && values.SESSION_SECRET.length < 32) {
    throw new SetupError(
      'SESSION_SECRET is too short: use 32 or more random characters (openssl rand -base64 32).',
    );
  }
  const database = values.DATABASE_URL;
  return {
    production,
    port: values.PORT,
    baseUrl: values.BASE_URL,
    database,
    dataFolder: database.kind === 'sqlite' ? dirname(database.file) : resolve('data'),
    redisUrl: values.REDIS_URL,
    sessionSecret: values.SESSION_SECRET,
    smtpUrl: values.SMTP_URL,
    twoFactor: {
      enabled: values.TWO_FACTOR_ENABLED,
      issuer: values.TWO_FACTOR_ISSUER,
      keys: values.TWO_FACTOR_KEYS,
      language: values.TWO_FACTOR_LANGUAGE,
      required: values.TWO_FACTOR_REQUIRED,
      graceDays: values.TWO_FACTOR_GRACE_DAYS,
    },
    logLevel: values.LOG_LEVEL,
    metricsPort: values.METRICS_PORT,
    drainTime: values.DRAIN_SECONDS,
    administrators: values.ADMINISTRATORS,
    provider: readProvider(values),
  };
}

/** The process environment, completed (never overruled) by a `.env` file in the working folder. */
function loadEnvironment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}
