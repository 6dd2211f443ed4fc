import type { Request, Response } from 'express';
import type { Clock } from './clock.js';
import type { Notice } from './events.js';
import type { CsrfOptions, ViewOverrides } from './http/render.js';
import type { KeyOption } from './keys/source.js';
import type { TotpParameters } from './model.js';
import type { RedisClient } from './storage/epoch-cache.js';
import type { Storage } from './storage/storage.js';
import type { TextChanges } from './texts/texts.js';

/** What the host passes to `createSecondFactor`. */
export interface SecondFactorOptions {
  /**
   * `false` lets every login through without the second step, still stamps it, and says so at every start.
   * Default `true`.
   */
  enabled?: boolean;
  /** The name of the service, as authenticator apps show it. 1 to 64 characters, no colon. */
  issuer: string;
  /** Where browsers see the application, e.g. `https://id.example`. Forms from elsewhere are refused. */
  origin: string;
  /** Where records live: `sqlStorage.sqlite(database)`, or your own that passes the contract suite. */
  storage: Storage;
  /**
   * The key ring: the first key seals, all open (docs/keys.md). `secret`: at least 32 random bytes, as base64 text or bytes. Not the
   * session secret: whoever rotates that would lock everybody out. `lost: true` in place of a secret that is gone: what it has
   * sealed is denied. A function is asked in `ready()`, and has 10 s.
   */
  keys: readonly KeyOption[] | (() => readonly KeyOption[] | Promise<readonly KeyOption[]>);
  /** How to read the host's users. */
  user: UserOptions;
  /** How logins go. Default: every login of somebody with a second factor is held. */
  login?: LoginOptions;
  /** Paths as browsers see them. */
  paths?: {
    /** Where browsers see `pages()`. Default `/two-factor`. */
    pages?: string;
    /** Where programs see `api()`. Default `/api/v1/two-factor`. */
    api?: string;
    /** What a proxy takes off the front of a path before Express sees it, e.g. `/app`. Default `''`. */
    prefix?: string;
    /** Where held logins are sent, for a host with a challenge page of its own. Default `challenge` below `pages`. */
    challenge?: string;
    /** The host's login page. Default `/login`. */
    login?: string;
    /** Where a completed login goes that names no other target. Default `/`. */
    home?: string;
    /** A page of the host's with help for people who cannot sign in; anybody can read it. Default: no link to one is shown. */
    help?: string;
  };
  /** Moves second factors of another system in, one by one, as their owners sign in (docs/migration.md). Default: nobody is asked. */
  legacy?: LegacyOptions;
  /** Who must have a second factor, and from when on. Default: nobody must. */
  policy?: PolicyOptions;
  /**
   * Loosens: whoever ticks "Don't ask again on this browser" at the challenge of a login is not asked there for a while. Default: nobody is
   * offered it.
   */
  trustedBrowsers?: TrustedBrowserOptions;
  /** What `req.secondFactor` says of a login (docs/assurance.md). */
  assurance?: AssuranceOptions;
  /** The host's own CSRF middleware, where it stands above the pages. Default: there is none. */
  csrf?: CsrfOptions;
  /** How the pages look (docs/customising.md). */
  pages?: PageOptions;
  /** Languages, words and time zone (docs/languages.md). Default: English and Indonesian, as the browser asks for, in UTC. */
  languages?: LanguageOptions;
  /** Rules of the JSON API. */
  api?: {
    /**
     * Lets somebody whose login is complete do this to another user's second factor by the JSON API: see its `status`, or
     * `disable` it without that user's code. Only `true` allows it. What the API never gives of another user are secrets and
     * codes. Default: nobody may.
     */
    authorize?(request: Request, userId: string, action: ApiAction): boolean | Promise<boolean>;
  };
  /** How TOTP codes are looked at. */
  totp?: {
    /** Time steps accepted before and after the present one, each 0 to 2. Default 1 and 1. */
    window?: { past: number; future: number };
  };
  /** How guessing is slowed down; what else is fixed stands in docs/options.md. */
  attempts?: {
    /** Consecutive wrong codes that suspend a lane until it is bound anew. Default 50, at most 100 (NIST SP 800-63B-4 §3.2.2). */
    cap?: number;
  };
  /** How events are kept (docs/events.md). */
  audit?: {
    /** Days that events are kept, 30 to 3,650. Default 400. */
    retention?: number;
    /** What events say about where they were written. 1 to 255 characters. Default the machine's host name. */
    node?: string;
  };
  /** Messages to owners about what has just happened to their accounts. Default: none are sent. */
  notices?: NoticeOptions;
  /**
   * Keeps users' epochs in Redis for at most 30 s, so that a request of somebody logged in costs no SQL of ours. Every process that
   * makes changes needs it: those of another are seen within 30 s. Default: one indexed read in SQL.
   */
  epochs?: {
    /** A client of `ioredis` or of `redis` (node-redis 5 or 6), such as that of the session store. */
    redis: RedisClient;
    /** Of its keys. The same for all nodes, and no other application's. Default `second-factor:` and the issuer. */
    prefix?: string;
  };
  /** The module `@opentelemetry/api` (1.x), for spans and counters (docs/telemetry.md). Default: nothing is measured. */
  telemetry?: TelemetryApi;
  /** For tests: milliseconds since the Unix epoch. Default the system's clock. */
  clock?: Clock;
}

