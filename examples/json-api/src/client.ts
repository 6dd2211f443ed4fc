import type { Api } from 'passport-second-factor';
import { CookieJar } from './cookie-jar.js';

type Body<Id extends keyof Api> = Api[Id]['body'];

/** What is read is a GET, what is sent a body is a POST. */
type Method<Id extends keyof Api> = Body<Id> extends undefined ? 'GET' : 'POST';

/** Where each operation is, for the own user. One that is missing, too many or of the other method does not compile. */
const calls: { [Id in keyof Api]: readonly [method: Method<Id>, path: `/${string}`] } = {
  getSession: ['GET', '/session'],
  verify: ['POST', '/verify/me'],
  verifyBackup: ['POST', '/verify-backup/me'],
  verifyPassword: ['POST', '/verify-password/me'],
  cancel: ['POST', '/cancel/me'],
  getSetup: ['GET', '/setup/me'],
  enable: ['POST', '/enable/me'],
  getStatus: ['GET', '/status/me'],
  getActivity: ['GET', '/activity/me'],
  getBackupCodes: ['GET', '/backup-codes/me'],
  saveBackupCodes: ['POST', '/backup-codes/me'],
  disable: ['POST', '/disable/me'],
  renameAuthenticator: ['POST', '/rename/me'],
  removeAuthenticator: ['POST', '/remove/me'],
  signOutElsewhere: ['POST', '/sign-out-elsewhere/me'],
  getTrustedBrowsers: ['GET', '/trusted-browsers/me'],
  revokeTrustedBrowser: ['POST', '/revoke-trusted-browser/me'],
  revokeTrustedBrowsers: ['POST', '/revoke-trusted-browsers/me'],
};

const MOUNT = '/api/v1/two-factor';

/** To and from programs that are no browser: with it the API knows that no other site sent the call. */
const TOKEN_HEADER = 'Second-Factor-Token';

export interface User {
  id: string;
  username: string;
}

/** A call that was not done: a problem document (RFC 9457). */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(
    readonly status: number,
    /** Stable, see docs/errors.md; empty where the application answered without one. */
    readonly code: string,
    title: string,
    /** Everything else that the problem says, such as `factors`, `answers` and `attempts_left`. */
    readonly members: Readonly<Record<string, unknown>>,
  ) {
    super(title);
  }
}

/** One session with the identity server. Use it for one call at a time: calls that prove something change the session. */
export class SecondFactorClient {
  readonly #cookies = new CookieJar();
  #token = '';

  /** @param origin such as `http://localhost:3000`. */
  constructor(private readonly origin: string) {}

  /** @throws ProblemError */
  async call<Id extends keyof Api>(
    id: Id,
    ...[body]: Body<Id> extends undefined ? [] : [body: Body<Id>]
  ): Promise<Api[Id]['answer']> {
    const [method, path] = calls[id];
    // Every answer brings the token of its session; only after a login is there none yet.
    if (method === 'POST' && this.#token === '') await this.call('getSession');
    return (await this.#send(method, MOUNT + path, body)) as Api[Id]['answer'];
  }

  /** Registers with the example server, which logs in. */
  async register(username: string, email: string, password: string): Promise<User> {
    return (await this.#changeUser('/register', { username, email, password })) as User;
  }

  /** @throws ProblemError `second-factor-required` where the login is held; its `members` say how to go on. */
  async login(username: string, password: string): Promise<User> {
    return (await this.#changeUser('/login', { username, password })) as User;
  }

  async logout(): Promise<void> {
    await this.#changeUser('/logout', {});
  }

  /** Calls of the application, which end the session that was. */
  async #changeUser(path: string, body: object): Promise<unknown> {
    this.#token = '';
    return this.#send('POST', path, body);
  }

  async #send(method: 'GET' | 'POST', path: string, body: unknown): Promise<unknown> {
    const response = await fetch(this.origin + path, {
      method,
      redirect: 'error',
      headers: {
        Accept: 'application/json, application/problem+json',
        Cookie: this.#cookies.header(),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(this.#token !== '' && { [TOKEN_HEADER]: this.#token }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    this.#cookies.keep(response.headers.getSetCookie());
    this.#token = response.headers.get(TOKEN_HEADER) ?? this.#token;
    const text = await response.text();
    if (response.ok) return text === '' ? undefined : (JSON.parse(text) as unknown);
    throw readProblem(response, text);
  }
}

function readProblem(response: Response, text: string): Error {
  if (!response.headers.get('Content-Type')?.startsWith('application/problem+json')) {
    return new Error(`${response.url} answers ${response.status} without a problem document.`);
  }
  const { title, status, code = '', ...members } = JSON.parse(text) as Record<string, unknown>;
  return new ProblemError(Number(status), String(code), String(title), members);
}
