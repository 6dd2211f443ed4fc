import { isDeepStrictEqual } from 'node:util';
import type { Request } from 'express';
import type { Session } from 'express-session';
import { sha256 } from '../crypto/hash.js';
import { issueFormToken } from '../http/csrf.js';
import {
  fromStore,
  isSessionStored,
  isUnknownToUs,
  nameSession,
  type PendingLogin,
  requireSession,
  type SessionFacts,
} from './session.js';
import type { Stamp } from './stamp.js';

const OURS = new Set(['cookie', 'passport', 'secondFactor', 'secondFactorToken']);

/** What a session has become. */
type NewFacts = { stamp: Stamp } | { pending: PendingLogin };

/** What a session is from now on. */
interface NewSession {
  /** Whether what the host put there moves along; ours and Passport's never does. */
  keepHostData: boolean;
  facts?: NewFacts;
  /** The serialised user of a complete login; without it nobody is logged in. */
  user?: unknown;
  /** Runs in the new session, before it says who is logged in: a response that ends meanwhile would save that. */
  prepare?(): void | Promise<void>;
}

/** Changes the session id (R5) and saves what the session is from now on; where that fails, it is nobody's. */
export async function renewSession(request: Request, renewal: NewSession): Promise<void> {
  const previous = requireSession(request);
  // Who brought no cookie has no session in the store that would have to go, but for one that a login of this request has made.
  if (!request.headers.cookie && isUnknownToUs(request))
    request.sessionStore.generate(request as Express.Request);
  else {
    await fromStore(request, (done) => {
      previous.regenerate(done);
    });
  }
  const session = requireSession(request);
  if (renewal.keepHostData) {
    const kept = Object.entries(previous).filter(
      ([name, value]) => !OURS.has(name) && typeof value !== 'function',
    );
    Object.assign(session, Object.fromEntries(kept));
  }
  await renewal.prepare?.();
  if (renewal.facts) {
    session.secondFactor = bind(request, renewal.facts);
    issueFormToken(session);
  }
  if (renewal.user !== undefined) session.passport = { user: renewal.user };
  // Before any answer: a redirect must not be followed faster than the session is written.
  await fromStore(request, (done) => {
    session.save(done);
  });
  saveOnlyChanges(session);
}

/** At the end of the response express-session saves a new session whatever was done before: as it is in the store, it needs no second time. */
function saveOnlyChanges(session: Session): void {
  let stored = copyContent(session);
  const save = session.save.bind(session);
  const saveIfChanged = (done: (error?: unknown) => void = () => undefined): Session => {
    if (isDeepStrictEqual(contentOf(session), stored)) done();
    else {
      const content = copyContent(session);
      stored = undefined;
      save((error) => {
        if (!error) stored = content;
        done(error);
      });
    }
    return session;
  };
  Object.defineProperty(session, 'save', { value: saveIfChanged, configurable: true, writable: true });
}

/** What a store keeps of a session, but for when it ends, which moves with each request. */
function contentOf(session: Session): object {
  const cookie = Object.entries(session.cookie).filter(([name]) => name !== '_expires');
  return { cookie, others: Object.entries(session).filter(([name]) => name !== 'cookie') };
}

/** `undefined` where there is something in it that cannot be copied: nobody knows whether that has changed. */
function copyContent(session: Session): object | undefined {
  try {
    return structuredClone(contentOf(session));
  } catch {
    return undefined;
  }
}

/**
 * Stamps a session from before the roll-out, in place: its id is in requests under way. Parallel requests write the same.
 * Saved at once: at the end of a slow request it would bring back a session that was logged out meanwhile.
 * @returns whether the session was still there.
 */
export async function adoptSession(request: Request, stamp: Omit<Stamp, 'handle'>): Promise<boolean> {
  if (!(await isSessionStored(request))) return false;
  const session = requireSession(request);
  const handle = sha256(`adopted:${request.sessionID}`);
  session.secondFactor = bind(request, { stamp: { ...stamp, handle } });
  session.secondFactorToken ??= sha256(`form:${request.sessionID}`);
  await fromStore(request, (done) => {
    session.save(done);
  });
  return true;
}

function bind(request: Request, facts: NewFacts): SessionFacts {
  return 'stamp' in facts ? { stamp: { ...facts.stamp, session: nameSession(request) } } : facts;
}
