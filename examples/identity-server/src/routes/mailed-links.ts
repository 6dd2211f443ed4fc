import type { Response } from 'express';
import { log } from '../log.js';

/** Used, expired, altered or for something else: which of them is nobody's business. */
export function answerLinkInvalid(res: Response): void {
  res.status(400).render('message', {
    title: 'This link does not work',
    text: 'It was used already, has expired, or was not copied whole. Ask for a new one.',
    detail: '',
  });
}

/**
 * Answers the same whether or not the address has an account, and mails afterwards: neither the words nor the time of the
 * answer tell who has one. A mail that fails is for the log.
 */
export function answerThenMail(
  res: Response,
  user: Express.User | undefined,
  mail: (user: Express.User) => Promise<void>,
): void {
  res.render('message', {
    title: 'Check your mail',
    text: 'If this address has an account, we have sent a link to it. It may take a minute to arrive.',
    detail: '',
  });
  if (user) mail(user).catch((error: unknown) => log.error({ err: error }, 'A mail was not sent.'));
}
