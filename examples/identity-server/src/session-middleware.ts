import type { RequestHandler } from 'express';
import session, { type CookieOptions, type Store } from 'express-session';
import { log } from './log.js';

/** How long a session lives without a request. */
const idleTime = 8 * 60 * 60 * 1000;

export function sessionCookie(isHttps: boolean): CookieOptions {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure: isHttps, maxAge: idleTime };
}

/** express-session, with a store that may be away for a while. */
export function sessionMiddleware(store: Store, secret: string, isHttps: boolean): RequestHandler {
  return orUnavailable(
    session({
      store: reportOutages(store),
      secret,
      // `__Host-` pins the cookie to this host and to https; browsers refuse it over http.
      name: isHttps ? '__Host-sid' : 'sid',
      cookie: sessionCookie(isHttps),
      rolling: true,
      resave: false,
      saveUninitialized: false,
    }),
  );
}

/** A store that did not answer: the request is refused for now, and the cause is for the log. */
class SessionOutage extends Error {
  override readonly name = 'SessionOutage';
  readonly status = 503;

  constructor(cause: unknown) {
    super('Sessions are not available.', { cause });
  }
}

type Callback = (error?: unknown, value?: unknown) => void;

/** How long the store may take. Not every client has a limit of its own: that of node-redis waits as long as Sentinels need. */
const patience = 1000;

/** The same store, whose every failure is a SessionOutage, in the middle of a login too; so is an answer that does not come. */
function reportOutages(store: Store): Store {
  const verbs = store as unknown as Record<string, (...parameters: unknown[]) => void>;
  for (const name of ['get', 'set', 'touch', 'destroy']) {
    const run = verbs[name]?.bind(store);
    if (!run) continue;
    verbs[name] = (...parameters) => {
      const done = typeof parameters.at(-1) === 'function' ? (parameters.pop() as Callback) : undefined;
      let isAnswered = false;
      const answer: Callback = (error, value) => {
        clearTimeout(timer);
        if (isAnswered) return;
        isAnswered = true;
        done?.(error ? new SessionOutage(error) : null, value);
      };
      const timer = setTimeout(answer, patience, new Error(`No answer within ${String(patience)} ms.`));
      run(...parameters, answer);
    };
  }
  return store;
}

/**
 * Without its sessions the server cannot tell who is who: 503, not "nobody is logged in". Visitors without a session are nobody
 * in any case, and get their pages.
 */
function orUnavailable(sessions: RequestHandler): RequestHandler {
  return (req, res, next) => {
    let isUnderWay = false;
    void sessions(req, res, (cause?: unknown) => {
      if (isUnderWay) {
        // The second call: the page is sent, and its session could not be saved. Express would cut the connection, and the
        // page with it. A login does not come here: it is saved before it is answered.
        if (cause instanceof SessionOutage) log.warn('Sessions: one was not saved.');
        else log.error({ err: cause }, 'Sessions: one was not saved.');
        return;
      }
      isUnderWay = true;
      // express-session goes on without `req.session` while its store says that it is disconnected.
      if (cause === undefined && (req.session as unknown) === undefined) next(new SessionOutage(undefined));
      else next(cause);
    });
  };
}
