import type { Request } from 'express';
import { fromCallback } from '../http/from-callback.js';

/** Logs in within a request that has just been given the right to. */
export function logIn(request: Request, user: Express.User): Promise<void> {
  return fromCallback((done) => {
    request.logIn(user, done);
  });
}
