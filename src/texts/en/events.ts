import type { Lane, Method } from '../../model.js';
import type { EventTexts } from '../events.js';

const factors: Record<Method, string> = {
  pwd: 'the password',
  totp: 'a code from an authenticator app',
  'backup-code': 'a backup code',
};

const lanes: Record<Lane, string> = { totp: 'Codes from authenticator apps', 'backup-code': 'Backup codes' };

const CHANGED =
  'If this was not you, somebody else has been in your account: change your password, then set two-step sign-in up again.';
const PASSWORD = 'If this was not you, somebody else knows your password: change it now.';

export const events: EventTexts = {
  happened: {
    'login.completed': ({ factor }) => `Signed in with ${factors[factor]}.`,
    'login.trusted': ({ browser }) => `Signed in without a code in a trusted browser (${browser}).`,
    'login.suspected': () => 'Three wrong codes were entered after the right password.',
    'login.exhausted': () => 'A sign-in was ended after five wrong codes.',
    'login.impersonated': ({ actor }) => `Somebody of the service (${actor}) acted in this account.`,
    'proof.given': ({ factor }) => `Confirmed with ${factors[factor]}.`,
    'answer.rejected': ({ factor }) => `Entered ${factors[factor]} that was not accepted.`,
    'password.rejected': () => 'Entered a wrong password.',
    'factor.suspended': ({ factor }) => `${lanes[factor]} stopped working after too many wrong ones.`,
    'first-factor.suspected': () =>
      'So many wrong codes were entered that signing in waits until the password is changed.',
    'factor.enabled': ({ authenticator }) => `Two-step sign-in was turned on with “${authenticator}”.`,
    'factor.imported': ({ authenticator }) =>
      `Two-step sign-in was taken over from the earlier system with “${authenticator}”.`,
    'factor.disabled': ({ factor }) => `Two-step sign-in was turned off with ${factors[factor]}.`,
    'factor.reset': ({ reason }) =>
      `Two-step sign-in was turned off by an administrator${reason === null ? '' : `: ${reason}`}.`,
    'authenticator.added': ({ authenticator }) => `The authenticator “${authenticator}” was added.`,
    'authenticator.replaced': ({ authenticator }) =>
      `An authenticator was replaced: “${authenticator}” is the new one.`,
    'authenticator.removed': ({ authenticator }) => `The authenticator “${authenticator}” was removed.`,
    'authenticator.renamed': ({ authenticator }) => `An authenticator was renamed to “${authenticator}”.`,
    'backup-codes.renewed': () => 'New backup codes were saved; the old ones no longer work.',
    'backup-code.used': ({ left }) => `A backup code was used; ${String(left)} left.`,
    'support-code.issued': ({ reason }) =>
      `An administrator gave out a support code for this account, which signs in once in place of a backup code: ${reason}.`,
    'support-code.used': () => 'The support code was used.',
    'sessions.revoked': ({ reason }) =>
      reason === 'password-changed'
        ? 'The password was changed, and all other sign-ins ended.'
        : 'All other sign-ins were ended.',
    'browser.trusted': ({ browser }) => `A browser was trusted (${browser}): it is not asked for codes.`,
    'browser.revoked': ({ browser }) => `The trust in a browser was ended (${browser}).`,
    'browser.stolen': ({ browser }) =>
      `What a trusted browser (${browser}) had shown before was shown again, so it is not trusted any more.`,
  },
  notices: {
    'login.suspected': { subject: 'Somebody may know your password', advice: PASSWORD },
    'factor.enabled': { subject: 'Two-step sign-in is on', advice: CHANGED },
    'factor.disabled': { subject: 'Two-step sign-in is off', advice: CHANGED },
    'factor.reset': {
      subject: 'Two-step sign-in was turned off for you',
      advice: 'If you did not ask for this, tell the service and change your password.',
    },
    'factor.suspended': {
      subject: 'Codes no longer work for your account',
      advice:
        'Sign in with the other kind of code and set up again what has stopped. If the wrong codes were not yours, somebody else knows your password: change it now.',
    },
    'first-factor.suspected': {
      subject: 'Change your password to sign in again',
      advice:
        'Somebody who knows your password keeps trying codes. Nobody can sign in until you change it, for example with “Forgot password”.',
    },
    'authenticator.added': { subject: 'A new authenticator was added', advice: CHANGED },
    'authenticator.replaced': { subject: 'An authenticator was replaced', advice: CHANGED },
    'authenticator.removed': { subject: 'An authenticator was removed', advice: CHANGED },
    'backup-codes.renewed': { subject: 'You have new backup codes', advice: CHANGED },
    'backup-code.used': { subject: 'A backup code was used', advice: CHANGED },
    'support-code.issued': {
      subject: 'A support code was given out for your account',
      advice:
        'If you did not ask for it, somebody else is pretending to be you: change your password at once, which ends the code, and tell the service.',
    },
    'support-code.used': { subject: 'A support code was used', advice: CHANGED },
    'browser.trusted': {
      subject: 'A browser is trusted now',
      advice: 'If this was not you, end its trust and change your password.',
    },
    'browser.stolen': {
      subject: 'A trusted browser may have been copied',
      advice:
        'Somebody may have copied what your browser keeps. Its trust is over. If you do not know how it came to this, change your password, then sign out everywhere else.',
    },
  },
  fewLeft: (left) =>
    left <= 0
      ? 'You have no backup codes left. Get new ones now.'
      : `You have ${left === 1 ? 'only one backup code' : `only ${String(left)} backup codes`} left. Get new ones before you need them.`,
  when: (time) => `When: ${time}`,
  from: (browser, address) =>
    `Where: ${[browser ?? 'unknown browser', address ?? 'unknown address'].join(', ')}`,
  see: (url) => `Look at your account: ${url}`,
};
