import type { Request } from 'express';
import { browserPath } from '../http/path.js';
import { samePathOnly } from '../http/return-to.js';
import type { Settings } from '../settings.js';
import { readReturnTo } from './session.js';

/** Passport's options of a login that matter here; the wrapper sees those of `authenticate()` too. */
export interface LogInOptions {
  session?: boolean | undefined;
  keepSessionInfo?: boolean | undefined;
  successRedirect?: string | undefined;
  successReturnToOrRedirect?: string | undefined;
}

/** Where the login would have gone: Passport's own order, same origin only. */
export function findReturnTarget(
  request: Request,
  options: LogInOptions,
  { origin, paths }: Settings,
): string {
  const stored = readReturnTo(request);
  const { successReturnToOrRedirect: either, successRedirect } = options;
  const target = either === undefined ? (successRedirect ?? stored) : (stored ?? either);
  return samePathOnly(target, origin, browserPath(request, paths.prefix)) ?? paths.home;
}
