import type { ProblemCode } from '../errors.js';
import { Problem } from '../http/problem.js';
import type { Texts } from '../texts/texts.js';
import type { Confirmed } from './desk.js';

/** Every outcome but a new authenticator. */
export type Refusal = Exclude<Confirmed, { kind: 'enabled' | 'added' }>;

/** Says in a person's words why a first code was not accepted. */
export function describeRefusal(
  refusal: Refusal,
  { messages: { enrolment, refusals } }: Texts,
): { code: ProblemCode; text: string } {
  switch (refusal.kind) {
    case 'malformed':
      return { code: 'code-malformed', text: enrolment.malformed };
    case 'wrong': {
      const { clockOffset } = refusal;
      return {
        code: 'code-wrong',
        text: clockOffset === undefined ? enrolment.wrong : enrolment.clock(clockOffset),
      };
    }
    case 'full':
      return { code: 'authenticators-full', text: refusals['authenticators-full'] };
    case 'absent':
      return { code: 'not-found', text: refusals['not-found'] };
    case 'completed':
      return { code: 'login-completed', text: enrolment.completed };
    case 'expired':
      return { code: 'enrolment-expired', text: enrolment.expired };
  }
}

/** The same to a program. */
export function toProblem(refusal: Refusal, texts: Texts): Problem {
  const { code, text } = describeRefusal(refusal, texts);
  const offset = refusal.kind === 'wrong' ? refusal.clockOffset : undefined;
  return new Problem(code, text, offset === undefined ? {} : { clock_offset: offset });
}
