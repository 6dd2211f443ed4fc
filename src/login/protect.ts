import type { Request, Response } from 'express';
import type { Strategy } from 'passport';
import { SecondFactorRequired } from '../errors.js';
import { browserPath } from '../http/path.js';
import type { Settings } from '../settings.js';
import type { LoginDesk } from './desk.js';
import type { Gate } from './gate.js';
import type { PassportInstance } from './passports.js';
import type { Responder } from './respond.js';
import { readPending } from './session.js';
import type { LogInOptions } from './return-target.js';

type Done = (error?: unknown) => void;

/** By desk: two applications with a second factor each may handle one request, the inner one last. */
const attached = new WeakMap<Request, LoginDesk>();

/**
 * Puts the gate into a Passport instance. The session strategy is looked up by name at each request, so it also stands
 * in `passport.session()` middleware and sub-routers that were made before; `authenticate` is wrapped as well, so that
 * a login route above `passport.session()` is held too.
 */
export function protectPassport(
  gate: Gate,
  logins: LoginDesk,
  responder: Responder,
  settings: Settings,
  passport: PassportInstance,
  name: string,
): void {
  gate.passports.add(name, passport);
  // Read at each moment anew: a login or logout may come in between. One getter for all: with its own each request would be slow from then on.
  const shown: PropertyDescriptor & ThisType<Request> = {
    get() {
      return gate.show(this);
    },
    configurable: true,
  };
  const enter = (request: Request): void => {
    gate.passports.enter(request, name);
    if (attached.get(request) === logins) return;
    attached.set(request, logins);
    Object.defineProperty(request, 'secondFactor', shown);
    attach(logins, responder, settings, request);
  };
  passport.use('session', createSessionStrategy(gate, name, enter));
  const authenticate = passport.authenticate.bind(passport) as (...parameters: unknown[]) => Middleware;
  passport.authenticate = (...parameters: unknown[]): Middleware => {
    const middleware = authenticate(...parameters);
    return (request, response, next) => {
      enter(request);
      middleware(request, response, next);
    };
  };
}

type Middleware = (request: Request, response: Response, next: Done) => void;

/** Passport hands a strategy its actions by making an object that inherits from it. */
interface SessionStrategy extends Strategy {
  pass(): void;
  error(error: unknown): void;
}

function createSessionStrategy(gate: Gate, name: string, enter: (request: Request) => void): Strategy {
  return {
    name: 'session',
    authenticate(this: SessionStrategy, request: Request) {
      enter(request);
      if (isAnonymousWithoutSession(request)) {
        this.pass();
        return;
      }
      gate.admit(request, name).then(
        () => {
          this.pass();
        },
        (error: unknown) => {
          this.error(error);
        },
      );
    },
  };
}

/** Without a session store, pages for visitors who bring no cookie at all still work; everybody else is refused. */
function isAnonymousWithoutSession(request: Request): boolean {
  const session: unknown = request.session;
  return session === undefined && request.get('Cookie') === undefined;
}

function attach(logins: LoginDesk, responder: Responder, settings: Settings, request: Request): void {
  // Both names: Passport sets one from the other, so wrapping one alone is undone.
  request.logIn = request.login = (
    user: Express.User,
    options?: LogInOptions | Done | null,
    callback?: Done,
  ) => {
    const done = typeof options === 'function' ? options : callback;
    if (typeof done !== 'function') throw new Error('req.logIn needs a callback function.');
    logins
      .logIn(request, user, typeof options === 'function' ? {} : (options ?? {}))
      .then(async (result) => {
        if (result === 'complete') goOn(logins, responder, request, done);
        else await hold(responder, settings, request, done);
      })
      .catch((error: unknown) => {
        process.nextTick(done, error);
      });
  };
  request.logOut = request.logout = (
    options?: { keepSessionInfo?: boolean } | Done | null,
    callback?: Done,
  ) => {
    const done = typeof options === 'function' ? options : callback;
    if (typeof done !== 'function') throw new Error('req.logout needs a callback function.');
    const keep = typeof options === 'object' && options?.keepSessionInfo === true;
    logins.logOut(request, keep).then(
      () => {
        process.nextTick(done);
      },
      (error: unknown) => {
        process.nextTick(done, error);
      },
    );
  };
}

/** A login that was asked for again goes back to what waited for it, as a held one does after its code. */
function goOn(logins: LoginDesk, responder: Responder, request: Request, done: Done): void {
  const target = logins.reauthentication.wayBack(request);
  if (target === undefined || !request.res || !responder.answerProven(request, request.res, target))
    process.nextTick(done);
}

async function hold(responder: Responder, settings: Settings, request: Request, done: Done): Promise<void> {
  if (goesOnAsNobody(settings, request)) process.nextTick(done);
  else if (settings.held === 'error') process.nextTick(done, new SecondFactorRequired());
  else if (request.res) await responder.answerHeld(request, request.res);
}

/**
 * What a half-way visitor may open: a redirect to the page that is being opened would never end. These paths alone, since
 * code of the host's that runs then believes that the login is complete; a form or a call is sent to our own alone.
 */
function goesOnAsNobody({ paths }: Settings, request: Request): boolean {
  const path = browserPath(request, paths.prefix).toLowerCase();
  const ids = ['me', encodeURIComponent(readPending(request)?.userId ?? 'me')];
  const ours = [
    ...['challenge', 'required', 'later', 'setup', 'cancel', 'style.css', 'script.js'].map(
      (page) => `${paths.pages}/${page}`,
    ),
    ...['verify', 'verify-backup', 'setup', 'enable', 'cancel'].flatMap((call) =>
      ids.map((id) => `${paths.api}/${call}/${id}`),
    ),
    `${paths.api}/session`,
  ];
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  return (
    ours.some((own) => path === own.toLowerCase()) ||
    (isReading && [paths.challenge, paths.help].some((page) => path === page?.toLowerCase()))
  );
}
