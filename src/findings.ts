/** The state of an installation as data, in no language. `describeReport` and `drawReport` say it in words. */
export interface Report {
  /** ISO 8601, by the clock of the options. */
  checkedAt: string;
  sections: readonly Section[];
  /** Problems first, then notices; each in the order of the sections. */
  problems: readonly Problem[];
}

/** What was looked at of one part of the installation. */
export interface Section {
  id: SectionId;
  rows: readonly Row[];
}

/** The parts of an installation, in the order of the report. */
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

/** One thing that was looked at. */
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

/** Something to mend or to know, with what the words about it need (docs/report.md). */
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

/** A value that each language says in its own way. */
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

/** What was looked at. */
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

/** `problem`: something to mend; the command exits with 1. `notice`: something to know. */
export type Severity = 'problem' | 'notice';

type None = Record<string, never>;

/** What the words about a problem need to know. Never a secret. */
export interface ProblemDetails {
  'switched-off': None;
  'development-mode': None;
  'storage-unreachable': { reason: string };
  'not-migrated': { there: number; known: number; missing: readonly string[] };
  'schema-newer': { there: number; known: number };
  'no-users': None;
  'users-suspended': { count: number };
  'dependency-unsupported': { name: string; version: string; range: string };
  'server-not-running': { url: string; reason: string };
  'pages-not-mounted': { path: string };
  'api-not-mounted': { path: string };
  'endpoint-wrong': { endpoints: readonly string[] };
  'self-test-failed': { test: string };
  'keys-unavailable': { reason: string };
  'key-missing': { keyId: string; records: number };
  'key-lost': { keyId: string; records: number };
  'seal-broken': { keyId: string; records: number };
  'session-store-memory': None;
  'session-store-unreachable': { store: string; reason: string };
  'cookie-not-http-only': None;
  'cookie-not-secure': None;
  'cookie-same-site-none': None;
  'clock-off': { differences: readonly ClockDifference[] };
  'answers-often-wrong': { wrong: number; percent: number };
}

/** A clock that goes otherwise than that of this process. */
export interface ClockDifference {
  clock: 'database' | 'redis' | 'server';
  /** Seconds by which it is ahead of this process; negative where it is behind. */
  ahead: number;
}

/**
 * Stable names of the problems; docs/report.md lists all.
 * @useDeclaredType
 */
export type ProblemCode = keyof ProblemDetails;

export const severities: Readonly<Record<ProblemCode, Severity>> = {
  'switched-off': 'problem',
  'development-mode': 'notice',
  'storage-unreachable': 'problem',
  'not-migrated': 'problem',
  'schema-newer': 'problem',
  'no-users': 'notice',
  'users-suspended': 'notice',
  'dependency-unsupported': 'problem',
  'server-not-running': 'problem',
  'pages-not-mounted': 'problem',
  'api-not-mounted': 'notice',
  'endpoint-wrong': 'problem',
  'self-test-failed': 'problem',
  'keys-unavailable': 'problem',
  'key-missing': 'problem',
  'key-lost': 'problem',
  'seal-broken': 'problem',
  'session-store-memory': 'problem',
  'session-store-unreachable': 'problem',
  'cookie-not-http-only': 'problem',
  'cookie-not-secure': 'problem',
  'cookie-same-site-none': 'problem',
  'clock-off': 'problem',
  'answers-often-wrong': 'notice',
};
