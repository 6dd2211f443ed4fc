import { fileURLToPath } from 'node:url';
import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import { createSecondFactor, sqlStorage } from 'passport-second-factor';
import { createPassport } from './authentication.js';
import type { Config } from './config.js';
import { openDatabase } from './database.js';
import { refuseForgery } from './forms.js';
import { keepOutOfCaches, securityHeaders } from './headers.js';
import type { Keys } from './keys.js';
import { accountRoutes } from './routes/account.js';
import { errorPage, notFound } from './routes/errors.js';
import { healthRoute } from './routes/health.js';
import { loginRoutes } from './routes/login.js';
import { registerRoutes } from './routes/register.js';
import { checkSessions, type Sessions } from './sessions.js';
import { Users } from './users.js';

export interface Parts {
  sessions: Pick<Sessions, 'store'>;
  keys: Keys;
  /** Where browsers find the server, such as `http://localhost:3000`. */
  origin: string;
  /** For tests. */
  clock?: () => number;
}

export interface IdentityServer {
  app: Express;
  /** Call it when no request is under way any more. */
  close: () => void;
}

/** How long a session lives without a request. */
const idleTime = 8 * 60 * 60 * 1000;

/** Puts the application together. It has no state of its own: several can live in one process. */
export async function createApp(config: Config, parts: Parts): Promise<IdentityServer> {
  const { sessions, keys, origin, clock } = parts;
  const isHttps = origin.startsWith('https:');
  const database = openDatabase(config.databaseFile);
  // A connection of its own: the second factor refuses to work inside of somebody else's transaction.
  const twoFactorDatabase = openDatabase(config.databaseFile);
  const users = await Users.open(database);
  const passport = createPassport(users);
  const secondFactor = createSecondFactor({
    enabled: config.twoFactor.enabled,
    issuer: config.twoFactor.issuer,
    origin,
    storage: sqlStorage.sqlite(twoFactorDatabase),
    keys: keys.twoFactorKeys,
    user: {
      id: (user) => user.id,
      label: (user) => user.username,
      checkPassword: (user, password) => users.checkPassword(user.id, password),
    },
    paths: { pages: '/two-factor', login: '/login', home: '/account' },
    ...(clock && { clock }),
  });
  await secondFactor.ready();

  const app = express();
  app.set('view engine', 'ejs');
  app.set('views', fileURLToPath(new URL('../views', import.meta.url)));
  // One proxy ends TLS in front of us: only then may X-Forwarded-* say what the browser used.
  app.set('trust proxy', isHttps ? 1 : false);

  // What needs no session comes first.
  app.use(securityHeaders(isHttps));
  app.use(
    express.static(fileURLToPath(new URL('../public', import.meta.url)), { index: false, maxAge: '1h' }),
  );
  app.use(keepOutOfCaches);
  app.get(
    '/healthz',
    healthRoute({ sessions: () => checkSessions(sessions.store), database: () => users.check() }),
  );

  app.use(
    orUnavailable(
      session({
        store: sessions.store,
        secret: keys.sessionSecret,
        // `__Host-` pins the cookie to this host and to https; browsers refuse it over http.
        name: isHttps ? '__Host-sid' : 'sid',
        cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: isHttps, maxAge: idleTime },
        rolling: true,
        resave: false,
        saveUninitialized: false,
      }),
    ),
  );
  secondFactor.protect(passport);
  app.use(passport.session());
  // Before our own body parser and form token: these pages bring theirs.
  app.use('/two-factor', secondFactor.pages());

  app.use(express.urlencoded({ extended: false, limit: '16kb', parameterLimit: 20 }));
  app.use(refuseForgery);
  app.get('/', (_req, res) => {
    res.redirect('/account');
  });
  app.use(registerRoutes(users));
  app.use(loginRoutes(passport));
  app.use(accountRoutes(users, secondFactor));
  app.use(notFound);
  app.use(errorPage(config.production));
  return {
    app,
    close: () => {
      secondFactor.close();
      twoFactorDatabase.close();
      database.close();
    },
  };
}

/** Without its sessions the server cannot tell who is who: 503, not "nobody is logged in" and not a fault of the code. */
function orUnavailable(sessions: RequestHandler): RequestHandler {
  return (req, res, next) => {
    void sessions(req, res, (cause?: unknown) => {
      // express-session goes on without `req.session` while its store says that it is disconnected.
      if (cause === undefined && (req.session as unknown) !== undefined) next();
      else next(Object.assign(new Error('Sessions are not available.', { cause }), { status: 503 }));
    });
  };
}
