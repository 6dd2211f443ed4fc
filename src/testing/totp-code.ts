import { generateSync, ScureBase32Plugin } from 'otplib';
import { SECOND } from '../clock.js';
import type { TotpParameters } from '../model.js';
import { defaultParameters } from '../totp/match-step.js';

/**
 * The code an authenticator app shows.
 * @param secret raw bytes, or base32 as the setup page shows it (spaces and case do not matter).
 * @param at milliseconds since the Unix epoch.
 * @param parameters default SHA-1, 6 digits, 30 seconds.
 */
export function totpCode(
  secret: Uint8Array | string,
  at: number,
  parameters: TotpParameters = defaultParameters,
): string {
  const bytes =
    typeof secret === 'string'
      ? new ScureBase32Plugin().decode(secret.replace(/\s/g, '').toUpperCase())
      : secret;
  return generateSync({ secret: bytes, epoch: Math.floor(at / SECOND), ...parameters });
}
