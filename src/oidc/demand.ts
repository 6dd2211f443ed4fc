import { z } from 'zod';
import type { Assurance } from '../login/assurance.js';
import type { AssuranceOptions } from '../options.js';

export type Levels = NonNullable<AssuranceOptions['acr']>;

/** What an authorisation request asks of the login. */
export interface Demand {
  /** Names of levels, the preferred one first; none where it asks for none. */
  acr: readonly string[];
  /** Whether it wants an error where no such level can be reached. */
  isEssential: boolean;
  /** Seconds since the last proof. */
  maxAge: number;
}

const acrClaim = z.object({
  id_token: z.object({
    acr: z.object({
      essential: z.boolean().optional(),
      value: z.string().optional(),
      values: z.array(z.string()).optional(),
    }),
  }),
});

/** @param params of the request, as oidc-provider has checked them. */
export function readDemand(params: Record<string, unknown>): Demand {
  const maxAge = params['max_age'] === undefined ? Infinity : Number(params['max_age']);
  const { acr_values: voluntary, claims } = params;
  // Of a request with both, oidc-provider goes by this one (OpenID Connect Core 5.5.1.1 leaves it open).
  if (typeof voluntary === 'string' && voluntary !== '')
    return { acr: voluntary.split(' '), isEssential: false, maxAge };
  const asked = typeof claims === 'string' ? acrClaim.safeParse(JSON.parse(claims)).data : undefined;
  const { value, values, essential = false } = asked?.id_token.acr ?? {};
  const acr = values ?? (value === undefined ? [] : [value]);
  return { acr, isEssential: essential && acr.length > 0, maxAge };
}

/** How a login stands to what is asked. */
export type Verdict = 'enough' | 'more-wanted' | 'unknown-level';

/** @returns `more-wanted` where the level that is preferred takes a second factor, and this login has proven none. */
export function judgeLevel(demand: Demand, login: Assurance, levels: Levels): Verdict {
  const reached = listReached(login, levels);
  const preferred = demand.acr.find((name) => name === levels.oneFactor || name === levels.twoFactors);
  if (preferred === undefined) return demand.isEssential ? 'unknown-level' : 'enough';
  return reached.includes(preferred) ? 'enough' : 'more-wanted';
}

/** The level that is told to whoever asks: one that they have named, if this login reaches it. Two factors are one as well. */
export function nameLevel(demand: Demand, login: Assurance, levels: Levels): string | undefined {
  return demand.acr.find((name) => listReached(login, levels).includes(name)) ?? login.acr;
}

function listReached({ acr }: Assurance, { oneFactor, twoFactors }: Levels): string[] {
  if (acr === twoFactors) return [twoFactors, oneFactor];
  return acr === oneFactor ? [oneFactor] : [];
}
