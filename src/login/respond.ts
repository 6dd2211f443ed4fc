import type { ErrorRequestHandler, Request, Response } from 'express';
import { SecondFactorError, SecondFactorRequired } from '../errors.js';
import { toTime } from '../http/operation.js';
import { Problem, type ProblemMembers, sendProblem } from '../http/problem.js';
import { wantsJson } from '../http/wants-json.js';
import type { Lane, Method } from '../model.js';
import type { Settings } from '../settings.js';
import type { Gate } from './gate.js';
import { pageOf } from './guards.js';
import { isEnrolling, type PendingLogin, setReturnTo } from './session.js';

export interface HowToAnswer {
  factors: Lane[];
  /** Path of the page where a person goes on. */
  challenge: string;
  /** Paths of the JSON API, by factor; only where it is served. */
  answers?: Record<string, string>;
  /** Where a second factor has to be set up first. */
  enrol?: NonNullable<ProblemMembers['enrol']>;
}

/** Answers held logins: a page goes to the challenge, a program is told what can be answered, and where. */
export class Responder {
  readonly #gate: Gate;
  readonly #settings: Settings;
  #hasApi = false;

  constructor(gate: Gate, settings: Settings) {
    this.#gate = gate;
    this.#settings = settings;
  }

  /** From now on programs are sent to the JSON API. */
  announceApi(): void {
    this.#hasApi = true;
  }

  async answerHeld(request: Request, response: Response): Promise<void> {
    const state = this.#gate.state(request);
    // The host has answered itself: the pending login is saved, and there is nothing left to say.
    if (isAnswered(response)) return;
    if (!wantsJson(request)) {
      const page = state.kind === 'complete' ? this.#settings.paths.challenge : pageOf(state, this.#settings);
      response.set('Cache-Control', 'no-store').redirect(303, page);
      return;
    }
    const problem =
      state.kind === 'pending' || state.kind === 'enrolling'
        ? await this.refuse(state.pending)
        : toProblem(new SecondFactorRequired(), { challenge: this.#settings.paths.challenge });
    // That took a while: the host may have answered meanwhile.
    if (!isAnswered(response)) sendProblem(request, response, problem);
  }

  /**
   * Sends a person back to what waited for a fresh proof. @returns whether it has answered; else the host does: for a program,
   * or because `login.held` says so.
   */
  answerProven(request: Request, response: Response, target: string): boolean {
    if (isAnswered(response) || wantsJson(request) || this.#settings.held === 'error') return false;
    setReturnTo(request, undefined);
    response.set('Cache-Control', 'no-store').redirect(303, target);
    return true;
  }

  /** The same of any call that a pending login may not make. */
  async refuse(pending: PendingLogin): Promise<Problem> {
    const title = isEnrolling(pending) ? 'Set up a second factor first.' : 'A second factor is required.';
    return new Problem('second-factor-required', title, await this.describe(pending));
  }

  /** What a program needs to know to complete a pending login. */
  async describe(pending: PendingLogin): Promise<HowToAnswer> {
    const { challenge, api } = this.#settings.paths;
    if (isEnrolling(pending)) {
      const calls = this.#hasApi && { setup: `${api}/setup/me`, enable: `${api}/enable/me` };
      const page = pageOf({ kind: 'enrolling', pending }, this.#settings);
      return { factors: [], challenge: page, enrol: { by: toTime(pending.enrolBy), ...calls } };
    }
    const factors = await this.#gate.usableLanes(pending.userId);
    return { factors, challenge, ...(this.#hasApi && { answers: answerPaths(api, factors) }) };
  }

  /** Answers what a host's route could not do: held logins like `answerHeld`, other refusals where a program asked. */
  errors(): ErrorRequestHandler {
    return (error, request, response, next) => {
      if (error instanceof SecondFactorRequired) this.answerHeld(request, response).catch(next);
      else if (error instanceof SecondFactorError && error.status !== 500 && !isPerson(request, response))
        sendProblem(request, response, toProblem(error));
      else next(error);
    };
  }
}

const calls: Record<Method, string> = {
  pwd: 'verify-password',
  totp: 'verify',
  'backup-code': 'verify-backup',
};

/** Where a program answers with each of these. */
export function answerPaths(api: string, methods: readonly Method[]): Record<string, string> {
  return Object.fromEntries(methods.map((method) => [method, `${api}/${calls[method]}/me`]));
}

function isAnswered(response: Response): boolean {
  return response.headersSent;
}

/** Whoever shows pages says so in `Accept`; an error page is nothing to a program that says nothing. */
function isPerson(request: Request, response: Response): boolean {
  const acceptsPages = request.get('Accept')?.includes('text/html') === true;
  return response.headersSent || (acceptsPages && !wantsJson(request));
}

function toProblem({ code, message }: SecondFactorError, members?: ProblemMembers): Problem {
  return new Problem(code, message, members);
}
