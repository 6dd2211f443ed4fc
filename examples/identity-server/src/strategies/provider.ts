import OAuth2Strategy from 'passport-oauth2';
import { z } from 'zod';
import type { ProviderConfig } from '../provider-config.js';
import type { Claims, Identities, Refusal } from '../identities.js';

/** The provider knows the person, but we do not let this account in. */
export class ProviderRefusal extends Error {
  override readonly name = 'ProviderRefusal';

  constructor(readonly reason: Refusal) {
    super(`The provider's account was refused: ${reason}`);
  }
}

/** How long the provider may take to say who somebody is. */
const patience = 5000;

const userinfo = z
  .object({
    sub: z.string().min(1).max(255),
    email: z.email({ pattern: z.regexes.html5Email }).max(254).optional().catch(undefined),
    // Some providers send the text "true": only the truth counts as verified.
    email_verified: z.literal(true).optional().catch(undefined),
    preferred_username: z.string().optional().catch(undefined),
  })
  .transform((claims): Claims => ({
    subject: claims.sub,
    email: claims.email,
    isEmailVerified: claims.email_verified === true,
    username: claims.preferred_username,
  }));

class ProviderStrategy extends OAuth2Strategy {
  /** No `#private` name: Passport hands out objects that inherit from the strategy, and those have none. */
  private readonly userinfoUrl: string;

  constructor(
    userinfoUrl: string,
    options: OAuth2Strategy.StrategyOptions,
    verify: OAuth2Strategy.VerifyFunction<Claims>,
  ) {
    super(options, verify);
    this.userinfoUrl = userinfoUrl;
  }

  override userProfile(accessToken: string, done: (error?: unknown, profile?: Claims) => void): void {
    const headers = { Authorization: `Bearer ${accessToken}`, Accept: 'application/json' };
    fetch(this.userinfoUrl, { headers, redirect: 'error', signal: AbortSignal.timeout(patience) })
      .then(async (response) => userinfo.parse(await response.json()))
      .then(
        (claims) => {
          done(null, claims);
        },
        (cause: unknown) => {
          done(new OAuth2Strategy.InternalOAuthError('The provider did not say who this is.', cause));
        },
      );
  }
}

/** OAuth 2.0 with `state` and PKCE: an answer counts only in the browser that asked, and only once. */
export function providerStrategy(
  config: ProviderConfig,
  origin: string,
  identities: Identities,
): OAuth2Strategy {
  const options = {
    authorizationURL: config.authorizationUrl,
    tokenURL: config.tokenUrl,
    clientID: config.clientId,
    clientSecret: config.clientSecret,
    callbackURL: `${origin}/login/provider/callback`,
    scope: ['openid', 'email', 'profile'],
    state: true,
    pkce: true,
  };
  const verify = (
    _accessToken: string,
    _refreshToken: string,
    claims: Claims,
    done: OAuth2Strategy.VerifyCallback,
  ): void => {
    identities.findOrCreate(claims).then((user) => {
      if (typeof user === 'string') done(new ProviderRefusal(user));
      else done(null, user);
    }, done);
  };
  return new ProviderStrategy(config.userinfoUrl, options, verify);
}
