import { type Request, Router } from 'express';
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
import { Gate } from './login/gate.js';
import { logIn } from './login/log-in.js';
import type { PassportInstance } from './login/passports.js';
import { protectPassport } from './login/protect.js';
import { createManagementFlow } from './management/flow.js';
import { managementPages } from './management/pages.js';
import type { Lane } from './model.js';
import { parseOptions, type SecondFactorOptions } from './options.js';
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
  /** The challenge, setup and management pages. Mount it at `paths.pages`, below `passport.session()`. */
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
   * @param keep the request whose session goes on, if it is the user's own.
   */
  passwordChanged(userId: string, keep?: Request): Promise<void>;
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
  const gate = new Gate(settings, storage);
  const desk = new ChallengeDesk(gate, createChallengeFlow(settings, storage, ring), settings, storage);
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
      protectPassport(gate, settings, passport, name);
    },

    pages() {
      const router = Router();
      const face = {
        gate,
        desk,
        settings,
        render: createRender(settings.issuer, settings.paths.pages),
        form: readForm(settings.origin),
      };
      router.get('/style.css', serveStylesheet);
      router.use(setPageHeaders, checkMount(settings.paths.pages));
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
      if (!keep || state?.kind !== 'complete' || state.stamp.userId !== userId) return;
      // This session was ended itself while its request was under way: it is not brought back.
      if (epoch !== state.stamp.epoch + 1) return;
      gate.allowRenewal(keep, state.stamp, { epoch });
      await logIn(keep, state.user);
    },
  };
}

/** Another kind of value would name nobody, and the change would end no session. */
function requireUserId(userId: unknown): string {
  if (typeof userId === 'string' && userId !== '') return userId;
  throw new SecondFactorError(
    'configuration-invalid',
    'passwordChanged needs the id that options.user.id returns.',
  );
}

function warnSwitchedOff(): void {
  process.emitWarning(
    'The second step is switched off (enabled: false): a password alone logs everybody in, also users who have a second factor.',
    { type: 'SecondFactorWarning', code: 'SECOND_FACTOR_OFF' },
  );
}