type Attributes = Record<string, string>;

/** What is used of the module `@opentelemetry/api`. */
export interface TelemetryApi {
  metrics: {
    getMeter(name: string): {
      createCounter(name: string, about: object): { add(count: number, attributes: Attributes): void };
      createHistogram(name: string, about: object): { record(value: number, attributes: Attributes): void };
    };
  };
  trace: {
    getTracer(name: string): {
      startActiveSpan<T>(
        name: string,
        about: { attributes: Attributes },
        work: (span: TelemetrySpan) => T,
      ): T;
    };
  };
}

/** What is used of a span. */
export interface TelemetrySpan {
  /** Called where what it measures has failed. */
  setStatus(status: { code: number }): unknown;
  /** Called once. */
  end(): void;
}

/** Messages to the owner of an account about what has just happened to it (docs/events.md). */
export interface NoticeOptions {
  /** Sends one, as a mail for example. Nobody waits for it; where it fails, the process is warned and nothing else happens. */
  send(notice: Notice): void | Promise<void>;
  /** The language of a user's notices, such as `id`. Default English. */
  language?(userId: string): string | undefined | Promise<string | undefined>;
}

/** How the pages look (docs/customising.md). */
export interface PageOptions {
  /**
   * Path of a stylesheet of yours on this origin, which stands after ours: custom properties for colours, logo, font and radius, and
   * rules. Default: none.
   */
  stylesheet?: string;
  /** Views in place of ours, each an EJS file or a function, and `layout` around all of them. Default: ours. */
  views?: ViewOverrides;
  /**
   * Sources that the pages' Content-Security-Policy allows besides its own, by directive, e.g. `{ 'form-action': ['https://rp.example'] }`
   * where a login goes on to another origin. Default: none.
   */
  contentSecurityPolicy?: Record<string, readonly string[]>;
}

/** What language people read, on pages and in answers of the JSON API (docs/languages.md). Ours are `en` and `id`. */
export interface LanguageOptions {
  /** Tag of the language of a request. Default, and where it returns none: what the browser asks for, else English. */
  choose?(request: Request): string | undefined;
  /** Other words, by tag of the language; a tag that we do not have adds a language, in English where words are missing. */
  texts?: Record<string, TextChanges>;
  /** IANA name of the zone in which times are shown, e.g. `Asia/Jakarta`. Default `UTC`. */
  timeZone?: string;
}

