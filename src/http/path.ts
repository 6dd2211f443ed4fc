import type { Request } from 'express';

/** The path as browsers see it, without the query; `prefix` is what a proxy has taken off its front. */
export function browserPath({ originalUrl }: Request, prefix: string): string {
  // A client may send the absolute form of a URL (RFC 9112 §3.2.2).
  const path = originalUrl.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0];
  return prefix + (path || '/');
}

/** The path as browsers see it, with the query. */
export function browserUrl(request: Request, prefix: string): string {
  const query = request.originalUrl.replace(/#.*/, '').indexOf('?');
  return browserPath(request, prefix) + (query === -1 ? '' : request.originalUrl.slice(query));
}
