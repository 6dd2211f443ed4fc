import type { ErrorRequestHandler, RequestHandler } from 'express';
import { SecondFactorError } from '../errors.js';
import { type Render, viewsFolder } from './render.js';

/** Redirects into the pages use the configured path, so a router that is mounted elsewhere must not answer. */
export function checkMount(pagesPath: string): RequestHandler {
  return (request, _response, next) => {
    // Express matches mount paths without regard to case.
    if (request.baseUrl.toLowerCase() === pagesPath.toLowerCase()) {
      next();
      return;
    }
    throw new SecondFactorError(
      'configuration-invalid',
      `The pages are mounted at "${request.baseUrl}" but paths.pages is "${pagesPath}": make them the same.`,
    );
  };
}

/** The one response that may be kept: it is the same for everybody. */
export const serveStylesheet: RequestHandler = (_request, response, next) => {
  const headers = { 'X-Content-Type-Options': 'nosniff' };
  response.sendFile('style.css', { root: viewsFolder, maxAge: '1h', headers }, (error: unknown) => {
    if (error) next(error);
  });
};

/** Shows what was wrong with a request; faults of the set-up go on to the host's error handler. */
export function handleRefusal(render: Render, homePath: string): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (!(error instanceof SecondFactorError) || error.status >= 500 || response.headersSent) {
      next(error);
      return;
    }
    response.status(error.status);
    const locals = { title: 'This did not work', message: error.message, homePath };
    render(request, response, 'error', locals).catch(next);
  };
}
