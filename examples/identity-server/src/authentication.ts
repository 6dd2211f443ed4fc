import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { Passport, type Strategy } from 'passport';
import type { Users } from './users.js';

export type FirstFactor = ReturnType<typeof createPassport>;

declare module 'express-session' {
  interface SessionData {
    /** Where the login goes on to: the page that asked for it. */
    returnTo?: string;
  }
}

/** The first step of the login, by any of the strategies. An own instance, so that two apps share nothing. */
export function createPassport(users: Users, strategies: readonly Strategy[]) {
  const passport = new Passport();
  for (const strategy of strategies) passport.use(strategy);
  passport.serializeUser((user, done) => {
    done(null, user.id);
  });
  passport.deserializeUser((id: string, done) => {
    // `false` for a user who is gone: the session counts as logged out.
    users.findById(id).then((user) => {
      done(null, user ?? false);
    }, done);
  });
  return passport;
}

/** Lets a person through who is logged in. While the second step is owed, nobody is: there is no more to ask. */
export const requireLogin: RequestHandler = (req, res, next) => {
  if (req.isAuthenticated()) {
    next();
    return;
  }
  if (req.method === 'GET') rememberPage(req);
  // Saved before the answer: the browser may be back before the session is. Where it cannot be saved, the way back is lost.
  req.session.save(() => {
    res.redirect('/login');
  });
};

/** Makes this page the one that the next login goes on to. */
export function rememberPage(req: Request): void {
  // `//` begins another host for a browser; what does not begin with `/` is no path.
  if (/^\/(?![/\\])/.test(req.originalUrl)) req.session.returnTo = req.originalUrl;
}

/** The login and registration pages make no sense to a person who is logged in. */
export const skipIfLoggedIn: RequestHandler = (req, res, next) => {
  if (req.isAuthenticated()) res.redirect('/account');
  else next();
};

/** Signs somebody in who has proven who they are by other means than a strategy, and goes on to where they were going. */
export function signIn(req: Request, res: Response, next: NextFunction, user: Express.User): void {
  // Passport renews the session at login: `returnTo` would be gone afterwards, so it is read before.
  const target = req.session.returnTo ?? '/account';
  req.logIn(user, (error: unknown) => {
    if (error) next(error);
    else res.redirect(target);
  });
}

/** The user of a request that has passed `requireLogin`. */
export function signedIn(req: Request): Express.User {
  if (!req.user) throw new Error('This route needs requireLogin before it.');
  return req.user;
}
