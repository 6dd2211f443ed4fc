import { SetupError } from './setup-error.js';

/** An OAuth 2.0 identity provider. */
export interface ProviderConfig {
  authorizationUrl: string;
  tokenUrl: string;
  userinfoUrl: string;
  clientId: string;
  clientSecret: string;
}

type Name = 'AUTHORIZATION_URL' | 'TOKEN_URL' | 'USERINFO_URL' | 'CLIENT_ID' | 'CLIENT_SECRET';

/** The settings that name the provider: all of them or none. */
export function readProvider(
  values: Readonly<Partial<Record<`OAUTH2_${Name}`, string | undefined>>>,
): ProviderConfig | undefined {
  const missing: string[] = [];
  const read = (name: Name): string => {
    const value = values[`OAUTH2_${name}`];
    if (value === undefined) missing.push(`OAUTH2_${name}`);
    return value ?? '';
  };
  const config = {
    authorizationUrl: read('AUTHORIZATION_URL'),
    tokenUrl: read('TOKEN_URL'),
    userinfoUrl: read('USERINFO_URL'),
    clientId: read('CLIENT_ID'),
    clientSecret: read('CLIENT_SECRET'),
  };
  if (missing.length === 0) return config;
  if (missing.length === Object.keys(config).length) return undefined;
  throw new SetupError(
    `Sign-in with an identity provider needs all of its settings or none; missing: ${missing.join(', ')}.`,
  );
}
