import type { Views } from '../../views.js';
import { createFormat } from '../format.js';

const { minutes, days, number, plural } = createFormat('en-GB');

const SETUP_TITLES = {
  first: 'Set up an authenticator app',
  another: 'Add an authenticator app',
  replacement: 'Replace an authenticator app',
};

/** Every word of the pages, by view. The type of all languages: what one of them lacks does not compile. */
export const pages = {
  common: {
    error: 'Error:',
    problem: 'There is a problem',
    cancel: 'Cancel',
    back: 'Back',
    continue: 'Continue',
    signIn: 'Sign in',
    copy: 'Copy',
    copied: 'Copied',
    code: 'Code',
    help: 'Get help',
    neverUsed: 'Not used to sign in yet',
    unknownBrowser: 'Unknown browser',
  },
  'challenge/code': {
    title: ({ purpose }: Views['challenge/code']): string =>
      purpose === 'login' ? 'Enter your code' : 'Confirm that it is you',
    limit: (count: number) => `One more step and you are signed in. You have ${minutes(count)}.`,
    why: 'You are signed in. What comes next is only for you, so we ask for a code again.',
    totpHint: (issuer: string) => `Open your authenticator app and enter the 6 digits for ${issuer}.`,
    backupCode: 'Backup code',
    backupCodeHint:
      'One of the codes you saved when you set this up, or the code that support gave you: 24 letters and digits. Dashes, spaces and case do not matter.',
    trust: (count: number) => `Don’t ask again on this browser for ${days(count)}`,
    trustHint:
      'Only if nobody else uses this device. Changes to your account’s protection still ask for a code.',
    useBackupCode: 'Use a backup code, or one from support',
    useTotp: 'Use your authenticator app instead',
    cancelLogin: 'Cancel and sign in as somebody else',
  },
  'challenge/password': {
    title: () => 'Confirm that it is you',
    why: 'You are signed in. What comes next is only for you, so we ask for your password again.',
    password: 'Password',
  },
  'challenge/resume': {
    title: () => 'Go on with what you were doing',
    why: 'This was not done, since you had to confirm first that it is you:',
    advice: 'Send it again to go on. If you did not just send it, cancel.',
  },
  'challenge/stopped': {
    title: ({ heading }: Views['challenge/stopped']) => heading,
  },
  'enrolment/required': {
    title: () => 'Set up two-step sign-in',
    inGrace: (issuer: string) => `${issuer} asks for two-step sign-in with your account.`,
    by: 'Set it up by',
    left: (count: number) => plural(count, { one: '1 day left', other: `${number(count)} days left` }),
    overdue: (issuer: string) =>
      `${issuer} asks for two-step sign-in with your account. Set it up now; then you are signed in.`,
    meaning:
      'You sign in with your password and a code from an app on your phone. Setting it up takes a few minutes: have your phone at hand.',
    setUp: 'Set up now',
    later: 'Not now',
    cancelLogin: 'Cancel and sign in as somebody else',
  },
  'enrolment/setup': {
    unnamed: 'Authenticator app',
    title: ({ kind }: Views['enrolment/setup']) => SETUP_TITLES[kind],
    intro: {
      first:
        'After this, signing in takes your password and a code from an app on your phone. A stolen password alone is then not enough.',
      another:
        'After this, codes from either app sign you in: those that you have stay as they are. You are signed out everywhere else.',
      replacement:
        'Your old entry works until you have entered the first code of the new one. Then it stops, and you are signed out everywhere else.',
    },
    getApp: 'Get an authenticator app',
    anyApp:
      'Any app for time-based codes works, for example one from your phone’s maker or your password manager. If you have one, use it.',
    scan: 'Scan this picture with the app',
    qr: 'QR code with the key for your authenticator app',
    onPhone: 'On this phone?',
    openApp: 'Open your authenticator app',
    byHand: 'Can’t scan? Enter the key by hand',
    key: 'Key',
    account: 'Account',
    kind: 'Kind',
    parameters: (digits: number, period: number, algorithm: string) =>
      `Time-based, ${number(digits)} digits, every ${number(period)} seconds, ${algorithm}`,
    enter: 'Enter the code that the app shows',
    codeHint: (digits: number, left: number) =>
      `${number(digits)} digits. Nothing changes until you have entered it. This page works for ${minutes(left)}.`,
    name: 'Name',
    optional: '(optional)',
    submit: { first: 'Turn on', another: 'Add', replacement: 'Replace' },
  },
  'management/overview': {
    title: () => 'Two-step sign-in',
    switchedOff:
      'The operator has switched two-step sign-in off: a password alone signs everybody in at the moment.',
    off: 'Off',
    offMeaning:
      'Whoever learns your password can sign in as you. With two-step sign-in they also need a code from your phone.',
    mustEnrol: 'Your account must have it. Set it up by',
    setUp: 'Set up an authenticator app',
    on: 'On',
    since: 'since',
    authenticators: 'Authenticators',
    added: 'Added',
    lastUsed: 'Last used',
    rename: 'Rename',
    replace: 'Replace',
    remove: 'Remove',
    add: 'Add another authenticator',
    backupCodes: 'Backup codes',
    left: (left: number, total: number) => `${number(left)} of ${number(total)} left`,
    backupCodesMeaning: 'They get you in when you do not have your phone.',
    few: 'Get new backup codes before you need them.',
    manageBackupCodes: 'Backup codes',
    browsers: 'Trusted browsers',
    browsersMeaning: 'Browsers in which you chose not to be asked for a code.',
    activity: 'Activity',
    seeActivity: 'What has happened to this account',
    sessions: 'Other sessions',
    sessionsMeaning:
      'If you have signed in somewhere that you do not trust any more, end those sessions. This one stays.',
    browsersToo: 'All trusted browsers are asked for a code again.',
    signOutElsewhere: 'Sign out everywhere else',
    turnOff: 'Turn off',
    turnOffLink: 'Turn off two-step sign-in',
    mustStay: 'Your account must have two-step sign-in, so it cannot be turned off.',
  },
  'management/activity': {
    title: () => 'Activity',
    intro:
      'What has happened to the two-step sign-in of this account. If something here was not you, change your password, then sign out everywhere else.',
    none: 'Nothing yet.',
    older: 'Older activity',
  },
  'management/backup-codes': {
    title: () => 'Backup codes',
    intro: 'Each of these codes signs you in once when you do not have your phone.',
    onlyNow: 'They are shown only now.',
    where: 'Save them where you will find them without your phone: in a password manager, or on paper.',
    oldStillWork: 'Your old codes still work. They stop when you press “I have saved these codes”.',
    howToCopy: 'Click the codes once to select them all, then copy.',
    howToPrint: 'Print this page with your browser: only the codes are printed.',
    download: 'Download as a text file',
    print: 'Print',
    saved: 'I have saved these codes',
    service: 'Service',
    account: 'Account',
    made: 'Made',
    worksOnce: 'Each code works once. Keep them as safe as a password.',
    left: (left: number, total: number) => `${number(left)} of ${number(total)} backup codes left`,
    neverAgain: 'They cannot be shown again.',
    few: 'Get new ones before you need them.',
    used: 'Used',
    usedAdvice: 'If one of these was not you, somebody else has your codes: get new ones now.',
    renewal: 'New codes',
    renewalMeaning: 'New codes replace the old ones, once you have saved them.',
    renew: 'Get new backup codes',
    file: {
      title: (label: string, issuer: string) => `Backup codes for ${label} at ${issuer}`,
      worksOnce: 'Each code works once.',
      name: 'backup-codes.txt',
    },
  },
  'management/backup-code-used': {
    title: ({ isSupportCode }: Views['management/backup-code-used']): string =>
      isSupportCode ? 'You used a support code' : 'You used a backup code',
    signedIn: 'You are signed in. That code does not work any more.',
    left: (left: number) =>
      plural(left, { one: '1 backup code is left', other: `${number(left)} backup codes are left` }),
    few: 'Get new backup codes now, so that you can still sign in without your phone.',
    act: (count: number) =>
      `You will need a code at your next sign-in: put a new authenticator in the place of the lost one, and get new backup codes. Do it now: for ${minutes(count)} you are asked for no other code.`,
    lost: 'Is your phone lost or replaced?',
    replace: 'Put a new authenticator in its place',
    renew: 'Get new backup codes',
  },
  'management/browsers': {
    title: () => 'Trusted browsers',
    intro:
      'In these browsers you sign in with your password alone. If you do not know one of them, or somebody else uses it, end its trust: it is asked for a code at the next sign-in.',
    none: 'None. You are asked for a code at every sign-in.',
    thisOne: 'this browser',
    trusted: 'Trusted',
    until: 'Until',
    lastUsed: 'Last used',
    end: 'End trust',
    of: (browser: string, since: string) => `of ${browser}, trusted ${since}`,
    endAll: 'End trust of all',
  },
  'management/disable': {
    title: () => 'Turn off two-step sign-in',
    meaning:
      'After this your password alone signs you in. Your authenticator entry and all backup codes stop working, and you are signed out everywhere else.',
    codeHint: 'The 6 digits from your authenticator app, or one of your backup codes.',
    submit: 'Turn off',
    keep: 'Keep it on',
  },
  'management/rename': {
    title: () => 'Rename an authenticator',
    name: 'Name',
    nameHint: 'So that you know which phone or app it is, for example “Work phone”.',
    save: 'Save',
  },
  'management/remove': {
    title: () => 'Remove an authenticator',
    meaning: (name: string) =>
      `Codes from “${name}” will no longer sign you in, and you are signed out everywhere else. Your other authenticators and your backup codes keep working.`,
    submit: 'Remove',
    keep: 'Keep it',
  },
  error: {
    title: () => 'This did not work',
  },
};
