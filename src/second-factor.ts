import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import { type Answered, ChallengeDesk } from './challenge/desk.js';
import { createChallengeFlow } from './challenge/flow.js';
import { challengePages } from './challenge/pages.js';
import { MINUTE } from './clock.js';
import { createKeyRing } from './crypto/key-ring.js';
import { createEnrolmentFlow } from './enrolment/flow.js';
import { enrolmentPages } from './enrolment/pages.js';
import { SecondFactorError } from './errors.js';
import { checkMount, handleRefusal, serveStylesheet } from './http/pages.js';
import { readForm } from './http/form.js';
import { setPageHeaders } from './http/headers.js';
import { createRender } from './http/render.js';
import { Gate, isUserId, USER_ID } from './login/gate.js';
import { LoginDesk } from './login/desk.js';
import { createLoginFlow } from './login/flow.js';
import type { PassportInstance } from './login/passports.js';
import { protectPassport } from './login/protect.js';
import { answerErrors, answerHeld } from './login/respond.js';
import type { LogInOptions } from './login/return-target.js';
import { createManagementFlow } from './management/flow.js';
import { managementPages } from './management/pages.js';
import type { Lane } from './model.js';
import type { SecondFactorOptions } from './options.js';
import { collectReport } from './report/collect.js';
import type { ReportContext } from './report/context.js';
import type { Report } from './report/report.js';
import { parseOptions } from './settings.js';
import { failClosed } from './storage/fail-closed.js';

/** The second step of an application's logins. */
export interface SecondFactor {
  /**
   * Creates or upgrades the tables and opens the gate; until then nobody is logged in (503). Call once at start.
   * @throws SecondFactorError `storage-unavailable`.
   */
  ready(): Promise<void>;
  /** Stops the background purge. Storage and database stay the host's. */
  close(): void;
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
   * Answers this session's pending login, or gives a fresh proof in its complete one; for hosts with a challenge of
   * their own. After `accepted`, call `req.logIn(answered.user, …)` in the same request.
   * @param input what the person typed.
   * @param lane refuses the other kind of code as `malformed`. Default: both kinds.
   */
  answer(request: Request, input: string, lane?: Lane): Promise<Answered>;
  /**
   * Call it after a user's password was changed or reset: every other session and pending login of the user ends.
   * @param keep the request whose session goes on, if it is the user's own. Pass it also where `req.logIn` follows, as after
   * a reset: who was logged in already would otherwise be told that the session has ended.
   */
  passwordChanged(userId: string, keep?: Request): Promise<void>;
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
  const settings = parseOptions(options);
  const storage = failClosed(settings.storage);
  const ring = createKeyRing(settings.keys);
  const loginFlow = createLoginFlow(settings, storage);
  const gate = new Gate(settings, loginFlow);
  const logins = new LoginDesk(gate, loginFlow, settings);
  const desk = new ChallengeDesk(
    gate,
    logins,
    createChallengeFlow(settings, storage, ring),
    settings,
    storage,
  );
  let purge: NodeJS.Timeout | undefined;

  return {
    async ready() {
      await storage.migrate();
      if (!settings.enabled) warnSwitchedOff();
      // A failed purge loses nothing and is tried again; the requests that need storage report its faults.
      purge ??= setInterval(() => {
        storage.purgePending(settings.clock()).catch(() => undefined);
      }, PURGE_INTERVAL).unref();
      gate.open();
    },

    close() {
      clearInterval(purge);
      purge = undefined;
    },

    protect(passport, { name = 'default' } = {}) {
      protectPassport(gate, logins, settings, passport, name);
    },

    logIn: (request, user, logInOptions = {}) => logins.logIn(request, user, logInOptions),

    async hold(request, response, user) {
      const isHeld = await logins.hold(request, user);
      if (isHeld) answerHeld(request, response, settings.paths.challenge);
      return isHeld;
    },

    allowSessionless: () => (request, _response, next) => {
      logins.allowSessionless(request);
      next();
    },

    impersonate: (request, user) => logins.impersonate(request, user),

    errors: () => answerErrors(settings.paths.challenge),

    pages() {
      gate.passports.refuseNone();
      const router = Router();
      const face = {
        gate,
        logins,
        desk,
        settings,
        render: createRender(settings.issuer, settings.paths.pages, settings.csrf),
        form: readForm(settings.origin),
      };
      router.get('/style.css', serveStylesheet);
      router.use(setPageHeaders, checkMount(settings.paths));
      router.use(challengePages(face));
      router.use(enrolmentPages({ ...face, flow: createEnrolmentFlow(settings, storage, ring) }));
      router.use(managementPages({ ...face, flow: createManagementFlow(settings, storage, ring) }));
      router.use(handleRefusal(face.render, settings.paths.home));
      return router;
    },

    answer: (request, input, lane) => desk.answer(request, input, lane),

    async passwordChanged(userId, keep) {
      const epoch = await storage.raiseEpoch(requireUserId(userId));
      const state = keep && gate.state(keep);
      if (!keep || state?.kind !== 'complete' || state.stamp.userId !== userId || state.stamp.impersonator)
        return;
      // This session was ended itself while its request was under way: it is not brought back.
      if (epoch !== state.stamp.epoch + 1) return;
      await logins.renew(keep, state, { epoch });
    },

    report: (context = {}) => collectReport(settings, storage, context),
  };
}

/** Another kind of value would name nobody, and the change would end no session. */
function requireUserId(userId: unknown): string {
  if (isUserId(userId)) return userId;
  throw new SecondFactorError(
    'configuration-invalid',
    `passwordChanged needs the id that options.user.id returns, ${USER_ID}.`,
  );
}

function warnSwitchedOff(): void {
  process.emitWarning(
    'The second step is switched off (enabled: false): a password alone logs everybody in, also users who have a second factor.',
    { type: 'SecondFactorWarning', code: 'SECOND_FACTOR_OFF' },
  );
}
