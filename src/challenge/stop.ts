import type { Request, Response } from 'express';
import { problemStatuses } from '../errors.js';
import type { Render } from '../http/render.js';
import type { Settings } from '../settings.js';
import type { Message } from './messages.js';

export type Stop = (request: Request, response: Response, message: Message) => Promise<void>;

/** A page without a form, for what takes no further answer. */
export function createStop({ paths, wordsFor }: Settings, render: Render): Stop {
  return async (request, response, message) => {
    setStatus(response, message);
    const { common } = wordsFor(request).pages;
    const back = { href: paths.home, text: common.continue };
    const again = { href: paths.login, text: common.signIn };
    const isSignedIn = message.code === 'proof-impossible';
    // Perhaps signed in, by another request.
    const links = isSignedIn ? [back] : message.code === 'login-completed' ? [back, again] : [again];
    const { heading = '', text } = message;
    await render(request, response, 'challenge/stopped', { heading, text, links });
  };
}

export function setStatus(response: Response, { code, retryAfter }: Message): void {
  response.status(problemStatuses[code]);
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
}