/** How the package learns about the host's users. */
export interface UserOptions {
  /** A stable, unique id, never used again for somebody else. */
  id(user: Express.User): string;
  /** What the authenticator app shows below the issuer, e.g. the e-mail address. */
  label(user: Express.User): string;
  /**
   * Proves the first factor again before somebody without a second factor sets one up. Without it such a person signs
   * in anew when the login is older than 5 minutes.
   */
  checkPassword?(user: Express.User, password: string): boolean | Promise<boolean>;
  /**
   * In place of `checkPassword`, where your own login is to ask, e.g. `/login?again=1`: people are sent there, still logged in, and come
   * back. A `req.logIn` of the same user at this path is the proof; where it happens at another path, such as the callback of an
   * identity provider, `page` is where people are sent and `logIn` that path. Elsewhere a `req.logIn` proves nothing.
   */
  reauthenticate?: string | { page: string; logIn: string };
  /**
   * Whether this user may set up a second factor now, e.g. once the e-mail address is verified. A sentence refuses and is
   * shown. Default: everybody may.
   */
  mayEnrol?(user: Express.User): boolean | string | Promise<boolean | string>;
}

/** What happens at a login. Functions may be asynchronous; one that throws refuses the login. */
export interface LoginOptions {
  /**
   * How `req.logIn` answers a held login. `respond`: a redirect to the challenge, or 401 problem+json for programs; the
   * callback is never called. `error`: the callback gets a `SecondFactorRequired`, which `secondFactor.errors()`
   * answers; for hosts that wrap `req.logIn` in a promise and release something in `finally`. Default `respond`.
   */
  held?: 'respond' | 'error';
  /**
   * Awaited at the completion of every new login, before its session is saved and its redirect sent: the place for last-login
   * dates, carts and remember-me cookies. What it writes into `request.session` stays.
   */
  after?(request: Request, response: Response, user: Express.User): void | Promise<void>;
  /**
   * Awaited when a pending login is given up, because it was cancelled or too many codes were wrong: take a remember-me
   * cookie away here, or the next request holds the same login again.
   */
  abandoned?(request: Request, response: Response): void | Promise<void>;
  /**
   * Decides about each login after its first factor, e.g. by network or risk. It can only tighten: `usual` leaves the
   * second step as it is, `refuse` lets nobody in (403 `login-refused`). Default: always `usual`.
   */
  condition?(request: Request, user: Express.User): LoginVerdict | Promise<LoginVerdict>;
  /**
   * Loosens: `true` lets a login of somebody who has a second factor through without it, e.g. from a machine in the office.
   * Its session counts as proven by the first factor alone. Default: never.
   */
  skipSecondStep?(request: Request, user: Express.User): boolean | Promise<boolean>;
  /**
   * Logins with `session: false` (HTTP Basic, Bearer tokens) of users who have a second factor, which nothing can ask for
   * there. A function decides for each; `true` lets it through. `secondFactor.allowSessionless()` does so for a route.
   * Default `refuse`.
   */
  sessionless?:
    | 'refuse'
    | 'allow'
    | ((request: Request, user: Express.User, options: object) => boolean | Promise<boolean>);
  /**
   * For the first roll-out: until then, a session from before is taken over instead of ended, if its user never had a second
   * factor. At most 90 days ahead. Default: none is.
   */
  adoptUnstamped?: { until: Date };
  /** Lets `secondFactor.impersonate` log somebody in as another user without that user's codes. Default: nobody may. */
  impersonation?: ImpersonationOptions;
}

/** Who must have a second factor. It is asked at logins; sessions from before go on (docs/policy.md). */
export interface PolicyOptions {
  /**
   * `true`: everybody. A function decides for each user, e.g. by role: `(user) => user.roles.includes('admin')`. One that throws, or
   * answers with neither `true` nor `false`, refuses the login.
   */
  required: true | ((user: Express.User) => boolean | Promise<boolean>);
  /**
   * How long a user may go on without: so many `days` (1 to 365) from the first login at which one is required, or `until` a date for
   * all. The date is stored for each user at that login; a stricter policy brings it forward, nothing puts it off. Default: not at all.
   */
  grace?: { days: number } | { until: Date };
}

