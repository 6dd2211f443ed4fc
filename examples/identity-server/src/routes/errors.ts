import type { ErrorRequestHandler, RequestHandler } from 'express';
import { SecondFactorError } from 'passport-second-factor';
import { describe, log } from '../log.js';

const pages: Partial<Record<number, { title: string; text: string }>> = {
  403: {
    title: 'This form is out of date',
    text: 'The page was open for a long time, or you have signed in or out since. Open it again and send it once more.',
  },
  404: { title: 'Page not found', text: 'There is nothing at this address. It may have been mistyped.' },
  413: { title: 'Too much text', text: 'What was sent is larger than this page accepts.' },
  503: {
    title: 'Not available at the moment',
    text: 'Something that this page needs does not answer. Try again soon.',
  },
};
const badRequest = {
  title: 'This request was not understood',
  text: 'Go back, check what you entered and try again.',
};
const failure = {
  title: 'Something went wrong',
  text: 'The fault is on our side. Try again in a few minutes.',
};

export const notFound: RequestHandler = (_req, res) => {
  res.status(404).render('message', { ...pages[404], detail: '' });
};

/** A plain page with the error's status. The text is ours: what an error says is for the log, or for developers. */
export function errorPage(production: boolean): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'A page failed.');
    if (res.headersSent) {
      next(error);
      return;
    }
    const page = pages[status] ?? (status < 500 ? badRequest : failure);
    const detail = !production && status >= 500 ? describe(error) : '';
    if (error instanceof SecondFactorError) res.set(error.headers);
    res.status(status).render('message', { ...page, detail });
  };
}

export function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : 500;
}
