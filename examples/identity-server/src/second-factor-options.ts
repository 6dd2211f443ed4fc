import type { RedisClient, SecondFactorOptions } from 'passport-second-factor';
import type { Config } from './config.js';
import type { Database } from './database/database.js';
import { renewToken } from './forms.js';
import type { Keys } from './keys.js';
import type { Services } from './services.js';

/** What the second factor is told of this application, in the server and in second-factor.config.js alike. */
export function secondFactorOptions(
  config: Config,
  parts: { database: Database; keys: Keys; origin: string; redis?: RedisClient | undefined },
  { users, rememberMe, isAdministrator, sendMail }: Services,
): SecondFactorOptions {
  return {
    enabled: config.twoFactor.enabled,
    issuer: config.twoFactor.issuer,
    origin: parts.origin,
    storage: parts.database.storage,
    keys: parts.keys.twoFactorKeys,
    user: {
      id: (user) => user.id,
      label: (user) => user.username,
      checkPassword: (user, password) => users.checkPassword(user.id, password),
    },
    login: {
      after: async (req, res, user) => {
        // What the password route keeps of the session before the login ends here.
        renewToken(req);
        delete req.session.returnTo;
        await rememberMe.fulfilWish(req, res, user);
      },
      // A computer that is remembered would be sent back to the challenge at once.
      abandoned: (req, res) => rememberMe.forget(req, res),
    },
    ...(config.twoFactor.required && {
      policy: {
        required: config.twoFactor.required === 'all' ? true : isAdministrator,
        ...(config.twoFactor.graceDays > 0 && { grace: { days: config.twoFactor.graceDays } }),
      },
    }),
    // "Don't ask again on this browser", but for administrators.
    trustedBrowsers: { days: 30, allow: (_req, user) => !isAdministrator(user) },
    // Administrators see how anybody's second factor stands, and may turn it off for who has lost it.
    api: { authorize: (req) => req.user !== undefined && isAdministrator(req.user) },
    notices: {
      language: () => config.twoFactor.language,
      send: async ({ userId, subject, text }) => {
        const user = await users.findById(userId);
        if (user) await sendMail({ to: user.email, subject, text });
      },
    },
    ...(parts.redis && { epochs: { redis: parts.redis } }),
    paths: { pages: '/two-factor', login: '/login', home: '/account' },
  };
}
