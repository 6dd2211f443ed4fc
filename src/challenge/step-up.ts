import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { parseDuration } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import { judgeSender } from '../http/csrf.js';
import { handle } from '../http/handle.js';
import { browserUrl } from '../http/path.js';
import { type Problem, sendProblem } from '../http/problem.js';
import { samePathOnly } from '../http/return-to.js';
import { wantsJson } from '../http/wants-json.js';
import type { ApiAccess } from '../login/access.js';
import { enrolmentRequired } from '../login/desk.js';
import type { Gate } from '../login/gate.js';
import { type Complete, judgeProof } from '../login/guards.js';
import { redirectLogin } from '../login/session.js';
import { type Freshness, freshness } from '../login/stamp.js';
import type { Method } from '../model.js';
import type { Settings } from '../settings.js';
import { listFields, type ParkedRequests } from './parked-request.js';

/** Which proofs `recent()` takes. */
export interface RecentOptions {
  /** How old the proof may be: a number with `s`, `m`, `h` or `d`. Default `5m`. */
  within?: string;
  /**
   * Any of these methods proves it, a second factor among them: whoever has one is never asked for the password alone. Default: a
   * TOTP or backup code of whoever has a second factor, else the password (`pwd`).
   */
  any?: readonly Method[];
}

const SECOND_FACTOR: readonly Method[] = ['totp', 'backup-code'];

/** Guards of the host's own routes: the same challenge with another purpose, after which the request goes on. */
export class StepUp {
  readonly #gate: Gate;
  readonly #settings: Settings;
  readonly #access: ApiAccess;
  readonly #parked: ParkedRequests;

  constructor(gate: Gate, settings: Settings, access: ApiAccess, parked: ParkedRequests) {
    this.#gate = gate;
    this.#settings = settings;
    this.#access = access;
    this.#parked = parked;
  }

  /** Lets requests on whose session has given a proof within this time. */
  recent({ within = '5m', any }: RecentOptions = {}): RequestHandler {
    const age = parseDuration(within);
    if (age === undefined)
      throw misconfigured('recent({ within }) must be a number with s, m, h or d, like "5m".');
    if (any && !any.some((method) => SECOND_FACTOR.includes(method))) {
      throw misconfigured('recent({ any }) must name "totp" or "backup-code".');
    }
    return this.#guard(async ({ stamp }) =>
      any
        ? { proof: freshness(stamp, any, this.#settings.clock(), age), methods: any }
        : judgeProof(this.#gate, this.#settings, stamp, age),
    );
  }

  /** Lets requests on whose session has ever proven a second factor. */
  required(): RequestHandler {
    return this.#guard(({ stamp }) =>
      Promise.resolve({
        proof: freshness(stamp, SECOND_FACTOR, this.#settings.clock(), Infinity),
        methods: SECOND_FACTOR,
      }),
    );
  }

  /** Asks for a proof, whatever this session has given; whoever has to log in first comes back as well. */
  async ask(request: Request, response: Response): Promise<void> {
    const complete = await this.#access.owner(request, 'me');
    if ('stamp' in complete) {
      const { methods } = await judgeProof(this.#gate, this.#settings, complete.stamp);
      await this.#ask(request, response, complete, this.#access.askForProof('expired', methods));
    } else {
      redirectLogin(request, this.#findPage(request));
      this.#sendAway(request, response, complete);
    }
  }

  #guard(
    judge: (complete: Complete) => Promise<{ proof: Freshness; methods: readonly Method[] }>,
  ): RequestHandler {
    return handle(async (request, response, next) => {
      const complete = await this.#access.owner(request, 'me');
      if (!('stamp' in complete)) {
        this.#sendAway(request, response, complete);
        return;
      }
      const { proof, methods } = await judge(complete);
      if (proof === 'fresh') next();
      else if (methods.includes('pwd') || (await this.#gate.hasSecondFactor(complete.stamp.userId)))
        await this.#ask(request, response, complete, this.#access.askForProof(proof, methods));
      else this.#askToEnrol(request, response, next);
    });
  }

  /** Nobody is logged in, or the second step is owed. */
  #sendAway(request: Request, response: Response, problem: Problem): void {
    if (wantsJson(request)) sendProblem(request, response, problem);
    else response.redirect(303, problem.members.challenge ?? this.#settings.paths.login);
  }

  /** A second factor is asked for that the user does not have. */
  #askToEnrol(request: Request, response: Response, next: NextFunction): void {
    const target = encodeURIComponent(this.#findPage(request));
    if (!wantsJson(request))
      response.redirect(303, `${this.#settings.paths.pages}/setup?return_to=${target}`);
    else next(enrolmentRequired());
  }

  async #ask(request: Request, response: Response, complete: Complete, problem: Problem): Promise<void> {
    if (wantsJson(request)) {
      sendProblem(request, response, problem);
      return;
    }
    const target = await this.#findWayBack(request, complete);
    const { pages } = this.#settings.paths;
    response.set('Cache-Control', 'no-store');
    response.redirect(303, `${pages}/challenge?return_to=${encodeURIComponent(target)}`);
  }

  /** Where the challenge goes on to: this page; a form that is offered again; else the page that the form was on. */
  async #findWayBack(request: Request, { stamp }: Complete): Promise<string> {
    if (isRead(request)) return this.#findPage(request);
    const { origin, paths } = this.#settings;
    const path = samePathOnly(browserUrl(request, paths.prefix), origin) ?? paths.home;
    const fields = this.#isOwnForm(request) ? listFields(request.body) : undefined;
    const id = fields && (await this.#parked.park(stamp, { path, fields }));
    return id === undefined ? this.#findPage(request) : `${paths.pages}/resume/${id}`;
  }

  /** The page that is asked for; of a form, the page that it was on. */
  #findPage(request: Request): string {
    const { origin, paths } = this.#settings;
    const page = isRead(request) ? browserUrl(request, paths.prefix) : request.get('Referer');
    return samePathOnly(page, origin) ?? paths.home;
  }

  /**
   * A form of another site's must not come back as one of ours, whatever the host's own protection is and wherever it stands.
   * @throws SecondFactorError `cross-site-refused`.
   */
  #isOwnForm(request: Request): boolean {
    const isForm = request.method === 'POST' && request.is('application/x-www-form-urlencoded') !== false;
    return judgeSender(request, this.#settings.origin) === 'own' && isForm;
  }
}

function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD';
}

function misconfigured(message: string): SecondFactorError {
  return new SecondFactorError('configuration-invalid', message);
}
