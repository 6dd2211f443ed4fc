import { interactionPolicy, Provider } from 'oidc-provider';
import type { SecondFactorOptions } from 'passport-second-factor';
import { createOidcAdapter } from 'passport-second-factor/oidc';
import { describe, expect, it, vi } from 'vitest';
import {
  type Agent,
  createHost,
  type Host,
  ORIGIN,
  readSession,
  sendPassword,
  signInWhole,
  userOf,
  writeSession,
} from '../helpers/host.js';
import { ACR, essential } from './example.js';

const CLIENT = {
  client_id: 'shop',
  client_secret: 'shop-secret',
  redirect_uris: ['https://shop.example/back'],
};

/** A host whose first factors may be of any kind, with a provider and one client. */
async function createProviderHost(options: Partial<SecondFactorOptions> = {}): Promise<Host> {
  // It says at length that it keeps everything in memory.
  vi.spyOn(console, 'warn').mockReturnValue();
  return createHost({
    // The provider goes by the system's clock.
    options: { assurance: { acr: ACR }, clock: Date.now, ...options },
    routes(app, host) {
      const oidc = createOidcAdapter(host.secondFactor);
      const provider = new Provider(`${ORIGIN}/oidc`, {
        clients: [CLIENT],
        acrValues: Object.values(ACR),
        claims: { openid: ['sub', 'acr', 'amr', 'auth_time'] },
        cookies: { keys: ['test'] },
        interactions: {
          policy: oidc.policy(interactionPolicy),
          url: (_ctx, { uid }) => `/interaction/${uid}`,
        },
        features: { claimsParameter: { enabled: true }, devInteractions: { enabled: false } },
        findAccount: oidc.findAccount((_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) })),
        loadExistingGrant: oidc.loadExistingGrant(),
        pkce: { required: () => false },
      });
      app.use('/oidc', provider.callback());
      app.get('/interaction/:uid', oidc.interaction(provider), (_request, response) => {
        response.send('Do you consent?');
      });
      app.post('/become/:userId', (request, response, next) => {
        host.secondFactor
          .impersonate(request, userOf(host, request.params.userId))
          .then(() => response.send('done'), next);
      });
    },
  });
}

/** Asks for a sign-in, or goes on with one. @returns where the redirects end, and what is there. */
async function authorise(
  agent: Agent,
  parameters: Record<string, string> = {},
  start?: string,
): Promise<{ at: URL; text: string }> {
  const asked = { client_id: 'shop', response_type: 'code', scope: 'openid', ...parameters };
  let at = new URL(start ?? `/oidc/auth?${new URLSearchParams(asked).toString()}`, ORIGIN);
  for (let hop = 0; hop < 10; hop += 1) {
    const page = await agent.get(at.pathname + at.search);
    const location = page.headers['location'];
    if (location === undefined) return { at, text: page.text };
    at = new URL(location, at);
    if (at.host === 'shop.example') return { at, text: '' };
  }
  throw new Error(`A circle at ${at.href}`);
}

describe('createOidcAdapter', () => {
  it('leaves every interaction but the login to the host', async () => {
    const host = await createProviderHost();
    const { text } = await authorise(await host.signIn('bob'));
    expect(text).toBe('Do you consent?');
  });

  it('gives an impersonation nothing: nobody has proven to be that user', async () => {
    const impersonation = { allow: () => true, record: () => undefined };
    const host = await createProviderHost({ login: { impersonation } });
    const agent = await host.signIn('eve');
    await agent.post('/become/ada');
    const { at } = await authorise(agent);
    expect(at.pathname).toBe('/two-factor/challenge');
    expect((await authorise(agent, { prompt: 'none' })).at.searchParams.get('error')).toBe('login_required');
  });

  it('has an adopted session proven first: nobody knows when that was', async () => {
    const until = new Date(Date.now() + 60_000);
    const host = await createProviderHost({ login: { adoptUnstamped: { until } } });
    const agent = await host.signIn('eve');
    const { cookie } = (await readSession(host, agent))!;
    await writeSession(host, agent, { cookie, passport: { user: 'bob' } });
    expect((await authorise(agent)).at.pathname).toBe('/two-factor/challenge');
  });

  it('does not ask for a code again that has led to no higher level', async () => {
    const host = await createProviderHost({ assurance: { acr: ACR, firstFactor: () => 'otp' } });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const insisting = await authorise(agent, { claims: essential(ACR.twoFactors) });
    expect(insisting.at.searchParams.get('error')).toBe('unmet_authentication_requirements');
    expect((await authorise(agent, { acr_values: ACR.twoFactors })).text).toBe('Do you consent?');
  });

  it('R1 signs nobody in by the provider’s own session, whoever was logged in before', async () => {
    const host = await createProviderHost();
    const agent = await host.signIn('bob');
    await authorise(agent);
    await agent.post('/logout');
    expect((await authorise(agent)).at.pathname).toBe('/login');
  });

  it('R7 asks for the login again after a changed password', async () => {
    const host = await createProviderHost();
    const agent = await host.signIn('bob');
    await authorise(agent);
    await host.secondFactor.passwordChanged('bob');
    expect((await authorise(agent, { prompt: 'none' })).at.searchParams.get('error')).toBe('login_required');
    expect((await authorise(agent)).at.pathname).toBe('/login');
  });

  it.each([
    ['another subject', { id_token: { sub: { value: 'somebody-else' } } }],
    [
      'one level by two names',
      { id_token: { acr: { essential: true, values: [ACR.oneFactor], value: ACR.twoFactors } } },
    ],
    ['no level at all', { id_token: { acr: { essential: true, values: [] } } }],
    ['a level that is no text', { id_token: { acr: { essential: true, value: 7 } } }],
    ['essential in another spelling', { id_token: { acr: { essential: 'true', value: 'nobody-has-this' } } }],
  ])('ends a link that asks for %s, and does not send the browser round', async (_, claims) => {
    const host = await createProviderHost();
    const { at } = await authorise(await host.signIn('bob'), { claims: JSON.stringify(claims) });
    expect([at.host, at.searchParams.get('error')]).toEqual(['shop.example', expect.any(String)]);
  });

  it('R6 a password that is given again makes no old code look new', async () => {
    let ahead = 0;
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead);
    const host = await createProviderHost({
      user: {
        id: (user) => (user as { id: string }).id,
        label: () => 'somebody',
        reauthenticate: { page: '/login', logIn: '/login' },
      },
    });
    const factor = await host.enrol('ada');
    const thief = await signInWhole(host, 'ada', factor.code());
    ahead = 3_600_000;
    const asked = { claims: essential(ACR.twoFactors), max_age: '60', prompt: 'login' };
    const { at } = await authorise(thief, asked);
    expect(at.pathname).toBe('/two-factor/challenge');
    await sendPassword(thief, 'ada');
    const back = await authorise(thief, {}, at.searchParams.get('return_to') ?? '');
    expect(back.at.pathname).toBe('/two-factor/challenge');
  });

  it('R13 refuses to work without names for the levels', async () => {
    const host = await createHost();
    expect(() => createOidcAdapter(host.secondFactor)).toThrow(/options\.assurance\.acr/);
  });
});
