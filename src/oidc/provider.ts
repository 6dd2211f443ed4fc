import type { Request } from 'express';

// What of oidc-provider 9 is used here, by shape: the package does not depend on it, and never loads it.

/** What somebody has proven, as the provider's session keeps it. */
export interface ProviderLogin {
  accountId: string;
  /** Seconds since the Unix epoch. */
  loginTs: number;
  amr: string[];
  acr: string | undefined;
}

export interface ProviderSession {
  accountId?: string | undefined;
  loginAccount(login: ProviderLogin): void;
  grantIdFor(clientId: string): string | undefined;
}

/** What a person has consented to, for one client. */
export interface Grant {
  jti?: string | undefined;
  accountId?: string | undefined;
  clientId?: string | undefined;
  openid?: unknown;
  resources?: unknown;
  rejected?: unknown;
  rar?: unknown;
  /** Keeps it. @returns its id. */
  save(): Promise<string>;
  /** Deletes it, and with it what was issued under it. */
  destroy(): Promise<void>;
}

/** Something that was issued under a grant: a code or a token. */
export interface Issued {
  accountId?: string | undefined;
  grantId?: string | undefined;
}

/** What an ID token is made of. */
export interface IssuedLogin {
  acr?: string | undefined;
  amr?: string[] | undefined;
  authTime?: number | undefined;
}

/** Koa's context of a request to the provider. */
export interface ProviderContext {
  /** Express's, where the provider is mounted in an Express application. */
  req: object;
  oidc: {
    params?: Record<string, unknown> | undefined;
    result?: { login?: unknown; consent?: { grantId?: string | undefined } | undefined } | undefined;
    session?: ProviderSession | undefined;
    client?: { clientId: string } | undefined;
    entities: object;
    provider: { Grant: GrantModel };
  };
}

export interface GrantModel {
  new (payload: object): Grant;
  find(id: string): Promise<Grant | undefined>;
}

/** `interactionPolicy` of oidc-provider. */
export interface PolicyParts<Policy extends LoginPolicy> {
  Check: new (...parameters: never) => unknown;
  /** Makes the policy that oidc-provider has without one. */
  base: () => Policy;
}

/** How `Check` is used here; of its two ways to be made, a type of ours cannot name one. */
export type CheckClass = new (
  reason: string,
  description: string,
  error: string,
  check: (ctx: ProviderContext) => boolean,
) => never;

/** What is used of the policy that `interactionPolicy.base()` makes. */
export interface LoginPolicy {
  /** The prompt of this name, such as `login`. */
  get(
    name: string,
  ): { details: (ctx: never) => unknown; checks: { add(check: never, index?: number): void } } | undefined;
}

/** The provider as the interaction sees it. */
export interface Provider {
  /** What this request's interaction asks for. */
  interactionDetails(request: Request, response: object): Promise<Interaction>;
  /** Goes on with the authorisation, and answers the request. */
  interactionFinished(request: Request, response: object, result: object): Promise<void>;
}

export interface Interaction {
  uid: string;
  prompt: { name: string; reasons: string[]; details: Record<string, unknown> };
  lastSubmission?: { login?: unknown } | undefined;
  session?: { accountId?: string | undefined } | undefined;
  params: Record<string, unknown>;
}
