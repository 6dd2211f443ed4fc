import type { Lane, Method } from './model.js';

/** What the owner, the host or an administrator may want to know of later, by kind (`noun.verb`). */
export interface EventDetails {
  /** The second step of a login was answered rightly. */
  'login.completed': { factor: Lane };
  /** A login went on without a code, since its browser is trusted. */
  'login.trusted': { browser: string };
  /** Each third wrong code in 30 days, after a right first factor: somebody else may know the password. */
  'login.suspected': Record<string, never>;
  /** Too many wrong codes ended a pending login. */
  'login.exhausted': Record<string, never>;
  /** `actor` (a user id) goes on as this user. */
  'login.impersonated': { actor: string };
  /** A right answer inside a complete session. */
  'proof.given': { factor: Method };
  /** A wrong code after a right first factor. */
  'answer.rejected': { factor: Lane; purpose: 'login' | 'step-up' };
  /** A wrong password inside a complete session. */
  'password.rejected': Record<string, never>;
  /** Codes of this kind are not looked at any more, until it is bound anew. */
  'factor.suspended': { factor: Lane };
  /** So many wrong codes that somebody else must know the password: logins wait for another one. */
  'first-factor.suspected': Record<string, never>;
  'factor.enabled': { authenticator: string };
  /** Taken over from another system. */
  'factor.imported': { authenticator: string };
  'factor.disabled': { factor: Lane };
  /** Turned off without a code. `actor`: who did it, by the host's own naming. */
  'factor.reset': { actor: string | null; reason: string | null };
  'authenticator.added': { authenticator: string };
  'authenticator.replaced': { authenticator: string };
  'authenticator.removed': { authenticator: string };
  'authenticator.renamed': { authenticator: string };
  'backup-codes.renewed': Record<string, never>;
  /** `left`: how many are left then. */
  'backup-code.used': { left: number };
  /** An administrator has given a code that stands in for a backup code once. `actor`: as in `factor.reset`. */
  'support-code.issued': { actor: string | null; reason: string; expiresAt: number };
  'support-code.used': Record<string, never>;
  /** Sessions and pending logins were ended. */
  'sessions.revoked': { reason: 'owner' | 'password-changed' | 'host' };
  /** A browser is not asked for codes from now on. */
  'browser.trusted': { browser: string };
  'browser.revoked': { browser: string };
  /** A token that a trusted browser had handed in before was seen again: its trust is over. */
  'browser.stolen': { browser: string };
}

/** What an event is about; docs/events.md lists all. */
export type EventKind = keyof EventDetails;

/** Something that happened to one user's second factor. */
export type SecondFactorEvent<Kind extends EventKind = EventKind> = {
  [K in Kind]: {
    /** Random; consumers that may see one twice tell them apart by it. */
    id: string;
    userId: string;
    kind: K;
    /** Milliseconds since the Unix epoch. */
    at: number;
    /** IP address that the request came from; `null` where there was no request. */
    address: string | null;
    /** `User-Agent` of the request; `null` where it had none. */
    browser: string | null;
    /** Which process wrote it. */
    node: string;
    details: EventDetails[K];
  };
}[Kind];

/** Events that the owner is told of at once. */
export const noticeKinds = [
  'login.suspected',
  'factor.enabled',
  'factor.disabled',
  'factor.reset',
  'factor.suspended',
  'first-factor.suspected',
  'authenticator.added',
  'authenticator.replaced',
  'authenticator.removed',
  'backup-codes.renewed',
  'backup-code.used',
  'support-code.issued',
  'support-code.used',
  'browser.trusted',
  'browser.stolen',
] as const satisfies readonly EventKind[];

/**
 * The events that the owner is told of at once (docs/events.md).
 * @useDeclaredType
 */
export type NoticeKind = (typeof noticeKinds)[number];

/** A message to the owner of an account, ready to be sent. */
export interface Notice {
  userId: string;
  kind: NoticeKind;
  /** Tag of the language that it is written in. */
  language: string;
  subject: string;
  /** Plain text, lines of any length. */
  text: string;
  event: SecondFactorEvent;
}
