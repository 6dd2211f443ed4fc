import type { Transporter } from 'nodemailer';
import type { Config } from './config.js';
import { log } from './log.js';
import type { Outbox } from './outbox.js';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

export type SendMail = (mail: Mail) => Promise<void>;

/** The one place where mail leaves the application: by SMTP where there is a server for it, else to the outbox. */
export function createMailer({ smtpUrl }: Config, outbox: Outbox | undefined): SendMail {
  const transport = smtpUrl ?? outbox?.transport;
  if (!transport) return refuseToSend;
  const from = 'Identity server example <no-reply@localhost>';
  let mailer: Transporter | undefined;
  return async (mail) => {
    // With the first mail, not at start.
    const { createTransport } = await import('nodemailer');
    mailer ??= createTransport(transport, { from });
    await mailer.sendMail(mail);
  };
}

/** In production nothing is stored: the mails hold tokens that sign people in. A log is no better place, so it gets the subject. */
const refuseToSend: SendMail = ({ subject }) => {
  log.warn(`Mail: set SMTP_URL to send any ("${subject}").`);
  return Promise.resolve();
};
