import type { ErrorRequestHandler, Request, Response } from 'express';
import { SecondFactorError, SecondFactorRequired } from '../errors.js';

/** A client that runs on data would follow a redirect to a page and believe that it is logged in. */
function wantsJson(request: Request): boolean {
  if (request.get('Sec-Fetch-Dest') === 'empty') return true;
  return request.is('json') === 'json' || request.accepts(['html', 'json']) === 'json';
}

/** Answers a held login: a page goes to the challenge, a program is told where it is. */
export function answerHeld(request: Request, response: Response, challengePath: string): void {
  // The host has answered itself: the pending login is saved, and there is nothing left to say.
  if (response.headersSent) return;
  if (wantsJson(request)) {
    answerProblem(response, new SecondFactorRequired(), {
      factors: ['totp', 'backup-code'],
      challenge: challengePath,
    });
  } else {
    response.set('Cache-Control', 'no-store').redirect(303, challengePath);
  }
}

/** Answers what a host's route could not do: held logins like `answerHeld`, other refusals where a program asked. */
export function answerErrors(challengePath: string): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (error instanceof SecondFactorRequired) answerHeld(request, response, challengePath);
    else if (error instanceof SecondFactorError && error.status !== 500 && !isPerson(request, response))
      answerProblem(response, error);
    else next(error);
  };
}

/** Whoever shows pages says so in `Accept`; an error page is nothing to a program that says nothing. */
function isPerson(request: Request, response: Response): boolean {
  const acceptsPages = request.get('Accept')?.includes('text/html') === true;
  return response.headersSent || (acceptsPages && !wantsJson(request));
}

/** RFC 9457. */
function answerProblem(response: Response, error: SecondFactorError, more: object = {}): void {
  const { message: title, status, code } = error;
  response
    .status(status)
    .set('Cache-Control', 'no-store')
    .type('application/problem+json')
    .json({ title, status, code, ...more });
}
