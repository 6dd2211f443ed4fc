import { type Clock, DAY } from './clock.js';
import { describeFaults, SecondFactorError } from './errors.js';
import { type ChooseLanguage, createLanguageChoice } from './http/language.js';
import type { CsrfOptions } from './http/render.js';
import type { KeySource } from './keys/source.js';
import { attemptLimits } from './limits.js';
import type {
  AssuranceOptions,
  LegacyOptions,
  LoginOptions,
  NoticeOptions,
  PageOptions,
  PolicyOptions,
  SecondFactorOptions,
  TelemetryApi,
  TrustedBrowserOptions,
  UserOptions,
} from './options.js';
import { optionsSchema } from './options-schema.js';
import { EpochCache, type Epochs } from './storage/epoch-cache.js';
import type { AttemptLimits, Storage } from './storage/storage.js';
import { Languages } from './texts/languages.js';
import type { Window } from './totp/match-step.js';

/** The options as the rooms use them: complete and checked. */
export interface Settings {
  enabled: boolean;
  issuer: string;
  origin: string;
  storage: Storage;
  keys: KeySource;
  user: UserOptions;
  login: LoginOptions;
  /** Where the host's login asks again, and the path at which a login is then the proof. */
  reauthentication: { page: string; logIn: string } | undefined;
  held: 'respond' | 'error';
  /** Until when unstamped sessions are adopted; 0 for never. */
  adoptUntil: number;
  paths: {
    pages: string;
    api: string;
    prefix: string;
    challenge: string;
    login: string;
    home: string;
    help: string | undefined;
  };
  /** `undefined` where no system of before is asked. */
  legacy: LegacyOptions | undefined;
  /** `undefined` where nobody must have a second factor. */
  policy: PolicyOptions | undefined;
  /** `undefined` where no browser is trusted. */
  trustedBrowsers: { lifetime: number; rules: TrustedBrowserOptions } | undefined;
  assurance: AssuranceOptions;
  csrf: CsrfOptions | undefined;
  pages: PageOptions;
  languages: Languages;
  /** The words that the sender of a request reads. */
  wordsFor: ChooseLanguage;
  timeZone: string;
  api: NonNullable<SecondFactorOptions['api']>;
  window: Window;
  notices: NoticeOptions | undefined;
  limits: AttemptLimits;
  /** Milliseconds that events are kept. */
  retention: number;
  /** What events say about where they were written. */
  node: string;
  epochs: Epochs | undefined;
  telemetry: TelemetryApi | undefined;
  clock: Clock;
}

/**
 * Checks the options once, at start (R13).
 * @throws SecondFactorError `configuration-invalid`, with a sentence for each fault. No value is repeated in it: it
 * could be a key.
 */
export function parseOptions(options: SecondFactorOptions): Settings {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    throw new SecondFactorError(
      'configuration-invalid',
      `passport-second-factor cannot start with these options:\n${describeFaults(parsed.error.issues)}`,
    );
  }
  const {
    totp,
    attempts,
    audit,
    csrf,
    legacy,
    login,
    paths,
    policy,
    trustedBrowsers,
    epochs,
    languages,
    ...rest
  } = parsed.data;
  const known = new Languages(options.languages?.texts);
  const { reauthenticate } = rest.user;
  return {
    ...rest,
    // The host's own objects: their functions may use `this`.
    user: options.user,
    reauthentication:
      typeof reauthenticate === 'string' ? { page: reauthenticate, logIn: reauthenticate } : reauthenticate,
    login: options.login ?? {},
    trustedBrowsers: trustedBrowsers && {
      lifetime: trustedBrowsers.days * DAY,
      rules: options.trustedBrowsers ?? {},
    },
    assurance: options.assurance ?? {},
    csrf: csrf && options.csrf,
    pages: options.pages ?? {},
    languages: known,
    wordsFor: createLanguageChoice(known, options.languages),
    timeZone: languages.timeZone,
    api: options.api ?? {},
    notices: options.notices,
    telemetry: options.telemetry,
    legacy: legacy && options.legacy,
    policy: policy && options.policy,
    paths: { ...paths, help: paths.help, challenge: paths.challenge ?? `${paths.pages}/challenge` },
    held: login.held,
    adoptUntil: login.adoptUnstamped?.until.getTime() ?? 0,
    window: totp.window,
    limits: { ...attemptLimits, cap: attempts.cap },
    retention: audit.retention * DAY,
    node: audit.node,
    epochs: epochs && new EpochCache(epochs.redis, epochs.prefix ?? `second-factor:${rest.issuer}:`),
  };
}
