import type { ErrorRequestHandler, Request, RequestHandler, Response, Router } from 'express';
import { createJournal, type Listener, type Subscription } from './audit/journal.js';
import { createNotifier } from './audit/notices.js';
import { type Answered, ChallengeDesk } from './challenge/desk.js';
import { createChallengeFlow } from './challenge/flow.js';
import { createParkedRequests } from './challenge/parked-request.js';
import { type RecentOptions, StepUp } from './challenge/step-up.js';
import { MINUTE } from './clock.js';
import { createKeyRing } from './crypto/key-ring.js';
import { EnrolmentDesk } from './enrolment/desk.js';
import { createEnrolmentFlow } from './enrolment/flow.js';
import { createApi, createPages } from './faces.js';
import { createImportFlow } from './import/flow.js';
import { ApiAccess } from './login/access.js';
import { LoginDesk } from './login/desk.js';
import { createLoginFlow } from './login/flow.js';
import { Gate, requireUserId } from './login/gate.js';
import type { PassportInstance } from './login/passports.js';
import { protectPassport } from './login/protect.js';
import { Responder } from './login/respond.js';
import { RevocationDesk } from './login/revocation.js';
import type { LogInOptions } from './login/return-target.js';
import { checkKeys } from './keys/canary.js';
import { createKeyCare, type KeyCare } from './keys/care.js';
import { ManagementDesk } from './management/desk.js';
import { createManagementFlow } from './management/flow.js';
import type { Lane } from './model.js';
import type { AssuranceOptions, SecondFactorOptions } from './options.js';
import { createService, type TwoFactorService } from './service.js';
import type { ReportContext } from './report/context.js';
import type { Report } from './findings.js';
import { createPolicyFlow } from './policy/flow.js';
import { parseOptions } from './settings.js';
import { failClosed } from './storage/fail-closed.js';
import { forgetEpochs } from './storage/forget-epochs.js';
import { createWatchers } from './telemetry.js';
import { TrustedBrowserDesk } from './trusted-browser/desk.js';
import { createTrustedBrowserFlow } from './trusted-browser/flow.js';
import { KnownBrowsers } from './trusted-browser/known-browsers.js';

