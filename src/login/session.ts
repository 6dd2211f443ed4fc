import type { Request } from 'express';
import type { Session, SessionData } from 'express-session';
import { z } from 'zod';
import { withPatience } from '../clock.js';
import { sha256 } from '../crypto/hash.js';
import { SecondFactorError } from '../errors.js';
import { fromCallback } from '../http/from-callback.js';
import { type FirstFactor, factorKinds } from '../options.js';
import type { Stamp } from './stamp.js';

const firstFactor = z.enum(Object.keys(factorKinds) as FirstFactor[]).optional();

const stamp = z.object({
  userId: z.string().min(1),
  epoch: z.int(),
  proofs: z.partialRecord(z.enum(['pwd', 'totp', 'backup-code']), z.number()),
  firstFactor,
  completedAt: z.number(),
  handle: z.string().min(1),
  enrolBy: z.number().optional(),
  impersonator: z.object({ userId: z.string().min(1), epoch: z.int() }).optional(),
  /** Hash of the id of the session that it was written into: copied into another, by whatever code, it is nobody's. */
  session: z.string(),
});

const pendingLogin = z.object({
  handle: z.string().min(1),
  userId: z.string().min(1),
  epoch: z.int(),
  user: z.unknown(),
  passport: z.string(),
  firstFactor,
  firstFactorAt: z.number(),
  expiresAt: z.number(),
  returnTo: z.string(),
  keepSessionInfo: z.boolean(),
  enrolBy: z.number().optional(),
});

const interrupted = z.strictObject({ returnTo: z.string(), expiresAt: z.number() });

/** What a session says is believed only in this shape; anything else is nobody's (R1). */
const sessionFacts = z.union([
  z.strictObject({ stamp, interrupted: interrupted.optional() }),
  z.strictObject({ pending: pendingLogin }),
]);

/** A login that waits for its second step. Nobody is logged in by it. */
export interface PendingLogin {
  /** Random; its hash names the row in `two_factor_pending`, where all that must be atomic stands. */
  handle: string;
  userId: string;
  epoch: number;
  /** The user as the host's Passport instance serialised it; completion writes this same value. */
  user: unknown;
  /** Name of that Passport instance. */
  passport: string;
  firstFactor?: FirstFactor | undefined;
  firstFactorAt: number;
  expiresAt: number;
  /** A path of this origin. */
  returnTo: string;
  keepSessionInfo: boolean;
  /**
   * Until when a second factor has to be set up, where that is what the login waits for; `undefined` where it waits for an answer.
   */
  enrolBy?: number | undefined;
}

/** A login that waits for a second factor to be set up. */
export interface EnrollingLogin extends PendingLogin {
  enrolBy: number;
}

export function isEnrolling(pending: PendingLogin): pending is EnrollingLogin {
  return pending.enrolBy !== undefined;
}

/** The two are never in one session: a login is pending or complete. */
export type SessionFacts =
  { stamp: Stamp & { session: string }; interrupted?: Interrupted | undefined } | { pending: PendingLogin };

/** What somebody whose login is complete was doing when the first factor was asked for again. */
export interface Interrupted {
  /** A path of this origin. */
  returnTo: string;
  expiresAt: number;
}

declare module 'express-session' {
  interface SessionData {
    secondFactor?: SessionFacts;
  }
}

/** The fields of Passport and of its custom are read by a type of our own: a host may have declared them otherwise. */
type AnySession = Session &
  Omit<Partial<SessionData>, 'passport' | 'returnTo'> & { passport?: { user?: unknown }; returnTo?: unknown };

/** @throws SecondFactorError `session-missing`, e.g. while the session store is away: an unknown state is a refusal. */
export function requireSession(request: Request): AnySession {
  // Typed as always there, but express-session goes on without it after a store's disconnect.
  const session = request.session as AnySession | undefined;
  if (session) return session;
  throw new SecondFactorError(
    'session-missing',
    'There is no session: is express-session mounted, and its store up?',
  );
}

