import type { Request } from 'express';
import type { SessionData } from 'express-session';
import { isEqual } from '../crypto/hash.js';
import { randomToken } from '../crypto/random.js';
import { SecondFactorError } from '../errors.js';

declare module 'express-session' {
  interface SessionData {
    /** The form token of this session; a new session id gets a new one. */
    secondFactorToken?: string;
  }
}

/** Not `_csrf`, which is the field of the CSRF middleware that many hosts have above our pages. */
export const TOKEN_FIELD = 'second_factor_token';

/** Gives a session its form token; called where a session is made, so that two tabs never make two. */
export function issueFormToken(session: Pick<Partial<SessionData>, 'secondFactorToken'>): void {
  session.secondFactorToken = randomToken();
}

/** The token that forms of this session carry; '' where the session has none and so may post nothing. */
export function formToken(request: Request): string {
  const session = request.session as Partial<SessionData> | undefined;
  return session?.secondFactorToken ?? '';
}

/**
 * Refuses a form that another site made the browser send. Fetch Metadata decides where the browser sends it, else the
 * `Origin` header; the session's token is needed in any case (NIST SP 800-63B-4 §5.1).
 */
export function refuseForgery(request: Request, origin: string, token: string): void {
  const site = request.get('Sec-Fetch-Site');
  const from = request.get('Origin');
  const isForeign =
    site === undefined ? from !== undefined && from !== origin : site !== 'same-origin' && site !== 'none';
  if (isForeign) {
    throw new SecondFactorError('cross-site-refused', 'This form was sent by another site.');
  }
  const expected = formToken(request);
  if (expected === '' || !isEqual(token, expected)) {
    throw new SecondFactorError('form-token-invalid', 'This form is out of date: open the page again.');
  }
}