/** The second step of an application's logins. */
export interface SecondFactor {
  /**
   * Creates or upgrades the tables, tries the keys and opens the gate; until then nobody is logged in (503). Call it at start; after
   * it has rejected it can be called again.
   * @throws SecondFactorError `storage-unavailable`; `keys-unavailable` where the function of `keys` fails, `configuration-invalid`
   * where it gives what is no ring; `key-unknown` where records are sealed with a key that the ring does not have, `seal-broken` where
   * a key has another secret than its id had: docs/keys.md.
   */
  ready(): Promise<void>;
  /**
   * Stops the background purge, and resolves when listeners and notices that are under way are done (they have no time limit of
   * ours). Storage and database stay the host's: close them afterwards.
   */
  close(): Promise<void>;
  /**
   * Holds every login and checks every session of a Passport instance. Call it once for each instance, before any of
   * its middleware is made; a second instance needs a `name` of its own.
   */
  protect(passport: PassportInstance, options?: { name?: string }): void;
  /**
   * `req.logIn` as a promise, for hosts that answer themselves: `held` means that nobody is logged in and the challenge
   * comes next. Nothing is answered here.
   * @param options Passport's; `successRedirect` and the like say where a held login goes on to.
   */
  logIn(request: Request, user: Express.User, options?: LogInOptions): Promise<'complete' | 'held'>;
  /**
   * For a login that never comes to `req.logIn`, such as a route that issues tokens of its own: `if (await
   * secondFactor.hold(req, res, user)) return;`.
   * @returns whether the user owes the second step; the login is pending and answered then. Else nothing has changed.
   */
  hold(request: Request, response: Response, user: Express.User): Promise<boolean>;
  /** Put it before `passport.authenticate(…, { session: false })` on a route that users with a second factor may use without it. */
  allowSessionless(): RequestHandler;
  /**
   * Logs the complete session of this request in as another user, as `options.login.impersonation` allows. Nothing is
   * proven in it, so the user's second factor cannot be changed; it ends with a logout.
   * @throws SecondFactorError `impersonation-refused`.
   */
  impersonate(request: Request, user: Express.User): Promise<void>;
  /**
   * Put it before a route that needs a fresh proof. People go to the challenge and come back; a form that was sent is offered again
   * (not files, and not more than 16 KiB); programs get 401 `proof-required`.
   * @throws SecondFactorError `configuration-invalid` on a wrong `within`.
   */
  recent(options?: RecentOptions): RequestHandler;
  /**
   * Put it before a route that needs a session in which a second factor was proven at any time. Whoever has none is sent to the
   * set-up, and back afterwards; programs get 403 `enrolment-required`.
   */
  required(): RequestHandler;
  /**
   * Asks for a proof where a rule of yours finds those of `req.secondFactor` too old or too few: people go to the challenge, or to the
   * login page where nobody is logged in, and come back to this page; programs get 401 `proof-required`.
   */
  askProof(request: Request, response: Response): Promise<void>;
  /**
   * Answers `SecondFactorRequired`, and to programs our other errors as problem+json. Mount it below the routes, above your
   * own error handler.
   */
  errors(): ErrorRequestHandler;
  /**
   * The challenge, setup and management pages. Mount it at `paths.pages`, below `passport.session()`.
   * @throws SecondFactorError `not-protected` where `protect` was not called before.
   */
  pages(): Router;
  /**
   * The JSON API. Mount it at `paths.api`, below `passport.session()`. Its OpenAPI document is at `openapi.json` below that.
   * @throws SecondFactorError `not-protected` where `protect` was not called before.
   */
  api(): Router;
  /** The names of `options.assurance.acr`; `undefined` where it gives none. */
  readonly acr: AssuranceOptions['acr'];
  /** The same for code that has no request: jobs, command lines, tests. */
  readonly service: TwoFactorService;
  /** What there is to do about the keys over the years, before `ready()` too: for jobs and the command line (docs/keys.md). */
  readonly keys: KeyCare;
  /**
   * Answers this session's pending login, or gives a fresh proof in its complete one; for hosts with a challenge of
   * their own. After `accepted`, call `req.logIn(answered.user, …)` in the same request.
   * @param input what the person typed.
   * @param lane refuses the other kind of code as `malformed`. Default: both kinds.
   */
  answer(request: Request, input: string, lane?: Lane): Promise<Answered>;
  /**
   * Call it after a user's password was changed or reset: every other session and pending login of the user ends, and where
   * logins waited for it (`first-factor.suspected`), they go on.
   * @param keep the request whose session goes on, if it is the user's own. Pass it also where `req.logIn` follows, as after
   * a reset: who was logged in already would otherwise be told that the session has ended.
   */
  passwordChanged(userId: string, keep?: Request): Promise<void>;
  /** Ends every session and pending login of a user. @param keep as with `passwordChanged`: "sign out everywhere else". */
  revoke(userId: string, keep?: Request): Promise<void>;
  /**
   * Call it when a user is deleted: nothing of the second factor is kept but that the id was in use, so that no old session
   * belongs to somebody who gets the same id later (SQLite gives row ids again).
   */
  forget(userId: string): Promise<void>;
  /**
   * Calls `listener` with each event of a kind (docs/events.md), or of all kinds (`*`), that this process has written, once it is
   * committed. Nothing waits for it.
   */
  on<S extends Subscription>(subscription: S, listener: Listener<S>): void;
  /** Takes a listener away that was given to `on` for this kind; one that was not changes nothing. */
  off<S extends Subscription>(subscription: S, listener: Listener<S>): void;
  /**
   * Looks at the whole installation and changes nothing in it, also before `ready()` and without tables: `drawReport` and
   * `describeReport` say it in words (docs/report.md). It counts whole tables: for administrators, not for every request.
   */
  report(context?: ReportContext): Promise<Report>;
}

const PURGE_INTERVAL = 10 * MINUTE;

/**
 * Makes the second step from the host's options.
 * @throws SecondFactorError `configuration-invalid` with a sentence for each fault.
 */
