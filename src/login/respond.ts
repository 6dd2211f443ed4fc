import type { Request, Response } from 'express';
import { SecondFactorError } from '../errors.js';

/** A client that runs on data would follow a redirect to a page and believe that it is logged in. */
function wantsJson(request: Request): boolean {
  if (request.get('Sec-Fetch-Dest') === 'empty') return true;
  return request.is('json') === 'json' || request.accepts(['html', 'json']) === 'json';
}

/** Answers a held login: a page goes to the challenge, a program is told where it is. */
export function answerHeld(request: Request, response: Response, challengePath: string): void {
  // The host has answered itself: the pending login is saved, and there is nothing left to say.
  if (response.headersSent) return;
  response.set('Cache-Control', 'no-store');
  if (!wantsJson(request)) {
    response.redirect(303, challengePath);
    return;
  }
  const error = new SecondFactorError('second-factor-required', 'A second factor is required.');
  response
    .status(error.status)
    .type('application/problem+json')
    .json({
      title: error.message,
      status: error.status,
      code: error.code,
      factors: ['totp', 'backup-code'],
      challenge: challengePath,
    });
}
