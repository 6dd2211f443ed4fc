import { createGuardrails } from '@otplib/core';
import { NodeCryptoPlugin } from '@otplib/plugin-crypto-node';
import { verifySync } from '@otplib/totp';
import { MINUTE, SECOND } from '../clock.js';
import type { TotpParameters } from '../model.js';

/** How many time steps before and after the present one are accepted (RFC 6238 §5.2). */
export interface Window {
  past: number;
  future: number;
}

/** Ours have 160 bits. Shorter ones come from other systems, and only where `allowShortSecrets` says so. */
const guardrails = createGuardrails({ MIN_SECRET_BYTES: 10 });

/** Node's own HMAC, a third of the time that the one in JavaScript takes. */
export const crypto = new NodeCryptoPlugin();

/** What authenticator apps understand without exception: SHA-1, 6 digits, 30 seconds. */
export const defaultParameters: TotpParameters = { algorithm: 'sha1', digits: 6, period: 30 };

/**
 * Finds the time step of a code.
 * @param code ASCII digits; a code of another length than the authenticator's matches nothing.
 * @param now milliseconds.
 * @returns the step, or `undefined` where the code is of no step in the window.
 */
export function matchStep(
  secret: Uint8Array,
  parameters: TotpParameters,
  code: string,
  now: number,
  window: Window,
): number | undefined {
  // otplib throws on a token that is not exactly `digits` ASCII digits.
  if (code.length !== parameters.digits || !/^[0-9]+$/.test(code)) return undefined;
  const { algorithm, digits, period } = parameters;
  const result = verifySync({
    secret,
    token: code,
    algorithm,
    digits,
    period,
    crypto,
    guardrails,
    epoch: Math.floor(now / SECOND),
    epochTolerance: [window.past * period, window.future * period],
  });
  return result.valid ? result.timeStep : undefined;
}

/** How far from now a code is looked for that is of no step in the window. */
const CLOCK_SEARCH = 10 * MINUTE;

/**
 * Of how many seconds the clock that made a code seems to be ahead (negative: behind), to the next time step; `undefined`
 * where no step within 10 minutes has this code. Only for an enrolment, where whoever asks knows the secret: elsewhere the
 * answer would help to guess.
 */
export function findClockOffset(
  secret: Uint8Array,
  parameters: TotpParameters,
  code: string,
  now: number,
): number | undefined {
  const period = parameters.period * SECOND;
  const steps = Math.ceil(CLOCK_SEARCH / period);
  const step = matchStep(secret, parameters, code, now, { past: steps, future: steps });
  return step === undefined ? undefined : (step - Math.floor(now / period)) * parameters.period;
}
