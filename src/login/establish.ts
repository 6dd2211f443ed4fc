import type { Request } from 'express';
import { SecondFactorError } from '../errors.js';
import type { Settings } from '../settings.js';
import type { Completion } from './completions.js';
import type { Gate } from './gate.js';
import { renewSession } from './renewal.js';
import { setUser } from './request-user.js';
import { detachSession, isSessionStored } from './session.js';
import type { Stamp } from './stamp.js';

/** Makes the session of a request that of a complete login. */
export async function establish(
  gate: Gate,
  settings: Settings,
  request: Request,
  user: Express.User,
  login: Omit<Completion, 'userId' | 'isFactorProven'>,
): Promise<void> {
  const { serialised, stamp, keepHostData, isRenewal } = login;
  // Last of all that takes time: what was logged out meanwhile must not come back.
  if (isRenewal) await refuseUnlessStored(request);
  setUser(request, null);
  await renewSession(request, {
    keepHostData,
    facts: { stamp },
    user: serialised,
    prepare: () => (isRenewal ? undefined : runAfter(gate, settings, request, user, stamp)),
  });
  setUser(request, user);
}

/** The host's own part of a completion sees the user logged in; where it fails, nobody is. */
async function runAfter(
  gate: Gate,
  settings: Settings,
  request: Request,
  user: Express.User,
  stamp: Stamp,
): Promise<void> {
  if (!settings.login.after || !request.res) return;
  setUser(request, user);
  gate.announce(request, { user, stamp });
  try {
    await settings.login.after(request, request.res, user);
  } finally {
    gate.announce(request, undefined);
    setUser(request, null);
  }
}

async function refuseUnlessStored(request: Request): Promise<void> {
  if (await isSessionStored(request)) return;
  // Its cookie must not take away that of the session in its place.
  detachSession(request);
  throw endedElsewhere();
}

export function endedElsewhere(): SecondFactorError {
  return new SecondFactorError(
    'session-missing',
    'This session has ended meanwhile. If this request itself changed the password, pass it to passwordChanged(userId, request).',
  );
}
