import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import type { Strategy } from 'passport';
import { DAY, MINUTE } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import { readField } from '../http/form.js';
import { fromCallback } from '../http/from-callback.js';
import { handle } from '../http/handle.js';
import type { Render } from '../http/render.js';
import { samePathOnly } from '../http/return-to.js';
import type { Gate } from '../login/gate.js';
import { type Complete, pageOf } from '../login/guards.js';
import type { LoginDesk } from '../login/desk.js';
import { expireLogin, keepInterrupted, type PendingLogin } from '../login/session.js';
import type { Stamp } from '../login/stamp.js';
import { PENDING_LIFETIME } from '../limits.js';
import type { Settings } from '../settings.js';
import type { Views } from '../views.js';
import { parseAnswer } from './answer.js';
import type { Answered, ChallengeDesk } from './desk.js';
import { describeFailure, type Message } from './messages.js';
import type { Failure } from './outcome.js';
import { createStop, setStatus } from './stop.js';
import { BackupCodeStrategy, TotpStrategy } from './strategies.js';

export interface ChallengePages {
  gate: Gate;
  logins: LoginDesk;
  desk: ChallengeDesk;
  settings: Settings;
  render: Render;
  form: RequestHandler;
}

/** What the code page asks for, without which kind of code. */
type Asked = Omit<Views['challenge/code'], 'use'>;

/** Passport's callback: with it, Passport leaves what follows to us. */
type Settle = (error: unknown, user: unknown, info: unknown) => void;

type Accepted = Extract<Answered, { kind: 'accepted' }>;

