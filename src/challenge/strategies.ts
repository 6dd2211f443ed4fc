import type { Request } from 'express';
import type { Strategy } from 'passport';
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

/** What Passport puts at a strategy for each request. */
interface Actions {
  success: (user: unknown, info: object) => void;
  fail: (info: object) => void;
  error: (error: unknown) => void;
}

abstract class AnswerStrategy implements Strategy {
  readonly name: Lane;
  /** Not `#`: Passport calls `authenticate` on an object that has the strategy as its prototype. */
  protected readonly verify: (request: Request) => Promise<Answered>;

  constructor(lane: Lane, secondFactor: Answerer, { field = 'code' }: StrategyOptions) {
    this.name = lane;
    this.verify = async (request) => secondFactor.answer(request, readField(request, field) ?? '', lane);
  }

  authenticate(request: Request): void {
    // Taken at once: at a strategy that Passport is handed as an object the next request's are written over them, and one
    // person would get another's outcome.
    const { success, fail, error } = this as unknown as Actions;
    this.verify(request)
      .then((answered) => (answered.kind === 'accepted' ? success(answered.user, answered) : fail(answered)))
      // A host's callback that throws ends here as well: left unhandled, it would take the process down.
      .catch(error);
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
