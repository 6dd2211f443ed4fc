import type { CookieOptions, Request, RequestHandler, Response } from 'express';
import { Strategy } from 'passport-remember-me';
import { rememberPage } from '../authentication.js';
import { rememberFor, type RememberTokens } from '../remember-tokens.js';
import type { Users } from '../users.js';

declare module 'express-session' {
  interface SessionData {
    /** Ticked at the password form; fulfilled when the login is complete. */
    wantsToBeRemembered?: true;
  }
}

/** Without a prefix: the strategy clears it without `Secure`, which browsers refuse for `__Host-` names. */
const name = 'remember_me';

/** Remembers a computer: gives it the token, takes it away, and reads it from its requests. */
export class RememberMe {
  readonly #tokens: RememberTokens;
  readonly #users: Users;
  readonly #options: CookieOptions;

  constructor(tokens: RememberTokens, users: Users, isHttps: boolean) {
    this.#tokens = tokens;
    this.#users = users;
    this.#options = { path: '/', httpOnly: true, sameSite: 'lax', secure: isHttps, maxAge: rememberFor };
  }

  strategy(): Strategy {
    const find = async (token: string): Promise<Express.User | undefined> => {
      const id = await this.#tokens.spend(token);
      return id === undefined ? undefined : this.#users.findById(id);
    };
    return new Strategy(
      { key: name, cookie: this.#options },
      (token: string, done) => {
        find(token).then((user) => {
          done(null, user ?? false);
        }, done);
      },
      (user: Express.User, done) => {
        this.#tokens.issue(user.id).then((token) => {
          done(null, token);
        }, done);
      },
    );
  }

  /** The strategy reads `req.cookies`. This is the only cookie that anybody here reads. */
  readonly readCookie: RequestHandler = (req, _res, next) => {
    const token = new RegExp(`(?:^|;\\s*)${name}=([\\w-]{43})(?:;|$)`).exec(req.headers.cookie ?? '')?.[1];
    req.cookies = token === undefined ? {} : { [name]: token };
    // Where a login goes on to that this page starts by itself, should it be held. The ways in are no place to go on to.
    const isPage = req.method === 'GET' && !/^\/(login|two-factor)\b/i.test(req.path);
    if (token !== undefined && isPage && !req.isAuthenticated()) rememberPage(req);
    next();
  };

  /** When a login is complete, and only then: a computer that knows the password alone is not remembered. */
  async fulfilWish(req: Request, res: Response, user: Express.User): Promise<void> {
    if (!req.session.wantsToBeRemembered) return;
    delete req.session.wantsToBeRemembered;
    res.cookie(name, await this.#tokens.issue(user.id), this.#options);
  }

  /** At sign-out, and at "sign in as somebody else". */
  async forget(req: Request, res: Response): Promise<void> {
    const token = (req.cookies as Record<string, string>)[name];
    if (token === undefined) return;
    req.cookies = {};
    res.clearCookie(name, this.#options);
    await this.#tokens.spend(token);
  }
}