/** What `req.secondFactor` says that a login is worth (docs/assurance.md). */
export interface AssuranceOptions {
  /**
   * The `acr` of a login by one factor, and by two of different kinds: URIs, or names that you and those who read them have agreed
   * on. Default: none, since a name promises more than this package can see.
   */
  acr?: { oneFactor: string; twoFactors: string };
  /**
   * Names the first factor of each login, by RFC 8176, e.g. by the route it came from. Default `pwd`.
   * @throws SecondFactorError `configuration-invalid` at the login, where it returns something else.
   */
  firstFactor?(request: Request, user: Express.User): FirstFactor | Promise<FirstFactor>;
}

/** The methods of RFC 8176 that can be a first factor, with the kind that each proves: what one knows, has, or is. */
export const factorKinds = {
  pwd: 'knows',
  pin: 'knows',
  kba: 'knows',
  otp: 'has',
  sms: 'has',
  tel: 'has',
  hwk: 'has',
  swk: 'has',
  pop: 'has',
  sc: 'has',
  face: 'is',
  fpt: 'is',
  iris: 'is',
  retina: 'is',
  vbm: 'is',
} as const;

/**
 * A name of RFC 8176 for how a login began.
 * @useDeclaredType
 */
export type FirstFactor = keyof typeof factorKinds;

/** Browsers in which a user's logins go on without a code. Such a session counts as proven by the first factor alone. */
export interface TrustedBrowserOptions {
  /** How long a browser is trusted; logins do not make it longer. 1 to 90. Default 30. */
  days?: number;
  /**
   * Asked before a browser is trusted, and before each login that its trust would complete, e.g. for the user's role. Only `true`
   * allows it; else the code is asked for as usual. Default: everybody may.
   */
  allow?(request: Request, user: Express.User): boolean | Promise<boolean>;
}

/** What may be done to another user's second factor. */
export type ApiAction = 'status' | 'disable';

/** What `login.condition` says of a login: go on as always, or 403 `login-refused`. */
export type LoginVerdict = 'usual' | 'refuse';

/** Who may become whom with `secondFactor.impersonate`, and where that is written down (docs/logins.md). */
export interface ImpersonationOptions {
  /** Whether `actor`, whose login is complete, may become `user` in this request. Only `true` allows it. */
  allow(request: Request, actor: Express.User, user: Express.User): boolean | Promise<boolean>;
  /** Writes it down, before it happens: where this fails, nobody becomes anybody. */
  record(request: Request, actor: Express.User, user: Express.User): void | Promise<void>;
}

/** A second factor as another system has it. */
export interface LegacyFactor extends Partial<TotpParameters> {
  /** Bytes, or text in base32. 128 to 512 bits (RFC 4226 §4 R6). */
  secret: Uint8Array | string;
  /** Of the authenticator. Default a general one, also where it is longer than 64 characters. */
  name?: string;
  /** In clear. They are taken over where all of them are codes of this package; others cannot be (docs/migration.md). */
  backupCodes?: readonly string[];
}

export interface LegacyRules {
  /**
   * Loosens: takes secrets of 80 to 127 bits too, as older versions of other libraries made them. RFC 4226 asks for 128, so whoever has
   * one should set an authenticator up anew. Default `false`.
   */
  allowShortSecrets?: boolean | undefined;
}

/** Dual-read: the system of before is asked at logins, until everybody has moved. */
export interface LegacyOptions extends LegacyRules {
  /**
   * The second factor that this user has there, decrypted; `null` for none. Asked at each login, after the first factor, of a user who
   * has none here and never turned one off here. What it gives is kept, and the login waits for its code like any other. One that throws, or does not answer
   * within 1.5 s, or gives anything else, refuses the login.
   */
  findFactor(user: Express.User): LegacyFactor | null | Promise<LegacyFactor | null>;
}
