import type { RequestHandler } from 'express';

const policy: Record<string, readonly string[]> = {
  'default-src': ["'none'"],
  'style-src': ["'self'"],
  'script-src': ["'self'"],
  'img-src': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
};

/**
 * The headers of every page. They replace the host's own on these routes: helmet's default `no-referrer` would make
 * Chromium send `Origin: null` with same-origin forms.
 * @param more sources that the policy allows besides, by directive.
 */
export function setPageHeaders(more: Record<string, readonly string[]> = {}): RequestHandler {
  const contentSecurityPolicy = widen(policy, more);
  return (_request, response, next) => {
    response.set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': contentSecurityPolicy,
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
    });
    next();
  };
}

function widen(ours: typeof policy, more: typeof policy): string {
  const names = [...new Set([...Object.keys(ours), ...Object.keys(more)])];
  return names
    .map((name) => {
      const sources = [...(ours[name] ?? []), ...(more[name] ?? [])];
      // Beside others, 'none' would say nothing.
      const said = sources.length > 1 ? sources.filter((source) => source !== "'none'") : sources;
      return [name, ...said].join(' ');
    })
    .join('; ');
}

/** The headers of every answer to a program: nothing of it is a page. */
export const setApiHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
  });
  next();
};
