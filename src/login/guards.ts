import type { Request, Response } from 'express';
import { browserUrl } from '../http/path.js';
import type { Method } from '../model.js';
import { FRESH_FOR, type Settings } from '../settings.js';
import type { Gate, LoginState } from './gate.js';
import { type Freshness, freshness, type Stamp } from './stamp.js';

/** A request of somebody who is logged in. */
export type Complete = Extract<LoginState, { kind: 'complete' }>;

export type CompleteHandler = (request: Request, response: Response, complete: Complete) => Promise<void>;

/** Lets only complete logins in; a pending one goes to its challenge, everybody else to the login page. */
export function requireComplete(gate: Gate, settings: Settings) {
  return (run: CompleteHandler) =>
    async (request: Request, response: Response): Promise<void> => {
      const state = gate.state(request);
      if (state.kind === 'complete') await run(request, response, state);
      else if (state.kind === 'anonymous') response.redirect(303, settings.paths.login);
      else response.redirect(303, settings.paths.challenge);
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
