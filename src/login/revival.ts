import type { Request } from 'express';
import type { Session } from 'express-session';
import { detachSession, isSessionStored } from './session.js';

const guarded = new WeakSet<Session>();

/**
 * A store creates what it is told to save: a request that takes its time would bring back a session that was logged out
 * meanwhile (R5). From now on this one is looked for before it is saved; a changed session costs one read more.
 */
export function refuseRevival(request: Request): void {
  const { session } = request;
  if (guarded.has(session)) return;
  guarded.add(session);
  const save = session.save.bind(session);
  const saveIfStored = (done: (error?: unknown) => void = () => undefined): Session => {
    isSessionStored(request, session.id).then((isStored) => {
      if (isStored) save(done);
      else {
        if (request.session === session) detachSession(request);
        done();
      }
    }, done);
    return session;
  };
  Object.defineProperty(session, 'save', { value: saveIfStored, configurable: true, writable: true });
}
