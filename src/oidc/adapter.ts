import type { Request, RequestHandler, Response } from 'express';
import { systemClock } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import { handle } from '../http/handle.js';
import type { Assurance, RequestSecondFactor } from '../login/assurance.js';
import type { SecondFactor } from '../second-factor.js';
import { type Demand, judgeLevel, type Levels, nameLevel, readDemand } from './demand.js';
import { createGrants, type Grants } from './grants.js';
import type {
  CheckClass,
  Interaction,
  LoginPolicy,
  PolicyParts,
  Provider,
  ProviderContext,
  ProviderLogin,
} from './provider.js';

/** A login that was proven at a known time. */
type Proven = Assurance & { authTime: number };

/** What oidc-provider 9 is configured with, so that its tokens say what a login is worth at this moment (docs/openid-connect.md). */
export interface OidcAdapter extends Grants {
  /**
   * For `interactions.policy`. At every authorisation request it makes what the provider's session knows of the login anew from
   * `req.secondFactor`, and asks for the login where that does not stand, or a level is wanted that it has not reached.
   * @param parts `interactionPolicy` of oidc-provider.
   */
  policy<Policy extends LoginPolicy>(parts: PolicyParts<Policy>): Policy;
  /**
   * Answers the interaction `login`: asks for what is missing by the login page or the challenge, and then finishes it. Other
   * interactions, such as a consent, are left to the next handler. Mount it at the path that `interactions.url` names, below
   * `passport.session()`.
   * @param offerSetUp answers where two factors are essential and the user has no second one: whoever sets one up comes back here by
   * `secondFactor.required()`. Default, as where nothing leads to the level: the client gets `unmet_authentication_requirements`.
   */
  interaction(provider: Provider, offerSetUp?: RequestHandler): RequestHandler;
  /** Gives the client that error. For whoever does not want to set one up. */
  refuse(provider: Provider, request: Request, response: Response): Promise<void>;
}

/**
 * @param secondFactor whose option `assurance.acr` names the levels.
 * @throws SecondFactorError `configuration-invalid` where it names none.
 */
export function createOidcAdapter(
  secondFactor: Pick<SecondFactor, 'acr' | 'askProof' | 'service'>,
): OidcAdapter {
  const levels = requireLevels(secondFactor.acr);

  /** Whether the login has to go through the interaction. Makes the provider's copy of it anew. */
  function mustAsk({ req, oidc }: ProviderContext): boolean {
    const login = readLogin(req);
    const { params = {}, result } = oidc;
    const copy = oidc.session;
    if (!isProven(login) || login.userId !== copy?.accountId) return true;
    const demand = readDemand(params);
    copy.loginAccount(toProviderLogin(demand, login));
    // What was asked once and is voluntary is not asked twice; what is essential, the provider insists on itself.
    const mayAsk = params['prompt'] !== 'none' && !result?.login;
    return mayAsk && judgeLevel(demand, login, levels) === 'more-wanted';
  }

  function toProviderLogin(demand: Demand, login: Proven): ProviderLogin {
    const acr = nameLevel(demand, login, levels);
    return { accountId: login.userId, loginTs: login.authTime, amr: login.amr, acr };
  }

  /** What would lead to the level of two factors. */
  async function findWay({ userId, proofs }: Assurance): Promise<'code' | 'set-up' | 'none'> {
    // A code that was given and has not led there is of the same kind as the first factor.
    if (proofs.totp !== undefined || proofs['backup-code'] !== undefined) return 'none';
    return (await secondFactor.service.status(userId)).enabledAt === null ? 'set-up' : 'code';
  }

  const refuse: OidcAdapter['refuse'] = (provider, request, response) =>
    provider.interactionFinished(request, response, {
      error: 'unmet_authentication_requirements',
      error_description: 'the requested level of authentication cannot be reached by this account',
    });

  return {
    ...createGrants(secondFactor.service),

    policy({ Check, base }) {
      const policy = base();
      const login = policy.get('login');
      if (!login) throw misconfigured('This interaction policy of oidc-provider has no prompt "login".');
      const sentence = 'the login does not stand, or is to be proven further';
      const check = new (Check as unknown as CheckClass)(
        'second_factor',
        sentence,
        'login_required',
        mustAsk,
      );
      // First of all: the others go by what it makes anew.
      login.checks.add(check, 0);
      const { details } = login;
      login.details = async (ctx) => Object.assign({}, await details(ctx), { askedAt: systemClock() });
      return policy;
    },

    interaction: (provider, offerSetUp) =>
      handle(async (request, response, next) => {
        const interaction = await provider.interactionDetails(request, response);
        if (interaction.prompt.name !== 'login') {
          next();
          return;
        }
        const login = readLogin(request);
        const demand = readDemand(interaction.params);
        if (!isProven(login) || !isFresh(interaction, demand, login)) {
          await secondFactor.askProof(request, response);
          return;
        }
        const verdict = judgeLevel(demand, login, levels);
        const way = verdict === 'more-wanted' ? await findWay(login) : 'none';
        if (way === 'code') {
          await secondFactor.askProof(request, response);
        } else if (isInVain(interaction, login)) {
          await refuse(provider, request, response);
        } else if (verdict === 'enough' || !demand.isEssential || isNamed(demand, login, levels)) {
          const { loginTs: ts, ...rest } = toProviderLogin(demand, login);
          await provider.interactionFinished(request, response, { login: { ...rest, ts } });
        } else if (way === 'set-up' && offerSetUp) {
          await offerSetUp(request, response, next);
        } else {
          await refuse(provider, request, response);
        }
      }),

    refuse,
  };
}

