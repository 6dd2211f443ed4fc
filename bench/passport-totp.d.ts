// It has no types of its own.
declare module 'passport-totp' {
  import type { Strategy as Base } from 'passport';

  type Done = (error: unknown, key?: Buffer, period?: number) => void;

  /** `passport.authenticate('totp')`: the user of the session gives a code in the field `code`. */
  export class Strategy extends Base {
    constructor(setup: (user: Express.User, done: Done) => void);
    authenticate(): void;
  }
}
