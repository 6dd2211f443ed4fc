import type { RefusalCode } from '../../errors.js';
import { createFormat } from '../format.js';

const { wait, difference, number, plural } = createFormat('en-GB');

/** What an answer, a form or a call has led to, and what to do. */
export const messages = {
  /** Of a code or a password at the challenge. */
  answers: {
    malformed: 'Enter the 6 digits from your authenticator app, or a backup code.',
    mistyped: 'There is a typing mistake in that backup code. Check it and enter it again.',
    wrong: (left: number) =>
      `That code is not right. ${plural(left, { one: 'You can try once more.', other: `You can try ${number(left)} more times.` })}`,
    used: 'That code was used already. Wait until your authenticator app shows the next one.',
    delayed: (span: number) =>
      `There were too many wrong codes for this account. Try again in ${wait(span)}.`,
    suspended:
      'There were too many wrong codes, so codes of this kind no longer work for this account. Use the other kind, or ask for help.',
    suspected:
      'There were so many wrong codes for this account that somebody else may know its password. Change the password first, for example with “Forgot password”; then sign in with the new one.',
    exhausted: 'There were too many wrong codes. Sign in again.',
    completed:
      'It was completed by another request, for example in another tab or by a double click, or it has ended. If you are not signed in, sign in again.',
    expired: 'Your sign-in timed out, or a change to the account ended it. Sign in again.',
    impossible: 'Sign out and sign in again, then come back within 5 minutes.',
    passwordWrong: 'That password is not right.',
  },
  /** Titles of the pages that say so where no further answer is possible. */
  headings: {
    exhausted: 'Too many wrong codes',
    suspected: 'Change your password first',
    completed: 'This sign-in is over',
    expired: 'Sign in again',
    impossible: 'Confirm that it is you',
  },
  /** Of the first code of an authenticator. */
  enrolment: {
    malformed: 'Enter the 6 digits that your authenticator app shows.',
    wrong: 'That code is not right. Wait for the next one, and check that the clock of your phone is right.',
    /** @param offset seconds by which the phone's clock is ahead; negative where it is behind. */
    clock: (offset: number) =>
      `That code is not right now: your phone’s clock seems to be about ${difference(offset)} ${offset > 0 ? 'fast' : 'slow'}. ` +
      'Set date and time to “automatic” on your phone, then enter the next code.',
    completed: 'This was done by another request, or your session has ended.',
    expired: 'This set-up timed out. Scan the new picture; you can delete the old entry in your app.',
  },
  nameInvalid: 'Enter a name of 1 to 64 characters.',
  /** Of requests that were not done, as a page shows them. A program gets a sentence for its developer. */
  refusals: {
    'login-required': 'This session has ended meanwhile. Sign in again.',
    'second-factor-required': 'This account has a second factor: sign in where it can be asked for.',
    'proof-required': 'Confirm first that it is you.',
    'proof-impossible': 'Sign out and sign in again, then come back within 5 minutes.',
    'login-refused': 'This login is not allowed.',
    'impersonation-refused': 'This is not allowed.',
    'enrolment-refused': 'Two-step sign-in cannot be set up for this account.',
    'enrolment-required': 'Set up two-step sign-in first.',
    'removal-refused': 'Your account must have two-step sign-in, so it cannot be turned off.',
    'request-invalid': 'What was sent cannot be read. Go back and fill the form in again.',
    'not-found': 'This is not here: it was removed or used meanwhile, or never existed.',
    'method-not-allowed': 'This page takes no such request.',
    'request-too-large': 'What was sent is too large.',
    'content-type-unsupported': 'What was sent is no form of this page.',
    'cross-site-refused': 'This request was sent by another site.',
    'form-token-invalid': 'This form is out of date: open the page again.',
    'not-enabled': 'Two-step sign-in is not on.',
    'enrolment-expired': 'This set-up timed out. Begin it again.',
    'authenticators-full': 'You have as many authenticators as one may have. Remove one first.',
    'authenticator-last':
      'This is your only authenticator. Turn two-step sign-in off instead, or add another one first.',
    'proposal-missing': 'These codes are no longer here. Get new ones.',
  } satisfies Record<RefusalCode, string>,
};
