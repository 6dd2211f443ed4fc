import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import { type FirstFactor, factorKinds } from '../options.js';
import type { Settings } from '../settings.js';

/**
 * What the host's own functions say of a login. An answer that was not asked for counts as a refusal: a forgotten
 * `return` must not let anybody in.
 */

/** @throws SecondFactorError `login-refused`. */
export async function checkCondition(
  { login }: Settings,
  request: Request,
  user: Express.User,
): Promise<void> {
  const verdict: unknown = login.condition ? await login.condition(request, user) : 'usual';
  if (verdict === 'usual') return;
  if (verdict === 'refuse') throw new SecondFactorError('login-refused', 'This login is not allowed.');
  throw new SecondFactorError(
    'configuration-invalid',
    'options.login.condition must return "usual" or "refuse".',
  );
}

export async function nameFirstFactor(
  { assurance }: Settings,
  request: Request,
  user: Express.User,
): Promise<FirstFactor> {
  const name: unknown = assurance.firstFactor ? await assurance.firstFactor(request, user) : 'pwd';
  if (typeof name === 'string' && Object.hasOwn(factorKinds, name)) return name as FirstFactor;
  throw new SecondFactorError(
    'configuration-invalid',
    `options.assurance.firstFactor must return one of ${Object.keys(factorKinds).join(', ')}.`,
  );
}

export async function isSecondStepSkipped(
  { login }: Settings,
  request: Request,
  user: Express.User,
): Promise<boolean> {
  return (await login.skipSecondStep?.(request, user)) === true;
}

export async function isSessionlessAllowed(
  { login }: Settings,
  request: Request,
  user: Express.User,
  options: object,
): Promise<boolean> {
  if (typeof login.sessionless !== 'function') return login.sessionless === 'allow';
  const verdict: unknown = await login.sessionless(request, user, options);
  return verdict === true;
}

/** Asks, then has it written down. @throws SecondFactorError `impersonation-refused`. */
export async function checkImpersonation(
  { login }: Settings,
  request: Request,
  actor: Express.User,
  user: Express.User,
): Promise<void> {
  const { impersonation } = login;
  if (!impersonation) {
    throw new SecondFactorError(
      'configuration-invalid',
      'Nobody may impersonate: set options.login.impersonation.',
    );
  }
  const verdict: unknown = await impersonation.allow(request, actor, user);
  if (verdict !== true) throw refuseImpersonation();
  await impersonation.record(request, actor, user);
}

export function refuseImpersonation(): SecondFactorError {
  return new SecondFactorError('impersonation-refused', 'This impersonation is not allowed.');
}
