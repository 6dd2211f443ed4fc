import type { Request } from 'express';

/** A client that runs on data would follow a redirect to a page and believe that it is logged in. */
export function wantsJson(request: Request): boolean {
  if (request.get('Sec-Fetch-Dest') === 'empty') return true;
  return request.is('json') === 'json' || request.accepts(['html', 'json']) === 'json';
}
