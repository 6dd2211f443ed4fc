import express, { type ErrorRequestHandler, type Request, type RequestHandler, Router } from 'express';
import { type FirstFactor, signedIn } from '../authentication.js';
import { loginForm, readForm, registerForm } from '../forms.js';
import type { Services } from '../services.js';
import { sendProblem } from './api.js';
import { log } from '../log.js';
import { statusOf } from './errors.js';

/**
 * Registration, password login and logout for programs: JSON in place of forms, no pages. Like the forms they know nothing of the
 * second factor, which answers a held login by itself. A page of another site cannot send this type without asking first,
 * and nobody here says yes; a browser says as well where a request comes from.
 */
export function jsonRoutes(passport: FirstFactor, { users, rememberMe }: Services): Router {
  const router = Router();
  router.use(['/register', '/login', '/logout'], onlyJson, refuseOtherSites, express.json({ limit: '16kb' }));

  router.post('/register', async (req, res, next) => {
    const { fields, errors } = readForm(registerForm, req.body);
    if (errors) {
      sendProblem(res, 400, { fields: errors });
      return;
    }
    const user = await users.create(fields);
    if (typeof user === 'string') {
      sendProblem(res, 409, { fields: { [user]: 'It is taken.' } });
      return;
    }
    req.logIn(user, (error: unknown) => {
      if (error) next(error);
      else res.status(201).json(user);
    });
  });

  const login = passport.authenticate('local', { failWithError: true }) as RequestHandler;
  router.post('/login', checkLogin, login, (req, res) => {
    res.json(signedIn(req));
  });

  router.post('/logout', async (req, res, next) => {
    await rememberMe.forget(req, res);
    req.logout((error: unknown) => {
      if (error) next(error);
      else res.status(204).end();
    });
  });

  router.use(answerError);
  return router;
}

/** What is no JSON goes on to the forms. */
const onlyJson: RequestHandler = (req, _res, next) => {
  next(isCall(req) ? undefined : 'router');
};

function isCall(req: Request): boolean {
  return req.method === 'POST' && req.is('application/json') === 'application/json';
}

const refuseOtherSites: RequestHandler = (req, res, next) => {
  if (['cross-site', 'same-site'].includes(req.get('Sec-Fetch-Site') ?? '')) sendProblem(res, 403);
  else next();
};

const checkLogin: RequestHandler = (req, res, next) => {
  const { errors } = readForm(loginForm, req.body);
  if (errors) sendProblem(res, 400, { fields: errors });
  else next();
};

const answerError: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (!isCall(req) || res.headersSent) {
    next(error);
    return;
  }
  const status = error instanceof Error && error.name === 'AuthenticationError' ? 401 : statusOf(error);
  if (status >= 500) log.error({ err: error }, 'A JSON call failed.');
  sendProblem(res, status);
};
