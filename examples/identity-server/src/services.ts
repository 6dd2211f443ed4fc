import type { Request } from 'express';
import type { SecondFactor } from 'passport-second-factor';
import { AccessTokens } from './access-tokens.js';
import type { Config } from './config.js';
import type { Database } from './database/database.js';
import { Identities } from './identities.js';
import { MailTokens } from './mail-tokens.js';
import { createMailer, type SendMail } from './mail.js';
import { Outbox } from './outbox.js';
import { RememberTokens } from './remember-tokens.js';
import { RememberMe } from './strategies/remember-me.js';
import { Users } from './users.js';

/** What the routes work with. */
export interface Services {
  users: Users;
  mailTokens: MailTokens;
  accessTokens: AccessTokens;
  identities: Identities | undefined;
  rememberTokens: RememberTokens;
  rememberMe: RememberMe;
  /** Undefined in production. */
  outbox: Outbox | undefined;
  sendMail: SendMail;
  isAdministrator: (user: Express.User) => boolean;
  /** For links in mails. Never the Host header: whoever asks for a reset chooses that. */
  origin: string;
}

export async function createServices(config: Config, database: Database, origin: string): Promise<Services> {
  const users = await Users.open(database);
  const rememberTokens = new RememberTokens(database);
  const outbox = config.production ? undefined : new Outbox(database);
  return {
    users,
    mailTokens: new MailTokens(database),
    accessTokens: new AccessTokens(database),
    identities:
      config.provider && new Identities(database, users, new URL(config.provider.userinfoUrl).origin),
    rememberTokens,
    rememberMe: new RememberMe(rememberTokens, users, origin.startsWith('https:')),
    outbox,
    sendMail: createMailer(config, outbox),
    isAdministrator: ({ username }) => config.administrators.includes(username.toLowerCase()),
    origin,
  };
}

/**
 * After a password was changed or reset: what somebody with the old one may have left behind ends. Personal access tokens
 * stay, because programs that run would stop; they stand on the account page.
 * @param keep the request whose session goes on.
 */
export async function endOtherAccess(
  { rememberTokens, mailTokens }: Services,
  secondFactor: Pick<SecondFactor, 'passwordChanged'>,
  user: Express.User,
  keep?: Request,
): Promise<void> {
  await rememberTokens.revokeAll(user.id);
  await mailTokens.revoke(user.email);
  await secondFactor.passwordChanged(user.id, keep);
}
