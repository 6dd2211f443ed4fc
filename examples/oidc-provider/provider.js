// oidc-provider, whose tokens say what passport-second-factor knows of a login.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { interactionPolicy, Provider } from 'oidc-provider';
import { findUser } from './users.js';

/** @param oidc of `createOidcAdapter`. @param clients the applications that people sign in to. */
export function createProvider(issuer, oidc, acr, clients) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys: [privateKey.export({ format: 'jwk' })] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    acrValues: Object.values(acr),
    claims: { openid: ['sub', 'acr', 'amr', 'auth_time'] },
    interactions: {
      policy: oidc.policy(interactionPolicy),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    findAccount: oidc.findAccount((_ctx, id) => {
      const user = findUser(id);
      return user && { accountId: id, claims: () => ({ sub: id }) };
    }),
    // Our own applications: nobody is asked for consent.
    loadExistingGrant: oidc.loadExistingGrant((ctx) => {
      const { account, client } = ctx.oidc;
      const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
      grant.addOIDCScope('openid');
      return grant;
    }),
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    extraTokenClaims: (ctx) => oidc.accessTokenClaims(ctx),
    features: {
      claimsParameter: { enabled: true },
      devInteractions: { enabled: false },
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) =>
          client.clientId === 'shop-api' && (await oidc.isCurrent(token)),
      },
    },
  });
  provider.use(logOutTogether);
  return provider;
}

/** Who signs out at the provider (`/oidc/session/end`) is signed out here too: else the next request would sign in again, unasked. */
async function logOutTogether(ctx, next) {
  await next();
  const { route, session } = ctx.oidc ?? {};
  const isEnded = route === 'end_session_confirm' && session?.destroyed;
  // Whoever signs in as somebody else is led through the same page, and stays.
  if (!isEnded || ctx.req.secondFactor?.userId !== session.accountId) return;
  await new Promise((resolve, reject) => {
    ctx.req.logout((error) => (error ? reject(error) : resolve()));
  });
}
