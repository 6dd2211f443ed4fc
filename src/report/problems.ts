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

export interface ClockDifference {
  clock: 'database' | 'redis' | 'server';
  /** Seconds by which it is ahead of this process; negative where it is behind. */
  ahead: number;
}

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
