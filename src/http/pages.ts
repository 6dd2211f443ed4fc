import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { SecondFactorError } from '../errors.js';
import type { ChooseLanguage } from './language.js';
import { browserPath } from './path.js';
import { type Render, viewsFolder } from './render.js';

const what = { pages: 'pages', api: 'JSON API' };

/** Answers name the configured path, so a router that is mounted elsewhere must not answer. */
export function checkMount(name: 'pages' | 'api', path: string, prefix: string): RequestHandler {
  return (request, _response, next) => {
    const mount = findMount(request, prefix);
    // Express matches mount paths without regard to case.
    if (mount.toLowerCase() === path.toLowerCase()) {
      next();
      return;
    }
    throw new SecondFactorError(
      'configuration-invalid',
      `Browsers see the ${what[name]} at "${mount}" but paths.${name} is "${path}": make them the same.`,
    );
  };
}

/** Not `baseUrl`, which lacks what the host has taken off `request.url` itself. Express 4 drops doubled slashes. */
function findMount(request: Request, prefix: string): string {
  const whole = browserPath(request, prefix);
  const mount = whole.endsWith(request.path) ? whole.slice(0, -request.path.length) : whole;
  return mount.replace(/\/+$/, '');
}

/** Our stylesheet and script: the responses that may be kept, since they are the same for everybody. */
export function serveAsset(name: 'style.css' | 'script.js'): RequestHandler {
  return (_request, response) => {
    const headers = { 'X-Content-Type-Options': 'nosniff' };
    response.sendFile(name, { root: viewsFolder, maxAge: '1h', headers });
  };
}

/** Shows what was wrong with a request; faults of the set-up go on to the host's error handler. */
export function handleRefusal(
  render: Render,
  wordsFor: ChooseLanguage,
  homePath: string,
): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (!(error instanceof SecondFactorError) || error.status >= 500 || response.headersSent) {
      next(error);
      return;
    }
    response.status(error.status);
    const words: Partial<Record<string, string>> = wordsFor(request).messages.refusals;
    const message = error.reason ?? words[error.code] ?? error.message;
    render(request, response, 'error', { message, homePath }).catch(next);
  };
}