export function createSecondFactor(options: SecondFactorOptions): SecondFactor {
  const parsed = parseOptions(options);
  const watch = createWatchers(parsed.telemetry);
  const settings = { ...parsed, epochs: watch.epochs(parsed.epochs) };
  const storage = forgetEpochs(watch.storage(failClosed(settings.storage)), settings.epochs);
  const ring = createKeyRing();
  const journal = watch.journal(createJournal(settings, storage));
  if (settings.notices) journal.on('*', createNotifier(settings));
  const loginFlow = watch.loginFlow(
    createLoginFlow(settings, storage, createPolicyFlow(settings, storage), journal),
  );
  const gate = new Gate(settings, loginFlow);
  const trustFlow = createTrustedBrowserFlow(settings, storage, journal);
  const browsers = {
    trusted: new TrustedBrowserDesk(trustFlow, settings, ring),
    known: new KnownBrowsers(settings, ring),
  };
  const importFlow = createImportFlow(settings, storage, ring, journal);
  const logins = new LoginDesk(gate, loginFlow, settings, browsers, importFlow);
  const revocations = new RevocationDesk(gate, loginFlow, logins);
  const responder = new Responder(gate, settings);
  const managementFlow = createManagementFlow(settings, storage, ring, journal);
  const challengeFlow = watch.challengeFlow(createChallengeFlow(settings, storage, ring, journal));
  const enrolmentFlow = createEnrolmentFlow(settings, storage, ring, journal);
  const challenges = new ChallengeDesk(gate, logins, challengeFlow, settings, storage, browsers);
  const enrolments = new EnrolmentDesk(gate, logins, enrolmentFlow, settings);
  const management = new ManagementDesk(gate, logins, revocations, managementFlow, browsers.trusted);
  const access = new ApiAccess(gate, settings, responder);
  const parked = createParkedRequests(settings, storage, ring);
  const stepUp = new StepUp(gate, settings, access, parked);
  const rooms = {
    access,
    parked,
    settings,
    gate,
    logins,
    responder,
    challenges,
    enrolments,
    management,
    managementFlow,
  };
  let purge: NodeJS.Timeout | undefined;

  return {
    async ready() {
      const keys = await settings.keys();
      await storage.migrate();
      await checkKeys(storage, keys);
      ring.fill(keys);
      if (!settings.enabled) warnSwitchedOff();
      // A failed purge loses nothing and is tried again; the requests that need storage report its faults.
      purge ??= setInterval(() => {
        const now = settings.clock();
        storage.purgePending(now).catch(() => undefined);
        storage.purgeTrustedBrowsers(now).catch(() => undefined);
        storage.purgeEvents(now - settings.retention).catch(() => undefined);
      }, PURGE_INTERVAL).unref();
      gate.open();
    },

    async close() {
      clearInterval(purge);
      purge = undefined;
      await journal.settled();
    },

    protect(passport, { name = 'default' } = {}) {
      protectPassport(gate, logins, responder, settings, passport, name);
    },

    logIn: (request, user, logInOptions = {}) => logins.logIn(request, user, logInOptions),

    async hold(request, response, user) {
      const isHeld = await logins.hold(request, user);
      if (isHeld) await responder.answerHeld(request, response);
      return isHeld;
    },

    allowSessionless: () => (request, _response, next) => {
      logins.allowSessionless(request);
      next();
    },

    impersonate: (request, user) => logins.impersonate(request, user),

    recent: (recentOptions) => stepUp.recent(recentOptions),

    required: () => stepUp.required(),

    askProof: (request, response) => stepUp.ask(request, response),

    errors: () => responder.errors(),

    pages() {
      gate.passports.refuseNone();
      return createPages(rooms);
    },

    api() {
      gate.passports.refuseNone();
      responder.announceApi();
      return createApi(rooms);
    },

    acr: settings.assurance.acr,

    service: createService(settings, storage, gate, {
      challengeFlow,
      enrolmentFlow,
      importFlow,
      managementFlow,
    }),

    keys: createKeyCare(settings, storage),

    answer: (request, input, lane) => challenges.answer(request, input, lane),

    passwordChanged: async (userId, keep) =>
      revocations.revoke(requireUserId(userId), 'password-changed', keep),

    revoke: async (userId, keep) => revocations.revoke(requireUserId(userId), 'host', keep),

    forget: async (userId) => storage.forget(requireUserId(userId)),

    on: (subscription, listener) => journal.on(subscription, listener),

    off: (subscription, listener) => journal.off(subscription, listener),

    async report(context = {}) {
      // Not at start: few processes are ever asked.
      const { collectReport } = await import('./report/collect.js');
      return collectReport(settings, storage, context);
    },
  };
}

function warnSwitchedOff(): void {
  process.emitWarning(
    'The second step is switched off (enabled: false): a password alone logs everybody in, also users who have a second factor.',
    { type: 'SecondFactorWarning', code: 'SECOND_FACTOR_OFF' },
  );
}
