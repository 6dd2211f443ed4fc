import { MINUTE, SECOND } from '../clock.js';
import type { ProblemCode } from '../errors.js';
import { Problem } from '../http/problem.js';
import type { Confirmed } from './desk.js';
import { FULL, noSuchAuthenticator } from './flow.js';

/** Every outcome but a new authenticator. */
export type Refusal = Exclude<Confirmed, { kind: 'enabled' | 'added' }>;

/** Says in a person's words why a first code was not accepted. */
export function describeRefusal(refusal: Refusal): { code: ProblemCode; text: string } {
  switch (refusal.kind) {
    case 'malformed':
      return { code: 'code-malformed', text: 'Enter the 6 digits that your authenticator app shows.' };
    case 'wrong':
      return { code: 'code-wrong', text: describeWrong(refusal.clockOffset) };
    case 'full':
      return { code: 'authenticators-full', text: FULL };
    case 'absent':
      return { code: 'not-found', text: noSuchAuthenticator().message };
    case 'completed':
      return {
        code: 'login-completed',
        text: 'This was done by another request, or your session has ended.',
      };
    case 'expired':
      return {
        code: 'enrolment-expired',
        text: 'This set-up timed out. Scan the new picture; you can delete the old entry in your app.',
      };
  }
}

/** The same to a program. */
export function toProblem(refusal: Refusal): Problem {
  const { code, text } = describeRefusal(refusal);
  const offset = refusal.kind === 'wrong' ? refusal.clockOffset : undefined;
  return new Problem(code, text, offset === undefined ? {} : { clock_offset: offset });
}

function describeWrong(clockOffset: number | undefined): string {
  if (clockOffset === undefined) {
    return 'That code is not right. Wait for the next one, and check that the clock of your phone is right.';
  }
  const direction = clockOffset > 0 ? 'fast' : 'slow';
  return (
    `That code is not right now: your phone’s clock seems to be about ${describeSpan(clockOffset)} ${direction}. ` +
    'Set date and time to “automatic” on your phone, then enter the next code.'
  );
}

function describeSpan(seconds: number): string {
  const span = Math.abs(seconds);
  return span < (2 * MINUTE) / SECOND
    ? `${String(span)} seconds`
    : `${String(Math.round(span / 60))} minutes`;
}
