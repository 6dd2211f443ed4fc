import { SecondFactorError } from '../errors.js';
import type { Account } from '../model.js';
import type { Settings } from '../settings.js';

/**
 * Whether this user must have a second factor, by the host's policy. Only a clear answer is one: where a `return` was forgotten, nobody
 * is let off.
 * @throws SecondFactorError `configuration-invalid`.
 */
export async function isFactorRequired(
  { enabled, policy }: Pick<Settings, 'enabled' | 'policy'>,
  user: Express.User,
): Promise<boolean> {
  if (!enabled || !policy) return false;
  const verdict: unknown = policy.required === true || (await policy.required(user));
  if (typeof verdict === 'boolean') return verdict;
  throw new SecondFactorError(
    'configuration-invalid',
    'options.policy.required must return true or false for each user.',
  );
}

/** What the policy asks of somebody now; `enrolBy` where a second factor has to be set up. */
export async function describePolicy(
  settings: Settings,
  user: Express.User,
  { enabledAt, enrolBy }: Pick<Account, 'enabledAt' | 'enrolBy'>,
): Promise<{ isRequired: boolean; enrolBy: number | null }> {
  const isRequired = await isFactorRequired(settings, user);
  return { isRequired, enrolBy: isRequired && enabledAt === null ? enrolBy : null };
}

/** @throws SecondFactorError `removal-refused`. */
export async function refuseIfRequired(settings: Settings, user: Express.User): Promise<void> {
  if (!(await isFactorRequired(settings, user))) return;
  throw new SecondFactorError(
    'removal-refused',
    'This account must have a second factor: it cannot be turned off.',
  );
}
