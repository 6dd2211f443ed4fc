import type { RequestHandler } from 'express';
import { log } from './log.js';

/** One line for each answer. The path without its query: links that were mailed have their tokens there. */
export const logRequests: RequestHandler = (req, res, next) => {
  const start = performance.now();
  const { method, path } = req;
  res.once('finish', () => {
    log.debug({ method, path, status: res.statusCode, ms: Math.round(performance.now() - start) }, 'request');
  });
  next();
};
