import { fileURLToPath } from 'node:url';
import express, { type Express, type RequestHandler } from 'express';
import { createSecondFactor, type TelemetryApi } from 'passport-second-factor';
import { createPassport } from './authentication.js';
import type { Config } from './config.js';
import type { Database } from './database/database.js';
import { refuseForgery } from './forms.js';
import { keepOutOfCaches, securityHeaders } from './headers.js';
import type { Keys } from './keys.js';
import { log } from './log.js';
import { accessTokenRoutes } from './routes/access-tokens.js';
import { accountRoutes } from './routes/account.js';
import { adminRoutes } from './routes/admin.js';
import { apiNotFound, apiRoutes } from './routes/api.js';
import { errorPage, notFound } from './routes/errors.js';
import { createHealth } from './routes/health.js';
import { invitationRoutes } from './routes/invitation.js';
import { jsonRoutes } from './routes/json.js';
import { loginRoutes } from './routes/login.js';
import { outboxRoutes } from './routes/outbox.js';
import { providerRoutes } from './routes/provider.js';
import { registerRoutes } from './routes/register.js';
import { resetRoutes } from './routes/reset.js';
import { signInLinkRoutes } from './routes/sign-in-link.js';
import { logRequests } from './request-log.js';
import { secondFactorOptions } from './second-factor-options.js';
import { createServices } from './services.js';
import { sessionCookie, sessionMiddleware } from './session-middleware.js';
import { checkSessions, type Sessions } from './sessions.js';
import { createStrategies } from './strategies/strategies.js';

export interface Parts {
  sessions: Pick<Sessions, 'store' | 'redis'>;
  database: Database;
  keys: Keys;
  /** Where browsers find the server, such as `http://localhost:3000`. */
  origin: string;
  /** Where it is measured. */
  telemetry?: TelemetryApi | undefined;
  /** For tests. */
  clock?: () => number;
}

export interface IdentityServer {
  app: Express;
  /** Call it when no request is under way any more. */
  close: () => Promise<void>;
  /** Says at `/readyz` that the end is near. */
  stop: () => void;
}

/** Puts the application together. It has no state of its own: several can live in one process. */
export async function createApp(config: Config, parts: Parts): Promise<IdentityServer> {
  const { sessions, database, keys, origin, telemetry, clock } = parts;
  const isHttps = origin.startsWith('https:');
  const services = await createServices(config, database, origin);
  const { users, rememberMe } = services;
  const passport = createPassport(users, createStrategies(config, services));
  const secondFactor = createSecondFactor({
    ...secondFactorOptions(config, { database, keys, origin, redis: sessions.redis }, services),
    ...(telemetry && { telemetry }),
    ...(clock && { clock }),
  });
  secondFactor.on('*', ({ kind, userId, at }) => log.info({ kind, userId, at }, 'second factor'));
  await secondFactor.ready();

  const app = express();
  app.set('view engine', 'ejs');
  app.set('views', fileURLToPath(new URL('../views', import.meta.url)));
  // One proxy ends TLS in front of us: only then may X-Forwarded-* say what the browser used.
  app.set('trust proxy', isHttps ? 1 : false);
  Object.assign(app.locals, { hasProvider: config.provider !== undefined, hasOutbox: !config.production });

  // What needs no session comes first.
  app.use(securityHeaders(isHttps));
  app.use(
    express.static(fileURLToPath(new URL('../public', import.meta.url)), { index: false, maxAge: '1h' }),
  );
  app.use(keepOutOfCaches);
  const health = createHealth({
    sessions: () => checkSessions(sessions.store),
    database: () => database.check(),
  });
  app.use(health.router);
  app.use(logRequests);
  // Before any middleware of Passport's is made, so that it is held too.
  secondFactor.protect(passport);
  app.use('/api', apiRoutes(passport, secondFactor));

  app.use(sessionMiddleware(sessions.store, keys.sessionSecret, isHttps));
  app.use(passport.session());
  app.use(rememberMe.readCookie);
  app.use(passport.authenticate('remember-me') as RequestHandler);
  // Before our own body parser and form token: these pages and calls bring theirs.
  app.use('/two-factor', secondFactor.pages());
  app.use('/api/v1/two-factor', secondFactor.api());
  app.use('/api', apiNotFound);
  app.use(jsonRoutes(passport, services));

  app.use(express.urlencoded({ extended: false, limit: '16kb', parameterLimit: 20 }));
  app.use(refuseForgery);
  app.get('/', (_req, res) => {
    res.redirect('/account');
  });
  app.use(registerRoutes(users));
  app.use(signInLinkRoutes(services));
  if (config.provider) app.use(providerRoutes(passport));
  app.use(loginRoutes(passport, services));
  app.use(resetRoutes(services, secondFactor));
  app.use(invitationRoutes(services));
  app.use(accountRoutes(services, secondFactor));
  app.use(accessTokenRoutes(services));
  app.use(
    adminRoutes(services, secondFactor, {
      mode: config.production ? 'production' : 'development',
      url: origin,
      session: { store: sessions.store, cookie: sessionCookie(isHttps) },
      ...(sessions.redis && { redis: sessions.redis }),
      countUsers: () => users.count(),
    }),
  );
  app.use(outboxRoutes(services.outbox));
  app.use(notFound);
  app.use(errorPage(config.production));
  return { app, stop: health.stop, close: () => secondFactor.close() };
}
