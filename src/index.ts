/**
 * The second step of the login for Express and Passport. `createSecondFactor` is where it begins.
 * @module passport-second-factor
 */
export { createSecondFactor, type SecondFactor } from './second-factor.js';
export type { Clock } from './clock.js';
export type { CsrfOptions, LayoutLocals, Locals, ViewOverrides } from './http/render.js';
export type { PageLocals, ViewName, Views } from './views.js';
export type {
  ApiAction,
  AssuranceOptions,
  FirstFactor,
  ImpersonationOptions,
  LanguageOptions,
  LegacyFactor,
  LegacyOptions,
  LoginOptions,
  LoginVerdict,
  NoticeOptions,
  PageOptions,
  PolicyOptions,
  SecondFactorOptions,
  TelemetryApi,
  TelemetrySpan,
  TrustedBrowserOptions,
  UserOptions,
} from './options.js';
export type { KeyCare } from './keys/care.js';
export type { ResealResult } from './keys/reseal.js';
export type { KeyOption } from './keys/source.js';
export type { KeyStatus } from './keys/status.js';
export { SecondFactorError, type SecondFactorErrorCode, SecondFactorRequired } from './errors.js';
export type { MysqlConnection, MysqlPool, MysqlQuery } from './storage/sql/mysql.js';
export type { PostgresClient, PostgresPool, PostgresQuery } from './storage/sql/postgres.js';
export type { RedisClient } from './storage/epoch-cache.js';
export type { SqliteDatabase, SqliteStatement } from './storage/sql/sqlite-runner.js';
export { sqlStorage } from './storage/sql/sql-storage.js';
export type {
  Acceptance,
  AcceptanceResult,
  AccountSummary,
  Adding,
  Attempt,
  AttemptLimits,
  AttemptResult,
  AuthenticatorRemoval,
  AuthenticatorRenaming,
  Enabling,
  EventCursor,
  FactorImport,
  InspectedRecords,
  Inspection,
  NewBackupCodeSet,
  PendingKey,
  Proof,
  Recorded,
  Renewal,
  Resealing,
  Revocation,
  SealedPage,
  SealedRecord,
  SealedRecords,
  Storage,
  SupportCodeIssue,
  TokenUse,
  TokenUseResult,
  Trusting,
  TrustRemoval,
} from './storage/storage.js';
export type { EventDetails, EventKind, Notice, NoticeKind, SecondFactorEvent } from './events.js';
export type {
  Account,
  Authenticator,
  BackupCodeSet,
  Counter,
  Lane,
  LaneCounter,
  Method,
  Pending,
  Purpose,
  TotpParameters,
  TrustedBrowser,
} from './model.js';
export { createFormat, type Format } from './texts/format.js';
export type { TextChanges, Texts } from './texts/texts.js';
export type { Listener, Subscription } from './audit/journal.js';
export type { Answered } from './challenge/desk.js';
export type { Failure, Outcome, Refusal } from './challenge/outcome.js';
export type { RecentOptions } from './challenge/step-up.js';
export {
  type Answerer,
  BackupCodeStrategy,
  type StrategyOptions,
  TotpStrategy,
} from './challenge/strategies.js';
export type { Api } from './faces.js';
export type { Confirmation, Enrolment } from './enrolment/flow.js';
export type { LaneState, Overview, SupportCode } from './management/flow.js';
export type {
  ServiceEnrolment,
  ServiceProposal,
  ServiceRefusal,
  SupportCodeOptions,
  TwoFactorService,
} from './service.js';
export type { ImportOptions, ImportResult, ImportRows } from './import/flow.js';
export type { ImportRecord, ImportRow, RefusedReason, RefusedRow } from './import/record.js';
export type { Coverage, UserList } from './policy/coverage.js';
export { coverageToCsv } from './policy/csv.js';
export type { Assurance, RequestSecondFactor } from './login/assurance.js';
export type { PassportInstance } from './login/passports.js';
export type { LogInOptions } from './login/return-target.js';
export type { ProbedStore, RedisClock, ReportContext } from './report/context.js';
export {
  type DescribedProblem,
  type DescribedReport,
  type DescribedRow,
  describeReport,
} from './report/describe.js';
export { drawReport, type DrawOptions } from './report/draw.js';
export type {
  ClockDifference,
  Problem,
  ProblemCode,
  ProblemDetails,
  Report,
  Row,
  RowName,
  Section,
  SectionId,
  Severity,
  State,
  Value,
  Word,
} from './findings.js';
export type { Language } from './report/describe.js';
export type { Stamp } from './login/stamp.js';
export type { PendingLogin, SessionFacts } from './login/session.js';