/** Of a request to the provider: it stands below the session, so that the login is that of this moment. */
function readLogin(request: object): RequestSecondFactor {
  const { secondFactor } = request as Partial<Pick<Request, 'secondFactor'>>;
  if (secondFactor) return secondFactor;
  throw misconfigured(
    'Mount the provider and its interactions below passport.session() of a protected Passport.',
  );
}

/** An adopted session and an impersonation have proven nothing that a token could tell. */
function isProven(login: RequestSecondFactor): login is { state: 'complete' } & Proven {
  return login.state === 'complete' && login.authTime !== undefined;
}

/** Whether the last proof is as young as `max_age` wants it, and with `prompt=login` younger than the request. */
function isFresh({ params, prompt }: Interaction, { maxAge }: Demand, login: Proven): boolean {
  if (systemClock() / 1000 - login.authTime > maxAge) return false;
  if (typeof params['prompt'] !== 'string' || !params['prompt'].split(' ').includes('login')) return true;
  const { askedAt } = prompt.details;
  if (typeof askedAt !== 'number')
    throw misconfigured('interactions.policy of oidc-provider must be the one that the adapter makes.');
  return Math.max(...Object.values(login.proofs)) >= askedAt;
}

/**
 * Whether to finish would only bring the same question again: what is asked is another person, or nothing that a login could give. It has to
 * end with an error, or a link that anybody can write would send a browser round for ever.
 */
function isInVain(interaction: Interaction, login: Proven): boolean {
  const { prompt, lastSubmission } = interaction;
  // The provider's own, of who was there when it asked.
  const copy = interaction.session;
  const { reasons } = prompt;
  if (reasons.includes('second_factor')) return false;
  const isOther = reasons.includes('id_token_hint') || reasons.includes('claims_id_token_sub_value');
  return lastSubmission?.login !== undefined || (isOther && copy?.accountId === login.userId);
}

function isNamed(demand: Demand, login: Assurance, levels: Levels): boolean {
  return demand.acr.includes(nameLevel(demand, login, levels) ?? '');
}

function requireLevels(acr: SecondFactor['acr']): Levels {
  if (acr) return acr;
  throw misconfigured('OpenID Connect needs names for the levels: set options.assurance.acr.');
}

function misconfigured(message: string): SecondFactorError {
  return new SecondFactorError('configuration-invalid', message);
}
