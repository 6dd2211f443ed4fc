import { MINUTE, SECOND } from '../clock.js';
import type { ProblemCode } from '../errors.js';
import { Problem } from '../http/problem.js';
import type { Failure } from './desk.js';

export interface Message {
  code: ProblemCode;
  /** What happened and what to do. */
  text: string;
  /** Of the page that says so in place of the form, where no further answer is possible. */
  heading?: string;
  /** Seconds, for the `Retry-After` header. */
  retryAfter?: number;
}

const ENTER_CODE = 'Enter the 6 digits from your authenticator app, or a backup code.';
const MISTYPED = 'There is a typing mistake in that backup code. Check it and enter it again.';
const USED = 'That code was used already. Wait until your authenticator app shows the next one.';
const SUSPENDED =
  'There were too many wrong codes, so codes of this kind no longer work for this account. Use the other kind, or ask for help.';
const SUSPECTED =
  'There were so many wrong codes for this account that somebody else may know its password. Change the password first, for example with “Forgot password”; then sign in with the new one.';
const EXHAUSTED = 'There were too many wrong codes. Sign in again.';
const COMPLETED =
  'It was completed by another request, for example in another tab or by a double click, or it has ended. If you are not signed in, sign in again.';
const EXPIRED = 'Your sign-in timed out, or a change to the account ended it. Sign in again.';

/** Says in a person's words what an answer has led to. */
export function describeFailure(failure: Failure, now: number): Message {
  switch (failure.kind) {
    case 'malformed':
      return { code: 'code-malformed', text: ENTER_CODE };
    case 'mistyped':
      return { code: 'code-mistyped', text: MISTYPED };
    case 'wrong':
      return { code: 'code-wrong', text: `That code is not right. ${describeLeft(failure.left)}` };
    case 'used':
      return { code: 'code-used', text: USED };
    case 'delayed': {
      const wait = failure.until - now;
      const text = `There were too many wrong codes for this account. Try again in ${describeWait(wait)}.`;
      const heading = failure.isOver ? { heading: 'Too many wrong codes' } : {};
      return { code: 'attempts-delayed', text, retryAfter: Math.ceil(wait / SECOND), ...heading };
    }
    case 'suspended':
      return { code: 'attempts-suspended', text: SUSPENDED };
    case 'suspected':
      return { code: 'first-factor-suspected', text: SUSPECTED, heading: 'Change your password first' };
    case 'exhausted':
      return { code: 'attempts-exhausted', text: EXHAUSTED, heading: 'Too many wrong codes' };
    case 'completed':
      return { code: 'login-completed', text: COMPLETED, heading: 'This sign-in is over' };
    case 'expired':
      return { code: 'login-expired', text: EXPIRED, heading: 'Sign in again' };
  }
}

/** The same to a program. */
export function toProblem(failure: Failure, now: number): Problem {
  const { code, text, retryAfter } = describeFailure(failure, now);
  return new Problem(code, text, {
    ...(failure.kind === 'wrong' && { attempts_left: failure.left }),
    ...(retryAfter !== undefined && { retry_after: retryAfter }),
  });
}

function describeLeft(left: number): string {
  return left === 1 ? 'You can try once more.' : `You can try ${String(left)} more times.`;
}

function describeWait(milliseconds: number): string {
  if (milliseconds <= MINUTE) return `${String(Math.max(1, Math.ceil(milliseconds / SECOND)))} seconds`;
  return `${String(Math.ceil(milliseconds / MINUTE))} minutes`;
}
