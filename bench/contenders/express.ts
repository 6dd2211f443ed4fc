import { RedisStore } from 'connect-redis';
import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import type { Redis } from 'ioredis';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';

export interface User {
  id: string;
}

/** What the applications in Express have in common. */
export interface Site {
  app: Express;
  passport: InstanceType<typeof Passport>;
  /** Checks the password and logs in. */
  password: RequestHandler;
}

/** @param protect is given Passport before its session is used. */
export function createSite(
  client: Redis,
  protect: (passport: InstanceType<typeof Passport>) => void = () => undefined,
): Site {
  const passport = new Passport();
  passport.serializeUser((user, done) => done(null, (user as User).id));
  passport.deserializeUser((id: string, done) => done(null, { id }));
  // The cheapest password check there is: what is compared is the second step.
  passport.use(new Strategy((id, _password, done) => done(null, { id })));
  protect(passport);
  const app = express();
  app.get('/healthz', (_request, response) => void response.send('ok'));
  app.use(
    session({
      store: new RedisStore({ client }),
      secret: 'bench',
      name: 'sid',
      resave: false,
      saveUninitialized: false,
    }),
    passport.session() as RequestHandler,
    express.urlencoded({ extended: false }),
  );
  return { app, passport, password: passport.authenticate('local') as RequestHandler };
}

/** The page behind the login. */
export function addAccount(app: Express, ...guards: RequestHandler[]): void {
  app.get('/account', ...guards, (request, response) => {
    if (request.isAuthenticated()) response.send(`Account of ${(request.user as User).id}`);
    else response.redirect('/login');
  });
}

/** What asks for the code by hand. */
export const codePage =
  '<form method="post"><label>Code <input name="code"></label> <button>Continue</button></form>';
