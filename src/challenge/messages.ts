import { SECOND } from '../clock.js';
import type { ProblemCode } from '../errors.js';
import { Problem } from '../http/problem.js';
import type { Texts } from '../texts/texts.js';
import type { Failure } from './outcome.js';

export interface Message {
  code: ProblemCode;
  /** What happened and what to do. */
  text: string;
  /** Of the page that says so in place of the form, where no further answer is possible. */
  heading?: string;
  /** Seconds, for the `Retry-After` header. */
  retryAfter?: number;
}

/** Says in a person's words what an answer has led to. */
export function describeFailure(failure: Failure, now: number, { messages }: Texts): Message {
  const { answers, headings } = messages;
  switch (failure.kind) {
    case 'malformed':
      return { code: 'code-malformed', text: answers.malformed };
    case 'mistyped':
      return { code: 'code-mistyped', text: answers.mistyped };
    case 'wrong':
      return { code: 'code-wrong', text: answers.wrong(failure.left) };
    case 'used':
      return { code: 'code-used', text: answers.used };
    case 'delayed': {
      const wait = failure.until - now;
      const heading = failure.isOver ? { heading: headings.exhausted } : {};
      const retryAfter = Math.ceil(wait / SECOND);
      return { code: 'attempts-delayed', text: answers.delayed(wait), retryAfter, ...heading };
    }
    case 'suspended':
      return { code: 'attempts-suspended', text: answers.suspended };
    case 'suspected':
      return { code: 'first-factor-suspected', text: answers.suspected, heading: headings.suspected };
    case 'exhausted':
      return { code: 'attempts-exhausted', text: answers.exhausted, heading: headings.exhausted };
    case 'completed':
      return { code: 'login-completed', text: answers.completed, heading: headings.completed };
    case 'expired':
      return { code: 'login-expired', text: answers.expired, heading: headings.expired };
  }
}

/** The same to a program. */
export function toProblem(failure: Failure, now: number, texts: Texts): Problem {
  const { code, text, retryAfter } = describeFailure(failure, now, texts);
  return new Problem(code, text, {
    ...(failure.kind === 'wrong' && { attempts_left: failure.left }),
    ...(retryAfter !== undefined && { retry_after: retryAfter }),
  });
}
