import { MINUTE, SECOND } from '../clock.js';
import type { Failure } from './strategies.js';

export interface Message {
  status: number;
  /** What happened and what to do. */
  text: string;
  /** Whether the person has to start the login again. */
  isOver: boolean;
  /** Seconds, for the `Retry-After` header. */
  retryAfter?: number;
}

/** Says in a person's words what an answer has led to. */
export function describeFailure(failure: Failure, now: number): Message {
  switch (failure.kind) {
    case 'malformed':
      return { status: 422, isOver: false, text: 'Enter the 6 digits from your authenticator app, or a backup code.' };
    case 'mistyped':
      return { status: 422, isOver: false, text: 'There is a typing mistake in that backup code. Check it and enter it again.' };
    case 'wrong':
      return { status: 422, isOver: false, text: `That code is not right. ${describeLeft(failure.left)}` };
    case 'used':
      return {
        status: 422,
        isOver: false,
        text: 'That code was used already. Wait until your authenticator app shows the next one.',
      };
    case 'delayed': {
      const wait = failure.until - now;
      const text = `There were too many wrong codes for this account. Try again in ${describeWait(wait)}.`;
      return { status: 429, isOver: failure.isOver, text, retryAfter: Math.ceil(wait / SECOND) };
    }
    case 'suspended':
      return {
        status: 429,
        isOver: false,
        text: 'There were too many wrong codes, so this kind of code no longer works for this account. Use the other kind, or ask for help.',
      };
    case 'exhausted':
      return { status: 429, isOver: true, text: 'There were too many wrong codes. Start again with your password.' };
    case 'completed':
      return {
        status: 409,
        isOver: true,
        text: 'This sign-in was completed by another request, for example in another tab or by a double click.',
      };
    case 'expired':
      return { status: 401, isOver: true, text: 'Your sign-in timed out. Start again with your password.' };
  }
}

function describeLeft(left: number): string {
  return left === 1 ? 'You can try once more.' : `You can try ${String(left)} more times.`;
}

function describeWait(milliseconds: number): string {
  if (milliseconds <= MINUTE) return `${String(Math.max(1, Math.ceil(milliseconds / SECOND)))} seconds`;
  return `${String(Math.ceil(milliseconds / MINUTE))} minutes`;
}
