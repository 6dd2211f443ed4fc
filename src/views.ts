/** What each view gets. Times are milliseconds since the Unix epoch; a view shows them, it decides nothing. */

/** Every view gets these. */
export interface PageLocals {
  /** Of the page, as its heading has it. */
  title: string;
  /** The name of the service, `options.issuer`. */
  issuer: string;
  /** Where the pages are mounted, without a trailing slash. */
  base: string;
  /** Of every form: our token, and the host's where it has CSRF middleware of its own. */
  hiddenFields: { name: string; value: string }[];
  /** What is wrong with what was sent and what to do; shown as a summary and at the field. */
  error: string | undefined;
  /** BCP 47, for the `lang` attribute. */
  language: string;
  /** Of the language's script, for the `dir` attribute. */
  direction: 'ltr' | 'rtl';
  /** A time as the language writes it, with its zone. */
  formatTime: (at: number) => string;
  /** Path of the host's page with help; `undefined` where there is none. */
  help: string | undefined;
  /** Path of the host's stylesheet, which stands after ours. */
  stylesheet: string | undefined;
}

/** What each view gets besides `PageLocals`, by its name (docs/customising.md). */
export interface Views {
  'challenge/code': {
    purpose: 'login' | 'step-up';
    /** Which keyboard and label the one field has; it takes both kinds in any case. */
    use: 'totp' | 'backup-code';
    /** Where a step-up goes on to; '' for a login, whose target stands in the session. */
    returnTo: string;
    /** How long a login still waits; 0 for a step-up, which has no announced limit. */
    minutes: number;
    /** For how many days this browser may be trusted; 0 where that is not offered. */
    trustDays: number;
  };
  'challenge/password': { returnTo: string };
  'challenge/resume': { path: string; fields: { name: string; value: string }[]; homePath: string };
  'challenge/stopped': { heading: string; text: string; links: { href: string; text: string }[] };
  'enrolment/required': {
    enrolBy: number;
    /** 0 where the time is over. */
    daysLeft: number;
  };
  'enrolment/setup': {
    /** It turns the second factor on, adds an authenticator to those that are there, or takes the place of one. */
    kind: 'first' | 'another' | 'replacement';
    /** Id of the authenticator whose place it takes; '' for none. */
    replaces: string;
    /** In groups of four. */
    key: string;
    uri: string;
    /** An SVG element. */
    qr: string;
    digits: number;
    period: number;
    algorithm: string;
    label: string;
    minutes: number;
    /** What was typed as the name, beside a code that was not right. */
    name: string;
    /** Where it goes on afterwards; '' for the overview. */
    returnTo: string;
  };
  'management/overview': {
    isSwitchedOff: boolean;
    /** Whether there is a list of trusted browsers. */
    areBrowsersTrusted: boolean;
    /** Whether the user must have a second factor, and until when there is time where there is none. */
    isRequired: boolean;
    enrolBy: number | null;
    enabledAt: number | null;
    authenticators: { id: string; name: string; createdAt: number; lastUsedAt: number | null }[];
    backupCodes: { left: number; total: number } | undefined;
    /** So many backup codes, or fewer, are few. */
    fewCodes: number;
    homePath: string;
  };
  'management/activity': {
    /** Newest first. `browser` in a person's words; both `null` where they are not known. */
    events: { at: number; text: string; browser: string | null; address: string | null }[];
    /** Where older ones begin, for the address; '' for none. */
    next: string;
  };
  'management/backup-codes': {
    /** Formatted; empty where there is nothing to show and new codes can be asked for. */
    codes: string[];
    /** What the authenticator app shows below the issuer. */
    label: string;
    /** When the page was made, for the sheet that is printed. */
    now: number;
    /** The codes as a text file, as a `data:` URL. */
    download: string;
    left: number;
    total: number;
    /** Whether so few are left that new ones should be made. */
    areFew: boolean;
    /** When codes of the live set were used. */
    usedAt: readonly number[];
    /** Whether older codes work until these are saved. */
    isRenewal: boolean;
    /** Where a login goes on to that has made them; '' for none. */
    returnTo: string;
  };
  'management/browsers': {
    browsers: {
      id: string;
      name: string;
      createdAt: number;
      lastUsedAt: number | null;
      expiresAt: number;
      /** Whether it is the one that shows this page. */
      isThis: boolean;
    }[];
  };
  'management/backup-code-used': {
    /** A support code was used in place of one: phone and backup codes are gone. */
    isSupportCode: boolean;
    left: number;
    areFew: boolean;
    /** For how many minutes after the code no other one is asked for. */
    minutes: number;
    returnTo: string;
  };
  /** Nothing of its own. */
  'management/disable': object;
  'management/rename': { id: string; name: string };
  'management/remove': { id: string; name: string };
  error: { message: string; homePath: string };
}

/** The pages, by the names of their templates. */
export type ViewName = keyof Views;
