import { type Clock, SECOND } from '../clock.js';
import type { Settings } from '../settings.js';
import { reasonOf } from './look.js';

/** What a running application answers to somebody without a session. */
export interface Visit {
  endpoints: readonly Endpoint[];
  /** The flags of the session cookie that the login page sets, without its name and value. */
  cookieFlags: string | undefined;
  /** Milliseconds by which the server's clock is ahead. */
  clockAhead: number | undefined;
}

export interface Endpoint {
  part: 'pages' | 'api';
  request: string;
  status: number;
  answer: string;
  expected: string;
}

interface Expectation {
  part: Endpoint['part'];
  method: 'GET' | 'POST';
  path: string;
  expected: string;
  /** What of the answer is compared. */
  read: (response: Response) => string | Promise<string>;
}

/** Milliseconds for one request. */
const patience = 3 * SECOND;

/** No answer that is expected is longer. */
const LONGEST_ANSWER = 200;

/** Requests every endpoint. Rejects where nobody is there. */
export async function visit(url: string, { paths, clock }: Settings): Promise<Visit> {
  const front = await openFront(new URL(paths.login, url), clock);
  const expectations = [...expectPages(paths), ...expectApi(paths.api)];
  return { ...front, endpoints: await Promise.all(expectations.map((each) => request(url, each))) };
}

function expectPages({ pages, login }: Settings['paths']): Expectation[] {
  const part = 'pages';
  return [
    { part, method: 'GET', path: `${pages}/style.css`, expected: '200 text/css', read: readType },
    { part, method: 'GET', path: `${pages}/challenge`, expected: `303 ${login}`, read: readTarget },
  ];
}

/** The routes of the JSON API; where nobody is logged in, each must say so and nothing else. */
const apiRoutes = [
  ['GET', 'setup/me'],
  ['POST', 'verify/me'],
  ['POST', 'enable/me'],
  ['POST', 'disable/me'],
  ['GET', 'status/me'],
  ['GET', 'backup-codes/me'],
  ['POST', 'verify-backup/me'],
] as const;

function expectApi(api: string): Expectation[] {
  const part = 'api';
  const document = `${api}/openapi.json`;
  return [
    ...apiRoutes.map(([method, route]): Expectation => {
      return { part, method, path: `${api}/${route}`, expected: '401 login-required', read: readProblem };
    }),
    { part, method: 'GET', path: document, expected: '200 application/json', read: readType },
  ];
}

async function openFront(page: URL, clock: Clock): Promise<Omit<Visit, 'endpoints'>> {
  const before = clock();
  const response = await send(page, { headers: { Accept: 'text/html' } });
  const here = (before + clock()) / 2;
  await response.body?.cancel();
  const date = Date.parse(response.headers.get('Date') ?? '');
  // `express-session` signs its cookie: "s:" and, behind a dot, the signature.
  const cookie = response.headers.getSetCookie().find((line) => /^[^=]+=s(%3A|:)/i.test(line));
  return {
    // The header leaves the fraction of the second out.
    clockAhead: Number.isNaN(date) ? undefined : Math.round(date + SECOND / 2 - here),
    cookieFlags: cookie && readFlags(cookie),
  };
}

/** Without name and value, and without the time at which it ends. */
function readFlags(cookie: string): string {
  const [, ...flags] = cookie.split(/; */);
  return makePlain(flags.filter((flag) => !/^(expires|max-age)=/i.test(flag)).join('; '));
}

/** Whatever answers there, it must not write lines of the report, nor steer the terminal. */
function makePlain(text: string): string {
  return text.slice(0, LONGEST_ANSWER).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

async function request(url: string, { part, method, path, expected, read }: Expectation): Promise<Endpoint> {
  const endpoint = { part, request: `${method} ${path}`, expected };
  const json = { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin' };
  try {
    const response = await send(new URL(path, url), {
      method,
      headers: { Accept: part === 'api' ? 'application/json' : 'text/html', ...(method === 'POST' && json) },
      ...(method === 'POST' && { body: '{}' }),
    });
    const { status } = response;
    const answer = makePlain(`${status} ${await read(response)}`.trim());
    if (!response.bodyUsed) await response.body?.cancel();
    return { ...endpoint, status, answer };
  } catch (error) {
    return { ...endpoint, status: 0, answer: reasonOf(error) };
  }
}

/** A redirect is an answer, and not followed. */
function send(url: URL, init: RequestInit): Promise<Response> {
  return fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(patience) });
}

function readType(response: Response): string {
  return (response.headers.get('Content-Type') ?? '').split(';', 1)[0]?.trim() ?? '';
}

function readTarget(response: Response): string {
  const location = response.headers.get('Location');
  return location === null ? '' : new URL(location, response.url).pathname;
}

async function readProblem(response: Response): Promise<string> {
  const type = readType(response);
  if (type !== 'application/problem+json') return type;
  const { code } = (await response.json()) as { code?: unknown };
  return typeof code === 'string' ? code : type;
}
