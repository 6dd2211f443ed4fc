import type { Strategy as PassportStrategy } from 'passport';

/** What is used of `passport-http-bearer`. The published types load Koa's, which do not compile without `skipLibCheck`. */

type Done = (error: unknown, user?: Express.User | false) => void;

export class Strategy implements PassportStrategy {
  constructor(options: { realm?: string }, verify: (token: unknown, done: Done) => void);
  authenticate: PassportStrategy['authenticate'];
}
