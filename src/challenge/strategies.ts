import type { Request } from 'express';
import { Strategy } from 'passport-custom';
import type { Lane } from '../model.js';
import { readField } from '../http/form.js';
import type { Answered } from './desk.js';

/** What a strategy needs of `createSecondFactor(…)`. */
export interface Answerer {
  /** `secondFactor.answer`. */
  answer(request: Request, input: string, lane: Lane): Promise<Answered>;
}

/** Of `TotpStrategy` and `BackupCodeStrategy`. */
export interface StrategyOptions {
  /** Name of the body field with the code. Default `code`. */
  field?: string;
}

abstract class AnswerStrategy extends Strategy {
  constructor(lane: Lane, secondFactor: Answerer, { field = 'code' }: StrategyOptions) {
    super(verifyWith(secondFactor, lane, field));
    // passport-custom types its own name as a constant; Passport registers a strategy under the name it has.
    (this as { name: string }).name = lane;
  }

  /**
   * Passport writes the actions of a request on a strategy that it is handed as an object. Answers take time, so without
   * a copy a second request would overwrite them, and one person would get another's outcome.
   */
  override authenticate(request: Request, options?: object): void {
    const { success, fail, error } = this as unknown as Record<'success' | 'fail' | 'error', unknown>;
    super.authenticate.call(
      Object.assign(Object.create(this) as this, { success, fail, error }),
      request,
      options,
    );
  }
}

/**
 * Answers this session's pending login with a TOTP code, or gives a fresh proof in a complete session.
 * `app.post('/code', passport.authenticate('totp', { successRedirect: '/' }))`; Passport's own `req.logIn` then
 * completes the login. Fails with a `Failure` as info; Passport's `authInfo` is the accepted outcome.
 */
export class TotpStrategy extends AnswerStrategy {
  constructor(secondFactor: Answerer, options: StrategyOptions = {}) {
    super('totp', secondFactor, options);
  }
}

/** The same with a backup code. */
export class BackupCodeStrategy extends AnswerStrategy {
  constructor(secondFactor: Answerer, options: StrategyOptions = {}) {
    super('backup-code', secondFactor, options);
  }
}

type Verified = (error: unknown, user?: unknown, info?: unknown) => void;

function verifyWith(secondFactor: Answerer, lane: Lane, field: string) {
  const verify = async (request: Request): Promise<Answered> =>
    secondFactor.answer(request, readField(request, field) ?? '', lane);
  return (request: Request, done: Verified): void => {
    verify(request)
      .then((answered) => {
        if (answered.kind === 'accepted') done(null, answered.user, answered);
        else done(null, false, answered);
      })
      // passport-custom lets a rejected promise hang the request. A host's callback that throws ends here as well: left
      // unhandled, it would take the process down.
      .catch(done);
  };
}
