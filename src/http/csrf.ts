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

/** The same token, to and from programs. Not `X-CSRF-Token`, for the same reason. */
export const TOKEN_HEADER = 'Second-Factor-Token';

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
 * Refuses a form that another site made the browser send. The session's token is needed in any case (NIST SP 800-63B-4
 * §5.1).
 */
export function refuseForgedForm(request: Request, origin: string, token: string): void {
  judgeSender(request, origin);
  refuseToken(request, token, 'This form is out of date: open the page again.');
}

/**
 * Refuses a program's request that another site made the browser send. Browsers say where it comes from; of a client
 * that does not, such as one on the command line, the session's token is asked for.
 */
export function refuseForgedCall(request: Request, origin: string): void {
  if (judgeSender(request, origin) === 'own') return;
  const advice = `Send the ${TOKEN_HEADER} header of the answer before, or Origin.`;
  refuseToken(request, request.get(TOKEN_HEADER) ?? '', advice);
}

/**
 * Fetch Metadata decides where the browser sends it, else the `Origin` header; `own` where one of them names this origin.
 * @throws SecondFactorError `cross-site-refused`.
 */
export function judgeSender(request: Request, origin: string): 'own' | 'unknown' {
  const site = request.get('Sec-Fetch-Site');
  const from = request.get('Origin');
  const isForeign =
    site === undefined ? from !== undefined && from !== origin : site !== 'same-origin' && site !== 'none';
  if (isForeign) {
    throw new SecondFactorError(
      'cross-site-refused',
      'This request was sent by another site; if it was your own, make the option origin what browsers see.',
    );
  }
  return site === 'same-origin' || (site === undefined && from === origin) ? 'own' : 'unknown';
}

function refuseToken(request: Request, token: string, advice: string): void {
  const expected = formToken(request);
  if (expected === '' || !isEqual(token, expected)) throw new SecondFactorError('form-token-invalid', advice);
}