/** The challenge: one page for the second step of a login and for a fresh proof inside a complete session. */
export function challengePages({ gate, logins, desk, settings, render, form }: ChallengePages): Router {
  const router = Router();
  const { wordsFor } = settings;
  const stop = createStop(settings, render);
  /** The form of a login that another tab has completed meanwhile: its token is of the session before. */
  const tellLate: ErrorRequestHandler = (error: unknown, request, response, next) => {
    const isStale = error instanceof SecondFactorError && error.code === 'form-token-invalid';
    const isOfLogin = isStale && readField(request, 'return_to') === '';
    if (!isOfLogin || gate.state(request).kind !== 'complete') next(error);
    else stop(request, response, describe({ kind: 'completed' }, request)).catch(next);
  };
  const strategies = { totp: new TotpStrategy(desk), 'backup-code': new BackupCodeStrategy(desk) };

  router.get('/challenge', handle(show));
  router.post('/challenge', handle(refuseAnonymous), form, handle(answer), tellLate);
  router.post('/cancel', form, handle(cancel));

  async function show(request: Request, response: Response): Promise<void> {
    const state = gate.state(request);
    const returnTo = samePathOnly(request.query['return_to'], settings.origin);
    if (state.kind === 'anonymous') {
      response.redirect(303, settings.paths.login);
    } else if (state.kind === 'expired') {
      expireLogin(request, state.pending);
      await stop(request, response, describe({ kind: 'expired' }, request));
    } else if (state.kind === 'enrolling') {
      response.redirect(303, pageOf(state, settings));
    } else if (state.kind === 'pending') {
      await askCode(request, response, forLogin(state.pending));
    } else if (returnTo === undefined) {
      response.redirect(303, settings.paths.pages);
    } else {
      await askStepUp(request, response, state.stamp, returnTo);
    }
  }

  async function answer(request: Request, response: Response): Promise<void> {
    const state = gate.state(request);
    if (state.kind === 'enrolling') {
      response.redirect(303, pageOf(state, settings));
      return;
    }
    const isStepUp = state.kind === 'complete';
    const returnTo = samePathOnly(readField(request, 'return_to'), settings.origin) ?? settings.paths.pages;
    if (isStepUp && !(await gate.hasSecondFactor(state.stamp.userId))) {
      await answerPassword(request, response, state, returnTo);
      return;
    }
    const result = await authenticate(request, response);
    if (result.kind === 'accepted') {
      await desk.complete(request, result, readField(request, 'trust') === 'on');
      response.redirect(303, isStepUp ? returnTo : afterLogin(result));
      return;
    }
    const message = describe(result, request);
    if (message.heading !== undefined) await stop(request, response, message);
    else
      await askCode(
        request,
        response,
        state.kind === 'pending' ? forLogin(state.pending) : forStepUp(returnTo),
        message,
      );
  }

  /** Where a login goes on to: past a page that says what is to be done next, where it took a backup code or a support code. */
  function afterLogin({ lane, backupCodesLeft, returnTo = settings.paths.home }: Accepted): string {
    if (lane === 'totp') return returnTo;
    const kind = backupCodesLeft === undefined ? { kind: 'support' } : {};
    const target = new URLSearchParams({ return_to: returnTo, ...kind }).toString();
    return `${settings.paths.pages}/backup-codes/used?${target}`;
  }

  /** Runs the strategy for the kind of code that was typed, as a host's own route would. */
  async function authenticate(request: Request, response: Response): Promise<Accepted | Failure> {
    const parsed = parseAnswer(readField(request, 'code') ?? '');
    if ('kind' in parsed) return parsed;
    const passport = gate.passports.get(gate.passports.currentName(request));
    const authenticate = passport.authenticate as (strategy: Strategy, settle: Settle) => RequestHandler;
    return fromCallback<Accepted | Failure>((done) => {
      const settle: Settle = (error, _user, info) => {
        done(error, info as Accepted | Failure);
      };
      authenticate.call(passport, strategies[parsed.lane], settle)(request, response, done);
    });
  }

  async function answerPassword(
    request: Request,
    response: Response,
    complete: Complete,
    returnTo: string,
  ): Promise<void> {
    const outcome = await desk.answerPassword(request, complete, readField(request, 'password') ?? '');
    if (outcome.kind === 'proven') {
      response.redirect(303, returnTo);
    } else if (outcome.kind === 'wrong') {
      response.status(422);
      const error = wordsFor(request).messages.answers.passwordWrong;
      await render(request, response, 'challenge/password', { returnTo, error });
    } else {
      await stop(request, response, describe(outcome, request));
    }
  }

  async function cancel(request: Request, response: Response): Promise<void> {
    const { kind } = gate.state(request);
    if (kind === 'pending' || kind === 'enrolling') {
      await logins.logOut(request, false);
      await logins.abandon(request);
    }
    response.redirect(303, settings.paths.login);
  }

  /** A late or doubled form of a sign-in that is no longer here gets told so, before its token is looked at. */
  async function refuseAnonymous(request: Request, response: Response, next: () => void): Promise<void> {
    if (gate.state(request).kind !== 'anonymous') next();
    else await stop(request, response, describe({ kind: 'completed' }, request));
  }

  function describe(failure: Failure, request: Request): Message {
    return describeFailure(failure, settings.clock(), wordsFor(request));
  }

  function forLogin(pending: PendingLogin): Asked {
    const minutes = Math.ceil((pending.expiresAt - settings.clock()) / MINUTE);
    const trustDays = (settings.trustedBrowsers?.lifetime ?? 0) / DAY;
    return { purpose: 'login', returnTo: '', minutes, trustDays };
  }

  async function askCode(
    request: Request,
    response: Response,
    asked: Asked,
    message?: Message,
  ): Promise<void> {
    const use = request.query['use'] === 'backup-code' ? 'backup-code' : 'totp';
    if (message) setStatus(response, message);
    await render(request, response, 'challenge/code', { ...asked, use, error: message?.text });
  }

  async function askStepUp(
    request: Request,
    response: Response,
    stamp: Stamp,
    returnTo: string,
  ): Promise<void> {
    if (await gate.hasSecondFactor(stamp.userId)) {
      await askCode(request, response, forStepUp(returnTo));
    } else if (settings.user.checkPassword) {
      await render(request, response, 'challenge/password', { returnTo });
    } else if (settings.reauthentication && !stamp.impersonator) {
      await keepInterrupted(request, { returnTo, expiresAt: settings.clock() + PENDING_LIFETIME });
      response.redirect(303, settings.reauthentication.page);
    } else {
      const { answers, headings } = wordsFor(request).messages;
      await stop(request, response, {
        code: 'proof-impossible',
        text: answers.impossible,
        heading: headings.impossible,
      });
    }
  }

  return router;
}

function forStepUp(returnTo: string): Asked {
  return { purpose: 'step-up', returnTo, minutes: 0, trustDays: 0 };
}
