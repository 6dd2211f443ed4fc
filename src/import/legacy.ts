import { withPatience } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import type { LegacyFactor } from '../options.js';
import type { Settings } from '../settings.js';
import { type CheckedFactor, checkFactor, refusedReasons } from './record.js';

/**
 * Asks the host for the second factor that a user has in the system of before. Only `null` says that there is none: where a `return` was
 * forgotten, or the host cannot tell, nobody gets in with the password alone (R1).
 * @throws SecondFactorError `user-unavailable`, `configuration-invalid`.
 */
export async function findLegacyFactor(
  { legacy }: Settings,
  user: Express.User,
): Promise<CheckedFactor | null> {
  if (!legacy) return null;
  const found: unknown = await ask(legacy.findFactor.bind(legacy), user);
  if (found === null) return null;
  const factor =
    typeof found === 'object' ? checkFactor(found as LegacyFactor, legacy) : ('secret-invalid' as const);
  if (typeof factor !== 'string') return factor;
  throw new SecondFactorError(
    'configuration-invalid',
    `options.legacy.findFactor must return null or a second factor that can be taken over: ${refusedReasons[factor]}.`,
  );
}

async function ask(
  find: (user: Express.User) => Promise<LegacyFactor | null> | LegacyFactor | null,
  user: Express.User,
): Promise<unknown> {
  const message = 'The second factor of this user cannot be looked up right now.';
  try {
    return await withPatience(Promise.resolve(find(user)));
  } catch (cause) {
    throw new SecondFactorError('user-unavailable', message, { cause });
  }
}
