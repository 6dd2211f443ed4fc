export { createOidcAdapter, type OidcAdapter } from './adapter.js';
export type { Grants } from './grants.js';
export type { Grant, LoginPolicy, PolicyParts, Provider, ProviderContext } from './provider.js';
