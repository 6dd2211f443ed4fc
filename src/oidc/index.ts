/**
 * Connects oidc-provider 9 to the login (docs/openid-connect.md).
 * @module passport-second-factor/oidc
 */
export { createOidcAdapter, type OidcAdapter } from './adapter.js';
export type { Grants } from './grants.js';
export type { Grant, LoginPolicy, PolicyParts, Provider, ProviderContext } from './provider.js';
