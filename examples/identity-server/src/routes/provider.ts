import { type ErrorRequestHandler, type RequestHandler, Router } from 'express';
import { type FirstFactor, skipIfLoggedIn } from '../authentication.js';
import { providerAnswer, readForm, showForm } from '../forms.js';
import type { Refusal } from '../identities.js';
import { log } from '../log.js';
import { ProviderRefusal } from '../strategies/provider.js';

const refusals: Record<Refusal, string> = {
  'email-unverified': 'The provider has not verified your email address. Verify it there first.',
  'email-taken':
    'Your email address has an account here already. Sign in with its password, or with a link by mail.',
};

/** Sign-in with an identity provider: the usual two routes of Passport. */
export function providerRoutes(passport: FirstFactor): Router {
  const router = Router();
  router.get('/login/provider', skipIfLoggedIn, passport.authenticate('oauth2') as RequestHandler);
  router.get('/login/provider/callback', checkAnswer, (req, res, next) => {
    // As in login.ts: read before the login renews the session.
    const successRedirect = req.session.returnTo ?? '/account';
    const login = passport.authenticate('oauth2', { successRedirect, failWithError: true }) as RequestHandler;
    void login(req, res, next);
  });
  router.use('/login/provider', showLogin);
  return router;
}

/** The query comes through the browser: it may hold anything. */
const checkAnswer: RequestHandler = (req, res, next) => {
  const { errors } = readForm(providerAnswer, req.query);
  if (errors) showForm(req, res.status(400), 'login', { provider: failed });
  else next();
};

const failed = 'The sign-in with the provider did not work. Try again.';

const showLogin: ErrorRequestHandler = (error: unknown, req, res, next) => {
  const name = error instanceof Error ? error.name : '';
  if (error instanceof ProviderRefusal) {
    showForm(req, res.status(403), 'login', { provider: refusals[error.reason] });
  } else if (name === 'InternalOAuthError') {
    log.warn(`Provider: ${error instanceof Error ? error.message : 'no reason given'}`);
    showForm(req, res.status(502), 'login', { provider: failed });
  } else if (['AuthenticationError', 'AuthorizationError', 'TokenError'].includes(name)) {
    // Declined there, answered twice, or answered in another browser than the one that asked.
    showForm(req, res.status(401), 'login', { provider: failed });
  } else {
    next(error);
  }
};
