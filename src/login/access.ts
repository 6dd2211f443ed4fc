import type { Request } from 'express';
import type { Admit } from '../http/endpoints.js';
import { Problem } from '../http/problem.js';
import { isUserId, type Method } from '../model.js';
import type { ApiAction } from '../options.js';
import type { Settings } from '../settings.js';
import { type Gate, type LoginState } from './gate.js';
import { type Complete, type Enrolling, judgeProof } from './guards.js';
import { answerPaths, type Responder } from './respond.js';
import { expireLogin } from './session.js';
import type { Stamp } from './stamp.js';

/** A login that has begun and not timed out. */
export type Begun = Extract<LoginState, { kind: 'complete' | 'pending' | 'enrolling' }>;

/** A login that can be answered or proven anew. */
export type Challenged = Exclude<Begun, { kind: 'enrolling' }>;

/** Another user, where the host allows it. */
export interface Foreign {
  kind: 'foreign';
  userId: string;
  /** Of the caller. */
  stamp: Stamp;
}

/** Whom the operations of the JSON API answer. A user who is somebody else is answered like one who does not exist. */
export class ApiAccess {
  readonly #gate: Gate;
  readonly #settings: Settings;
  readonly #responder: Responder;

  constructor(gate: Gate, settings: Settings, responder: Responder) {
    this.#gate = gate;
    this.#settings = settings;
    this.#responder = responder;
  }

  /** Anybody: the operation tells each only of the own session. */
  readonly anybody: Admit<object> = async () => ({});

  /** Whoever has a login, whatever it waits for, or a complete one. */
  readonly begun: Admit<Begun> = async (request, userId) => {
    const state = this.#gate.state(request);
    switch (state.kind) {
      case 'anonymous':
        return this.#loginRequired();
      case 'expired':
        expireLogin(request, state.pending);
        return new Problem('login-expired', 'Your sign-in timed out. Sign in again.', this.#loginPath());
      case 'pending':
      case 'enrolling':
        return isSelf(userId, state.pending.userId) ? state : notFound();
      case 'complete':
        return isSelf(userId, state.stamp.userId) ? state : notFound();
    }
  };

  /** Whoever's login is complete, or waits for an answer. */
  readonly challenged: Admit<Challenged> = async (request, userId) => {
    const state = await this.begun(request, userId);
    return state instanceof Problem || state.kind !== 'enrolling'
      ? state
      : this.#responder.refuse(state.pending);
  };

  /** Whoever's login is complete. */
  readonly owner: Admit<Complete> = async (request, userId) => {
    const state = await this.begun(request, userId);
    return state instanceof Problem || state.kind === 'complete'
      ? state
      : this.#responder.refuse(state.pending);
  };

  /** Who may set a second factor up: whose login waits for it, or is complete and has given a fresh proof. */
  readonly enroller: Admit<Complete | Enrolling> = async (request, userId) => {
    const state = await this.begun(request, userId);
    // Asked once where the answer is a refusal: a login that has timed out is told of a single time.
    if (state instanceof Problem || state.kind === 'enrolling') return state;
    return this.provenOwner(request, userId);
  };

  /** Whoever's login is complete and has given a fresh proof (R6). */
  readonly provenOwner: Admit<Complete> = async (request, userId) => {
    const state = await this.owner(request, userId);
    return state instanceof Problem ? state : ((await this.#refuseStale(state)) ?? state);
  };

  /** The owner, or somebody whom the host allows this to. */
  ownerOr(action: ApiAction): Admit<Complete | Foreign> {
    return async (request, userId) => {
      const own = await this.owner(request, userId);
      if (!(own instanceof Problem) || own.code !== 'not-found') return own;
      const state = this.#gate.state(request);
      if (
        state.kind !== 'complete' ||
        state.stamp.impersonator ||
        !(await this.#isAllowed(request, userId, action))
      )
        return own;
      // Of what is only looked at nothing can be lost.
      const stale = action === 'status' ? undefined : await this.#refuseStale(state);
      return stale ?? { kind: 'foreign', userId, stamp: state.stamp };
    };
  }

  async #refuseStale({ stamp }: Complete): Promise<Problem | undefined> {
    const { proof, methods } = await judgeProof(this.#gate, this.#settings, stamp);
    return proof === 'fresh' ? undefined : this.askForProof(proof, methods);
  }

  /** Says which methods would prove that it is the user, and where. */
  askForProof(proof: 'expired' | 'missing', methods: readonly Method[]): Problem {
    const { api, challenge } = this.#settings.paths;
    const { reauthentication } = this.#settings;
    const factors = this.#settings.user.checkPassword
      ? methods
      : methods.filter((method) => method !== 'pwd');
    if (factors.length === 0 && reauthentication) {
      const members = { factors: ['pwd'], login: reauthentication.page, proof };
      return new Problem('proof-required', 'Sign in again first.', members);
    }
    if (factors.length === 0) {
      return new Problem('proof-impossible', 'Sign out and sign in again, then come back within 5 minutes.');
    }
    const members = { factors, answers: answerPaths(api, factors), challenge, proof };
    return new Problem('proof-required', 'Prove first that it is you.', members);
  }

  async #isAllowed(request: Request, userId: string, action: ApiAction): Promise<boolean> {
    const { api } = this.#settings;
    if (!api.authorize || !isUserId(userId)) return false;
    const verdict: unknown = await api.authorize(request, userId, action);
    return verdict === true;
  }

  #loginRequired(): Problem {
    return new Problem('login-required', 'Sign in first.', this.#loginPath());
  }

  #loginPath(): { login: string } {
    return { login: this.#settings.paths.login };
  }
}

function isSelf(named: string, userId: string): boolean {
  return named === 'me' || named === userId;
}

function notFound(): Problem {
  return new Problem('not-found', 'There is no such user.');
}
