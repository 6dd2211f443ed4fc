import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { createDatabase } from '../helpers/databases.js';
import { type IdentityProvider, startIdentityProvider } from '../helpers/identity-provider.js';
import { redisUrl } from '../helpers/redis.js';
import { type Answered, emailOf, passwordOf, Visitor } from '../helpers/visitor.js';
import { openDatabase, type Database } from '../../examples/identity-server/src/database/database.js';
import { toDatabase } from '../../examples/identity-server/src/config-values.js';

/** One installation of the example with an identity provider, to be entered by every door. */
export interface Site {
  installation: Installation;
  provider: IdentityProvider;
  server: ExampleServer;
  /** A connection of the test's own. */
  database: Database;
  visitor(): Visitor;
  /** Another node of the same installation. */
  startNode(more: Record<string, string>): Promise<ExampleServer>;
  close(): Promise<void>;
}

/**
 * @param more of the environment, such as a DATABASE_URL. Without one it is a fresh SQLite file, or a fresh database on the
 * server that TEST_DATABASE_URL names.
 */
export async function openSite(more: Record<string, string> = {}): Promise<Site> {
  const url = process.env['TEST_DATABASE_URL'] ?? '';
  const kind = url.startsWith('postgres') ? 'postgres' : 'mysql';
  const given = url === '' ? undefined : await createDatabase({ kind, url });
  const provider = await startIdentityProvider();
  const environment = {
    ...(given === undefined ? {} : { DATABASE_URL: given }),
    ...provider.environment,
    ...more,
  };
  const installation = createInstallation(redisUrl(), environment);
  const server = await startExample(installation.environment);
  const database = await openDatabase(toDatabase(installation.environment['DATABASE_URL'] ?? ''));
  const nodes: ExampleServer[] = [server];
  return {
    installation,
    provider,
    server,
    database,
    visitor: () => new Visitor([server.url]),
    async startNode(other) {
      const node = await startExample({ ...installation.environment, ...other });
      nodes.push(node);
      return node;
    },
    async close() {
      await database.close();
      await Promise.all(nodes.map((node) => node.stop()));
      await provider.close();
      installation.remove();
    },
  };
}

interface Mail {
  to: string;
  subject: string;
  text: string;
  sentAt: number;
}

export async function readOutbox(visitor: Visitor): Promise<Mail[]> {
  const { text } = await visitor.get('/dev/outbox', 0, { Accept: 'application/json' });
  return JSON.parse(text) as Mail[];
}

/** Waits for a new mail with a link, because it is sent after the answer. @returns the link's path. */
async function awaitLink(visitor: Visitor, to: string, ask: () => Promise<unknown>): Promise<string> {
  const isOurs = (mail: Mail): boolean => mail.to.toLowerCase() === to.toLowerCase();
  const before = (await readOutbox(visitor)).filter(isOurs).length;
  await ask();
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const mails = (await readOutbox(visitor)).filter(isOurs);
    const link = /http:\/\/localhost:\d+(\/\S+)/.exec(mails[0]?.text ?? '')?.[1];
    if (mails.length > before && link !== undefined) return link;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`No mail to ${to} arrived.`);
}

export function askForLink(visitor: Visitor, username: string): Promise<string> {
  const email = emailOf(username);
  return awaitLink(visitor, email, () => visitor.submit('/login/link', { email }));
}

export function askForReset(visitor: Visitor, username: string): Promise<string> {
  const email = emailOf(username);
  return awaitLink(visitor, email, () => visitor.submit('/reset', { email }));
}

export function inviteAs(inviter: Visitor, email: string): Promise<string> {
  return awaitLink(inviter, email, () => inviter.submit('/account/invite', { email }));
}

/** Opens a mailed link and presses the button of its page. */
export function followLink(
  visitor: Visitor,
  link: string,
  fields: Record<string, string> = {},
): Promise<Answered> {
  return visitor.submit(link.split('?', 1)[0] ?? '', fields, link);
}

export async function resetPassword(visitor: Visitor, username: string): Promise<Answered> {
  const link = await askForReset(visitor, username);
  return followLink(visitor, link, { password: passwordOf(username) });
}

/** Goes to the provider and comes back. @returns the path with which the browser comes back. */
export async function visitProvider(site: Site, visitor: Visitor, username: string): Promise<string> {
  site.provider.account = {
    sub: `subject-of-${username}`,
    email: `${username}@provider.example`,
    email_verified: true,
    preferred_username: `${username}-p`,
  };
  const { location } = await visitor.get('/login/provider');
  const answer = await fetch(location ?? '', { redirect: 'manual' });
  return (answer.headers.get('Location') ?? '').replace(/^http:\/\/localhost:\d+/, '');
}

/** Makes a personal access token on the account page. */
export async function makeAccessToken(visitor: Visitor): Promise<string> {
  const { text } = await visitor.submit('/account/tokens', { name: 'script' });
  return /id="access-token">([^<]+)</.exec(text)?.[1] ?? '';
}

export function basic(username: string, password = passwordOf(username)): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}
