import type { ProblemCode, ProblemDetails, Severity } from './problems.js';

/** The state of an installation as data, in no language. `describeReport` and `drawReport` say it in words. */
export interface Report {
  /** ISO 8601, by the clock of the options. */
  checkedAt: string;
  sections: readonly Section[];
  /** Problems first, then notices; each in the order of the sections. */
  problems: readonly Problem[];
}

export interface Section {
  id: SectionId;
  rows: readonly Row[];
}

export type SectionId =
  | 'configuration'
  | 'tables'
  | 'users'
  | 'dependencies'
  | 'endpoints'
  | 'self-test'
  | 'sessions'
  | 'cookie'
  | 'clocks'
  | 'answers';

export interface Row {
  name: RowName;
  /** Which one of several: a table, a package, a request, the id of a key. */
  of?: string;
  value: Value;
  /** What it should be, where something in particular should be there. */
  expected?: string | number;
  state: State;
}

/** `notice`: worth a look, and in order. `unknown`: nobody could look. */
export type State = 'ok' | 'problem' | 'notice' | 'unknown';

/** Text and numbers are the same in every language. */
export type Value = string | number | { word: Word };

export type Problem = {
  [Code in ProblemCode]: {
    code: Code;
    severity: Severity;
    section: SectionId;
    details: ProblemDetails[Code];
  };
}[ProblemCode];

/** What was found in one section. */
export interface Finding {
  rows: Row[];
  problems: Found[];
}

export type Found = { [Code in ProblemCode]: { code: Code; details: ProblemDetails[Code] } }[ProblemCode];

export type Word =
  | 'on'
  | 'off'
  | 'yes'
  | 'no'
  | 'none'
  | 'everybody'
  | 'by-rule'
  | 'production'
  | 'development'
  | 'works'
  | 'fails'
  | 'answers'
  | 'no-answer'
  | 'missing'
  | 'not-found'
  | 'not-set'
  | 'not-looked-at';

export type RowName =
  | 'enabled'
  | 'mode'
  | 'issuer'
  | 'origin'
  | 'pages'
  | 'api'
  | 'window'
  | 'keys'
  | 'cap'
  | 'required'
  | 'grace'
  | 'loosened'
  | 'storage'
  | 'schema'
  | 'table'
  | 'users'
  | 'enrolled'
  | 'coverage'
  | 'failing'
  | 'delayed'
  | 'suspended'
  | 'dependency'
  | 'server'
  | 'endpoint'
  | 'rfc-vector'
  | 'seal'
  | 'sealed-authenticator'
  | 'sealed-backup-codes'
  | 'store'
  | 'probe'
  | 'latency'
  | 'http-only'
  | 'secure'
  | 'same-site'
  | 'cookie-path'
  | 'cookie-sent'
  | 'clock-database'
  | 'clock-redis'
  | 'clock-server'
  | 'logins-begun'
  | 'logins-completed'
  | 'wrong-answers'
  | 'rejected';
