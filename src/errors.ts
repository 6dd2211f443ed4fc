import type { z } from 'zod';

const statuses = {
  'configuration-invalid': 500,
  'not-ready': 503,
  'not-protected': 500,
  'session-missing': 503,
  'session-unavailable': 503,
  'user-unavailable': 503,
  'storage-unavailable': 503,
  'keys-unavailable': 503,
  'key-unknown': 503,
  'seal-broken': 503,
  'login-required': 401,
  'second-factor-required': 401,
  'proof-required': 401,
  'proof-impossible': 403,
  'login-refused': 403,
  'impersonation-refused': 403,
  'enrolment-refused': 403,
  'enrolment-required': 403,
  'removal-refused': 403,
  'request-invalid': 400,
  'not-found': 404,
  'method-not-allowed': 405,
  'request-too-large': 413,
  'content-type-unsupported': 415,
  'cross-site-refused': 403,
  'form-token-invalid': 403,
  'not-enabled': 409,
  'enrolment-expired': 409,
  'authenticators-full': 409,
  'authenticator-last': 409,
  'proposal-missing': 409,
} as const;

/** What an answer has led to, as the JSON API says it. In code these are outcomes, never errors. */
const outcomeStatuses = {
  'code-malformed': 422,
  'code-mistyped': 422,
  'code-wrong': 422,
  'code-used': 422,
  'password-wrong': 422,
  'attempts-delayed': 429,
  'attempts-suspended': 429,
  'attempts-exhausted': 429,
  'first-factor-suspected': 403,
  'login-completed': 409,
  'login-expired': 401,
} as const;

/**
 * Stable names of everything that can be wrong with a set-up or a request; docs/errors.md says what to do about each.
 * @useDeclaredType
 */
export type SecondFactorErrorCode = keyof typeof statuses;

/** Those that are about a request, and no fault of the set-up or of a service that is down. */
export type RefusalCode = {
  [Code in SecondFactorErrorCode]: (typeof statuses)[Code] extends 500 | 503 ? never : Code;
}[SecondFactorErrorCode];

/** Every `code` of a problem document. */
export type ProblemCode = SecondFactorErrorCode | keyof typeof outcomeStatuses;

/** The HTTP status that goes with each code. */
export const problemStatuses: Readonly<Record<ProblemCode, number>> = { ...statuses, ...outcomeStatuses };

/** Seconds after which something that is away may be back. */
export const RETRY_AFTER = 5;

/**
 * A broken set-up or an unacceptable request. A wrong code is never an error but a value (`Outcome`).
 * `status` is the HTTP status that Express answers with.
 */
export class SecondFactorError extends Error {
  override readonly name = 'SecondFactorError';
  /** Stable, for programs; the message is for people and may change. */
  readonly code: SecondFactorErrorCode;
  readonly status: number;
  /** Sent by Express's own error handler: `Retry-After` where something is away (503). */
  readonly headers: Readonly<Record<string, string>>;
  /** The host's own words for the person, where it has said why. */
  readonly reason: string | undefined;

  constructor(
    code: SecondFactorErrorCode,
    message: string,
    options?: { cause?: unknown; reason?: string | undefined },
  ) {
    super(message, options);
    this.code = code;
    this.status = statuses[code];
    this.headers = this.status === 503 ? { 'Retry-After': String(RETRY_AFTER) } : {};
    this.reason = options?.reason;
  }
}

/** A held login, told to the callback of `req.logIn` where `login.held` is `error`; `secondFactor.errors()` answers it. */
export class SecondFactorRequired extends SecondFactorError {
  constructor() {
    super('second-factor-required', 'A second factor is required.');
  }
}

/** A line for each fault of something that was parsed. No value is repeated in it: it could be a key. */
export function describeFaults(issues: readonly z.core.$ZodIssue[], within: readonly string[] = []): string {
  return issues.map((issue) => `- ${describeIssue(issue, within)}`).join('\n');
}

function describeIssue(issue: z.core.$ZodIssue, within: readonly string[]): string {
  const name = [...within, ...issue.path].map((part) =>
    typeof part === 'number' ? `[${String(part)}]` : `.${String(part)}`,
  );
  const subject = name.join('').replace(/^\./, '') || 'options';
  return issue.code === 'unrecognized_keys'
    ? `${subject} has unknown names: ${issue.keys.join(', ')}`
    : `${subject}: ${issue.message}`;
}
