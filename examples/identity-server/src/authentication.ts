import type { RequestHandler } from 'express';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import type { Users } from './users.js';

export type FirstFactor = ReturnType<typeof createPassport>;

declare module 'express-session' {
  interface SessionData {
    /** Where the login goes on to: the page that asked for it. */
    returnTo?: string;
  }
}

/** The first step of the login: a user name and a password. An own instance, so that two apps share nothing. */
export function createPassport(users: Users) {
  const passport = new Passport();
  passport.use(
    new Strategy((username, password, done) => {
      users.findByPassword(username, password).then((user) => {
        done(null, user ?? false);
      }, done);
    }),
  );
  passport.serializeUser((user, done) => {
    done(null, user.id);
  });
  passport.deserializeUser((id: string, done) => {
    // `false` for a user who is gone: the session counts as logged out.
    done(null, users.findById(id) ?? false);
  });
  return passport;
}

/** Lets a person through who is logged in. While the second step is owed, nobody is: there is no more to ask. */
export const requireLogin: RequestHandler = (req, res, next) => {
  if (req.isAuthenticated()) {
    next();
    return;
  }
  // `//` begins another host for a browser; what does not begin with `/` is no path.
  if (req.method === 'GET' && /^\/(?![/\\])/.test(req.originalUrl)) req.session.returnTo = req.originalUrl;
  // Saved before the answer: the browser may be back before the session is.
  req.session.save((error: unknown) => {
    if (error) next(error);
    else res.redirect('/login');
  });
};

/** The login and registration pages make no sense to a person who is logged in. */
export const skipIfLoggedIn: RequestHandler = (req, res, next) => {
  if (req.isAuthenticated()) res.redirect('/account');
  else next();
};
