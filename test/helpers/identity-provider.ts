import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';

/** An account at the provider, as /userinfo tells it. */
export interface ProviderAccount {
  sub: string;
  email?: string;
  email_verified?: boolean;
  preferred_username?: string;
}

export interface IdentityProvider {
  /** For the example's environment. */
  environment: Record<string, string>;
  /** Who is signed in at the provider, and agrees to everything. */
  account: ProviderAccount;
  close(): Promise<void>;
}

const client = { id: 'identity-server-example', secret: randomBytes(16).toString('hex') };

/** A small OAuth 2.0 provider with PKCE. It is strict: a client that leaves something out gets no token. */
export async function startIdentityProvider(): Promise<IdentityProvider> {
  const codes = new Map<string, { account: ProviderAccount; challenge: string; redirectUri: string }>();
  const tokens = new Map<string, ProviderAccount>();
  const app = express();
  app.use(express.urlencoded({ extended: false }));

  app.get('/authorize', (request, response) => {
    const [redirectUri, state, challenge] = ['redirect_uri', 'state', 'code_challenge'].map((name) =>
      field(request.query, name),
    ) as [string, string, string];
    const isWhole = field(request.query, 'client_id') === client.id && state !== '' && challenge !== '';
    if (!isWhole || field(request.query, 'code_challenge_method') !== 'S256') {
      response.sendStatus(400);
      return;
    }
    const code = randomBytes(16).toString('hex');
    codes.set(code, { account: provider.account, challenge, redirectUri });
    response.redirect(`${redirectUri}?${new URLSearchParams({ code, state }).toString()}`);
  });

  app.post('/token', (request: Request<unknown, unknown, Record<string, unknown>>, response) => {
    const code = field(request.body, 'code');
    const known = codes.get(code);
    codes.delete(code);
    const challenge = createHash('sha256').update(field(request.body, 'code_verifier')).digest('base64url');
    const isClient = field(request.body, 'client_secret') === client.secret;
    if (
      !known ||
      !isClient ||
      known.challenge !== challenge ||
      known.redirectUri !== field(request.body, 'redirect_uri')
    ) {
      response.status(400).json({ error: 'invalid_grant' });
      return;
    }
    const token = randomBytes(16).toString('hex');
    tokens.set(token, known.account);
    response.json({ access_token: token, token_type: 'Bearer' });
  });

  app.get('/userinfo', (request, response) => {
    const account = tokens.get(request.get('Authorization')?.replace('Bearer ', '') ?? '');
    if (account) response.json(account);
    else response.sendStatus(401);
  });

  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const provider: IdentityProvider = {
    account: { sub: 'nobody' },
    environment: {
      OAUTH2_AUTHORIZATION_URL: `${origin}/authorize`,
      OAUTH2_TOKEN_URL: `${origin}/token`,
      OAUTH2_USERINFO_URL: `${origin}/userinfo`,
      OAUTH2_CLIENT_ID: client.id,
      OAUTH2_CLIENT_SECRET: client.secret,
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return provider;
}

function field(from: Record<string, unknown>, name: string): string {
  const value = from[name];
  return typeof value === 'string' ? value : '';
}
