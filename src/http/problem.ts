import type { Request, Response } from 'express';
import { type ProblemCode, problemStatuses } from '../errors.js';
import { formToken, TOKEN_HEADER } from './csrf.js';

/** What a problem document says beside its title, status and code. */
export interface ProblemMembers {
  /** Which factors would do. */
  factors?: readonly string[];
  /** Path of the page where a person goes on. */
  challenge?: string;
  /** A second factor that has to be set up first: by when (RFC 3339), and the paths of the JSON API where it is served. */
  enrol?: { by: string; setup?: string; enable?: string };
  /** Where to answer, by factor. */
  answers?: Record<string, string>;
  /** Path of the login page. */
  login?: string;
  /** Of a proof that is needed: whether there is none, or an old one. */
  proof?: 'missing' | 'expired';
  /** How many more answers this login or session takes. */
  attempts_left?: number;
  /** Seconds, as in the `Retry-After` header. */
  retry_after?: number;
  /** How far the clock of the authenticator seems to be ahead, in seconds; negative: behind. */
  clock_offset?: number;
}

/** A request that was not done, as RFC 9457 has it. */
export class Problem {
  constructor(
    readonly code: ProblemCode,
    /** For a person: what happened and what to do. */
    readonly title: string,
    readonly members: ProblemMembers = {},
  ) {}
}

export function sendProblem(request: Request, response: Response, { code, title, members }: Problem): void {
  const status = problemStatuses[code];
  if (members.retry_after !== undefined) response.set('Retry-After', String(members.retry_after));
  send(request, response.status(status).type('application/problem+json'), {
    title,
    status,
    code,
    ...members,
  });
}

/** Never to be kept by a cache, whatever the host does (R8). */
export function send(request: Request, response: Response, body: object): void {
  const token = formToken(request);
  if (token !== '') response.set(TOKEN_HEADER, token);
  response.set('Cache-Control', 'no-store').json(body);
}