/** Whether there is one to look into: an anonymous page may go on without. */
export function hasSession(request: Request): boolean {
  return (request.session as AnySession | undefined) !== undefined;
}

export function readStamp(request: Request): Stamp | undefined {
  const facts = readFacts(request);
  if (!facts || !('stamp' in facts)) return undefined;
  const { session, ...stamp } = facts.stamp;
  return session === nameSession(request) ? stamp : undefined;
}

export function readPending(request: Request): PendingLogin | undefined {
  const facts = readFacts(request);
  return facts && 'pending' in facts ? facts.pending : undefined;
}

export function readInterrupted(request: Request): Interrupted | undefined {
  const facts = readFacts(request);
  return facts && 'stamp' in facts ? facts.interrupted : undefined;
}

/** In a complete session, saved at once: the login must not be faster. */
export async function keepInterrupted(request: Request, interrupted: Interrupted): Promise<void> {
  const session = requireSession(request);
  if (!session.secondFactor || !('stamp' in session.secondFactor)) return;
  session.secondFactor.interrupted = interrupted;
  await fromStore(request, (done) => {
    session.save(done);
  });
}

function readFacts(request: Request): SessionFacts | undefined {
  const parsed = sessionFacts.safeParse(requireSession(request).secondFactor);
  return parsed.success ? parsed.data : undefined;
}

export function nameSession(request: Request): string {
  return sha256(`stamp:${request.sessionID}`);
}

/** Whether we have never written into this session. */
export function isUnknownToUs(request: Request): boolean {
  return requireSession(request).secondFactor === undefined;
}

/** Whether the store still has the session of this request. */
export async function isSessionStored(request: Request, id = request.sessionID): Promise<boolean> {
  const stored = await fromStore<unknown>(request, (done) => {
    request.sessionStore.get(id, done);
  });
  return stored !== undefined && stored !== null;
}

/**
 * Many stores wait for their server for ever. After a failure the session is left out of the response: express-session
 * would wait for that store once more before it ends.
 */
export async function fromStore<T = void>(
  request: Request,
  run: Parameters<typeof fromCallback<T>>[0],
): Promise<T> {
  try {
    return await withPatience(fromCallback(run));
  } catch (cause) {
    detachSession(request);
    throw new SecondFactorError('session-unavailable', 'The session cannot be kept right now.', { cause });
  }
}

/** The serialised user that Passport would make a user of. */
export function readSerialisedUser(request: Request): unknown {
  return requireSession(request).passport?.user;
}

/** Where a login that names no target of its own was on its way to. */
export function readReturnTo(request: Request): unknown {
  return requireSession(request).returnTo;
}

/** For whoever answers the next login, or this one: a path of this origin. */
export function setReturnTo(request: Request, returnTo: string | undefined): void {
  requireSession(request).returnTo = returnTo;
}

/** Where a login goes on to that is still to come, or waits: a path of this origin. */
export function redirectLogin(request: Request, returnTo: string): void {
  const session = requireSession(request);
  session.returnTo = returnTo;
  const pending = readPending(request);
  if (pending) session.secondFactor = { pending: { ...pending, returnTo } };
}

/** Makes the session anonymous on the spot; what the host keeps in it stays. */
export function forgetLogin(request: Request): void {
  const session = requireSession(request);
  delete session.passport?.user;
  delete session.secondFactor;
  delete session.secondFactorToken;
}

/** A pending login is past its deadline: it ends, and the next login still goes where this one was going. */
export function expireLogin(request: Request, pending: PendingLogin): void {
  forgetLogin(request);
  setReturnTo(request, pending.returnTo);
}

/**
 * Leaves the session out of this response, for example when another request of the same browser has just replaced it: a
 * cookie for the old one, as `rolling` sessions send with every response, would take the new one away.
 */
export function detachSession(request: Request): void {
  forgetLogin(request);
  // Without an id express-session neither saves, touches nor destroys it, and sends no cookie. The object stays: handlers
  // of the host's may look into it.
  (request as { sessionID: unknown }).sessionID = undefined;
}
