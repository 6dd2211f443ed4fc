import { STATUS_CODES } from 'node:http';
import { type ErrorRequestHandler, type RequestHandler, type Response, Router } from 'express';
import type { SecondFactor } from 'passport-second-factor';
import { type FirstFactor, signedIn } from '../authentication.js';
import { log } from '../log.js';
import { statusOf } from './errors.js';

/**
 * An API for programs, which send what they have with every request: nothing could ask them for a second step, so whoever has
 * a second factor is refused, unless a route says otherwise.
 */
export function apiRoutes(
  passport: FirstFactor,
  secondFactor: Pick<SecondFactor, 'allowSessionless' | 'errors'>,
): Router {
  const router = Router();
  const authenticate = (strategy: 'basic' | 'bearer'): RequestHandler =>
    passport.authenticate(strategy, { session: false, failWithError: true }) as RequestHandler;

  router.get('/basic/me', authenticate('basic'), sendMe);
  router.get('/bearer/me', authenticate('bearer'), sendMe);
  // A personal access token was made in a session that had passed both steps: for reports that is enough.
  router.get('/bearer/reports', secondFactor.allowSessionless(), authenticate('bearer'), (req, res) => {
    res.json({ reports: [], for: signedIn(req).username });
  });

  router.use(secondFactor.errors());
  router.use(answerError);
  return router;
}

const sendMe: RequestHandler = (req, res) => {
  const { id, username } = signedIn(req);
  res.json({ id, username });
};

/** For what no router of an API has answered. */
export const apiNotFound: RequestHandler = (_req, res) => {
  sendProblem(res, 404);
};

/** RFC 9457. */
export function sendProblem(res: Response, status: number, more: object = {}): void {
  res
    .status(status)
    .type('application/problem+json')
    .json({ title: STATUS_CODES[status], status, ...more });
}

const answerError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const status = statusOf(error);
  if (status >= 500) log.error({ err: error }, 'A call of the API failed.');
  if (res.headersSent) next(error);
  else sendProblem(res, status);
};
