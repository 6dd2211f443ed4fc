import { generateSync } from '@otplib/totp';
import { SECOND } from '../clock.js';
import type { TotpParameters } from '../model.js';
import { decodeKey } from '../totp/key-uri.js';
import { crypto, defaultParameters } from '../totp/match-step.js';

/**
 * The code of a secret at a moment.
 * @param secret raw bytes, or base32 as the set-up page shows it (spaces, dashes and case do not matter).
 * @param at milliseconds since the Unix epoch.
 * @param parameters default SHA-1, 6 digits, 30 seconds.
 * @throws Error where the text is no base32.
 */
export function totpCode(
  secret: Uint8Array | string,
  at: number,
  parameters: TotpParameters = defaultParameters,
): string {
  const { algorithm, digits, period } = parameters;
  return generateSync({
    crypto,
    secret: typeof secret === 'string' ? readKey(secret) : secret,
    epoch: Math.floor(at / SECOND),
    ...{ algorithm, digits, period },
  });
}

/** @throws Error where it is no base32; it does not repeat it. */
export function readKey(text: string): Uint8Array {
  const secret = decodeKey(text);
  if (!secret) throw new Error('This is no key: base32 has the letters A to Z and the digits 2 to 7.');
  return secret;
}
