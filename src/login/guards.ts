import type { Request, Response } from 'express';
import { browserUrl } from '../http/path.js';
import type { Method } from '../model.js';
import { FRESH_FOR } from '../limits.js';
import type { Settings } from '../settings.js';
import type { Gate, LoginState } from './gate.js';
import { type Freshness, freshness, type Stamp } from './stamp.js';

/** A request of somebody who is logged in. */
export type Complete = Extract<LoginState, { kind: 'complete' }>;

/** A request of somebody whose login waits for a second factor to be set up. */
export type Enrolling = Extract<LoginState, { kind: 'enrolling' }>;

export type CompleteHandler = (request: Request, response: Response, complete: Complete) => Promise<void>;

/** Lets only complete logins in; a pending one goes to the page where it goes on, everybody else to the login page. */
export function requireComplete(gate: Gate, settings: Settings) {
  return (run: CompleteHandler) =>
    async (request: Request, response: Response): Promise<void> => {
      const state = gate.state(request);
      if (state.kind === 'complete') await run(request, response, state);
      else if (state.kind === 'anonymous') response.redirect(303, settings.paths.login);
      else response.redirect(303, pageOf(state, settings));
    };
}

/** Where a person goes on with a login that is not complete. */
export function pageOf({ kind }: Exclude<LoginState, Complete>, { paths }: Settings): string {
  return kind === 'enrolling' ? `${paths.pages}/required` : paths.challenge;
}

/** Lets in who may set a second factor up: whose login waits for it, or is complete with a fresh proof. */
export function requireEnroller(gate: Gate, settings: Settings) {
  const fresh = requireFresh(gate, settings);
  return (run: (request: Request, response: Response, who: Complete | Enrolling) => Promise<void>) => {
    const runFresh = fresh(run);
    return async (request: Request, response: Response): Promise<void> => {
      const state = gate.state(request);
      await (state.kind === 'enrolling' ? run(request, response, state) : runFresh(request, response));
    };
  };
}

/** Lets only complete logins in whose proof is fresh (R6); others prove themselves again and come back. */
export function requireFresh(gate: Gate, settings: Settings) {
  const complete = requireComplete(gate, settings);
  return (run: CompleteHandler) =>
    complete(async (request, response, state) => {
      const { proof } = await judgeProof(gate, settings, state.stamp);
      if (proof === 'fresh') {
        await run(request, response, state);
        return;
      }
      const target = browserUrl(request, settings.paths.prefix);
      response.redirect(303, `${settings.paths.pages}/challenge?return_to=${encodeURIComponent(target)}`);
    });
}

/**
 * Whether a session may change the second factor now (R6), and which methods would prove that it may. Whoever has a second
 * factor proves that one: the password alone must not lead to codes with which it can be removed.
 */
export async function judgeProof(
  gate: Gate,
  { clock }: Settings,
  stamp: Stamp,
  within = FRESH_FOR,
): Promise<{ proof: Freshness; methods: Method[] }> {
  const methods: Method[] = (await gate.hasSecondFactor(stamp.userId)) ? ['totp', 'backup-code'] : ['pwd'];
  return { proof: freshness(stamp, methods, clock(), within), methods };
}
