import { betterAuth, type BetterAuthOptions } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node';
import { twoFactor } from 'better-auth/plugins/two-factor';
import { Redis } from 'ioredis';
import { Kysely, SqliteDialect } from 'kysely';
import type { Application, Place } from '../contender.js';
import { openDriver } from '../sql.js';

const PASSWORD = 'any password';

/**
 * better-auth with its plugin for a second factor, on node:http. As installed, or with `cheap password` in place of its scrypt, `Redis` as the store of its
 * sessions, `cookie cache` for reading them.
 */
export async function build(place: Place, count: () => void): Promise<Application> {
  const has = (option: string): boolean => place.options.includes(option);
  const driver = await openDriver(place, count);
  const options = {
    appName: 'Bench',
    baseURL: 'http://localhost',
    secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7)).toString('base64'),
    telemetry: { enabled: false },
    database:
      'postgres' in driver
        ? driver.postgres
        : {
            // libsql has the methods that are used of better-sqlite3.
            db: new Kysely({
              dialect: new SqliteDialect({ database: driver.sqlite }),
            }),
            type: 'sqlite' as const,
          },
    emailAndPassword: {
      enabled: true,
      ...(has('cheap password') && {
        password: {
          hash: (password: string) => Promise.resolve(password),
          verify: ({ hash, password }: { hash: string; password: string }) =>
            Promise.resolve(hash === password),
        },
      }),
    },
    ...(has('Redis') && { secondaryStorage: storeIn(new Redis(place.redis)) }),
    // Its five minutes are over before a long run is, and the load keeps the cookies that it was given.
    ...(has('cookie cache') && { session: { cookieCache: { enabled: true, maxAge: 24 * 60 * 60 } } }),
    plugins: [twoFactor({ skipVerificationOnEnable: true })],
  } satisfies BetterAuthOptions;
  const auth = betterAuth(options);
  if (place.isNew) await (await getMigrations(options)).runMigrations();
  const handle = toNodeHandler(auth);
  return {
    listener(request, response) {
      if (request.url === '/healthz') response.end('ok');
      else if (request.url !== '/account') void handle(request, response);
      else
        void auth.api.getSession({ headers: fromNodeHeaders(request.headers) }).then((session) => {
          if (session) response.end(`Account of ${session.user.name}`);
          else response.writeHead(302, { Location: '/login' }).end();
        });
    },
    face: 'better-auth',
    async enrol(name) {
      const body = { name, email: `${name}@bench.example`, password: PASSWORD };
      const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true });
      const cookie = headers.getSetCookie().map((line) => line.split(';', 1)[0]);
      const enabled = await auth.api.enableTwoFactor({
        body: { password: PASSWORD },
        headers: new Headers({ Cookie: cookie.join('; ') }),
      });
      if (enabled.method !== 'totp') throw new Error('better-auth has set up another method.');
      const { createVirtualAuthenticator } = await import('passport-second-factor/testing');
      return createVirtualAuthenticator().add(enabled.totpURI).secret;
    },
  };
}

function storeIn(redis: Redis): NonNullable<BetterAuthOptions['secondaryStorage']> {
  return {
    get: (key) => redis.get(key),
    set: async (key, value, seconds) => {
      await (seconds === undefined ? redis.set(key, value) : redis.set(key, value, 'EX', seconds));
    },
    delete: async (key) => {
      await redis.del(key);
    },
    getAndDelete: (key) => redis.getdel(key),
    async increment(key, seconds) {
      const [[, count] = []] = (await redis.multi().incr(key).expire(key, seconds, 'NX').exec()) ?? [];
      return Number(count);
    },
  };
}
