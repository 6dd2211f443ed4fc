import { type ErrorRequestHandler, type RequestHandler, Router } from 'express';
import { type FirstFactor, skipIfLoggedIn } from '../authentication.js';
import type { z } from 'zod';
import { loginForm, readForm, showForm } from '../forms.js';
import type { Services } from '../services.js';

/**
 * A usual Passport login: nothing here knows of the second factor, which holds `req.logIn` by itself.
 * What it lacks is a limit on password guesses: put a rate limiter before it (express-rate-limit, or a proxy's).
 */
export function loginRoutes(passport: FirstFactor, { rememberMe }: Services): Router {
  const router = Router();

  router.get('/login', skipIfLoggedIn, (req, res) => {
    showForm(req, res, 'login');
  });

  router.post('/login', checkForm, (req, res, next) => {
    // Passport renews the session at login: `returnTo` would be gone afterwards, so it is read before.
    const successRedirect = req.session.returnTo ?? '/account';
    // A wish for later: who has given the password alone is not remembered yet. `keepSessionInfo` carries it over.
    if ((req.body as z.infer<typeof loginForm>).remember) req.session.wantsToBeRemembered = true;
    else delete req.session.wantsToBeRemembered;
    const options = { successRedirect, failWithError: true, keepSessionInfo: true };
    const login = passport.authenticate('local', options) as RequestHandler;
    void login(req, res, next);
  });
  router.use('/login', showLoginAgain);

  router.post('/logout', async (req, res, next) => {
    await rememberMe.forget(req, res);
    req.logout((error: unknown) => {
      if (error) next(error);
      else res.redirect('/login');
    });
  });

  return router;
}

const checkForm: RequestHandler = (req, res, next) => {
  const { errors } = readForm(loginForm, req.body);
  if (errors) showForm(req, res.status(400), 'login', errors);
  else next();
};

const showLoginAgain: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (error instanceof Error && error.name === 'AuthenticationError') {
    // The same words for an unknown name and a wrong password.
    showForm(req, res.status(401), 'login', { username: 'The user name or the password is wrong.' });
  } else {
    next(error);
  }
};
