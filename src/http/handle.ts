import type { NextFunction, Request, RequestHandler, Response } from 'express';

/** Makes an asynchronous handler safe on Express 4 too, which lets a rejection hang the request. */
export function handle(
  run: (request: Request, response: Response, next: NextFunction) => Promise<void>,
): RequestHandler {
  return (request, response, next) => {
    run(request, response, next).catch(next);
  };
}
