import { systemClock } from '../clock.js';
import { randomToken } from '../crypto/random.js';
import type { RequestSecondFactor } from '../login/assurance.js';
import type { TwoFactorService } from '../service.js';
import type { Grant, GrantModel, Issued, IssuedLogin, ProviderContext } from './provider.js';

/**
 * Ends with the user's epoch what was issued before (R7). The provider keeps tokens without a browser, so a stamp cannot: the id of a
 * grant names the epoch that it was used in, and until when a login that still owes an enrolment counts. What was issued under another
 * epoch, or is older than that, is refused.
 */
export interface Grants {
  /**
   * For `loadExistingGrant`. @param make gives the grant of a client that needs no consent, not saved. Default: a consent is asked for.
   */
  loadExistingGrant<G extends Grant = Grant>(
    make?: (ctx: never) => G | Promise<G>,
  ): (ctx: object) => Promise<G | undefined>;
  /** For `findAccount`, around the host's own. */
  findAccount<C, T extends object, A>(
    find: (ctx: C, sub: string, token?: T) => A | Promise<A>,
  ): (ctx: C, sub: string, token?: T) => Promise<A | undefined>;
  /** Whether nothing has revoked a code or token: for `features.introspection.allowedPolicy`. */
  isCurrent(issued: object): Promise<boolean>;
  /** For `extraTokenClaims`: what the owner of a protected resource judges by (RFC 9470 §6). */
  accessTokenClaims(ctx: object): { acr?: string; amr?: string[]; auth_time?: number };
}

export function createGrants(service: Pick<TwoFactorService, 'status'>): Grants {
  async function isCurrent(issued: object): Promise<boolean> {
    const { accountId, grantId } = issued as Issued;
    // A client's own token: there is nobody whose change could end it.
    if (accountId === undefined) return true;
    const bond = readBond(grantId);
    if (bond === undefined || systemClock() >= bond.enrolBy) return false;
    return (await service.status(accountId)).epoch === bond.epoch;
  }

  return {
    loadExistingGrant<G extends Grant>(make?: (ctx: never) => G | Promise<G>) {
      return async (context: object) => {
        const ctx = context as ProviderContext & { req: { secondFactor?: RequestSecondFactor } };
        const { secondFactor: login } = ctx.req;
        const grant = (await findGrant(ctx)) ?? (await make?.(ctx as never));
        if (!grant || login?.state !== 'complete' || login.userId !== grant.accountId) return undefined;
        // Made by the same class, whatever the provider's own types call it.
        return (await bind(ctx.oidc.provider.Grant, grant, login)) as G;
      };
    },

    findAccount: (find) => async (ctx, sub, token) => {
      if (token && !(await isCurrent(token))) return undefined;
      return find(ctx, sub, token);
    },

    isCurrent,

    accessTokenClaims(ctx) {
      const { AuthorizationCode, RefreshToken, DeviceCode } = (ctx as ProviderContext).oidc
        .entities as Partial<Record<string, IssuedLogin>>;
      const { acr, amr, authTime } = AuthorizationCode ?? RefreshToken ?? DeviceCode ?? {};
      return {
        ...(acr !== undefined && { acr }),
        ...(amr !== undefined && { amr }),
        ...(authTime !== undefined && { auth_time: authTime }),
      };
    },
  };
}

async function findGrant({ oidc }: ProviderContext): Promise<Grant | undefined> {
  const { result, client, provider } = oidc;
  const copy = oidc.session;
  const id = result?.consent?.grantId ?? copy?.grantIdFor(client?.clientId ?? '');
  return id === undefined ? undefined : provider.Grant.find(id);
}

/** What was consented to stays; what was issued under the grant of another epoch does not. */
async function bind(
  Grant: GrantModel,
  grant: Grant,
  { epoch, enrolBy = Infinity }: Partial<Bond> & Pick<Bond, 'epoch'>,
): Promise<Grant> {
  const bond = readBond(grant.jti);
  if (bond?.epoch === epoch && bond.enrolBy === enrolBy) return grant;
  const { accountId, clientId, openid, resources, rejected, rar } = grant;
  const jti = [epoch, ...(enrolBy === Infinity ? [] : [enrolBy]), randomToken()].join('.');
  const bound = new Grant({ jti, accountId, clientId, openid, resources, rejected, rar });
  await bound.save();
  if (grant.jti !== undefined) await grant.destroy();
  return bound;
}

/** What the id of a grant says. */
interface Bond {
  epoch: number;
  /** In milliseconds; never, where the login owes no enrolment. */
  enrolBy: number;
}

function readBond(grantId: string | undefined): Bond | undefined {
  const [, epoch, enrolBy = Infinity] = /^(\d+)\.(?:(\d+)\.)?/.exec(grantId ?? '') ?? [];
  return epoch === undefined ? undefined : { epoch: Number(epoch), enrolBy: Number(enrolBy) };
}
