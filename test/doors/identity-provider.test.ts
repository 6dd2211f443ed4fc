import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { emailOf, type Visitor } from '../helpers/visitor.js';
import { openSite, type Site, visitProvider } from './site.js';
import type { ProviderAccount } from '../helpers/identity-provider.js';

/** What can be tried at the door of the identity provider. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let site: Site;
let visitor: Visitor;

beforeAll(async () => {
  site = await openSite();
  await site.visitor().register('ada');
});
afterAll(() => site.close());
beforeEach(() => {
  visitor = site.visitor();
});

/** Signs in at the provider with an account of its own making. */
async function enterAs(account: ProviderAccount): Promise<{ status: number; text: string }> {
  const { location } = await visitor.get('/login/provider');
  site.provider.account = account;
  const answer = await fetch(location ?? '', { redirect: 'manual' });
  return visitor.get((answer.headers.get('Location') ?? '').replace(site.server.url, ''));
}

it('an answer with another state, or with none, signs nobody in', async () => {
  const back = await visitProvider(site, visitor, 'eve');
  for (const path of [back.replace(/state=[^&]+/, 'state=planted'), back.replace(/&state=[^&]+/, '')]) {
    const browser = visitor.copy();
    const { status, text } = await browser.get(path);
    expect([status, text.includes('did not work')]).toEqual([401, true]);
    expect(await browser.isSignedIn()).toBe(false);
  }
});

it("an attacker's answer, put into a victim's browser, signs nobody in", async () => {
  const back = await visitProvider(site, site.visitor(), 'eve');
  await visitor.get('/login');
  expect((await visitor.get(back)).status).toBe(401);
  await visitor.get('/login/provider');
  expect((await visitor.get(back)).status).toBe(401);
  expect(await visitor.isSignedIn()).toBe(false);
});

it('an answer works once', async () => {
  const back = await visitProvider(site, visitor, 'eve');
  const before = visitor.copy();
  expect((await visitor.get(back)).location).toBe('/account');
  expect((await before.get(back)).status).toBe(401);
  expect(await before.isSignedIn()).toBe(false);
});

it('an address that has an account here is not linked, though the provider has verified it', async () => {
  const { status, text } = await enterAs({ sub: '1', email: emailOf('ADA'), email_verified: true });
  expect([status, text.includes('has an account here already')]).toEqual([403, true]);
  expect(await visitor.isSignedIn()).toBe(false);
});

it.each<[string, Partial<ProviderAccount>]>([
  ['not verified', { email: 'new@service.example', email_verified: false }],
  ['verified by text', { email: 'new@service.example', email_verified: 'true' as never }],
  ['missing', {}],
  ['no address', { email: 'somebody', email_verified: true }],
  ['a list', { email: ['new@service.example'] as never, email_verified: true }],
])('an address that is %s makes no account', async (_name, claims) => {
  expect((await enterAs({ sub: '2', ...claims })).status).toBe(403);
  expect(await visitor.isSignedIn()).toBe(false);
});

it.each([undefined, '', 7, ['3'], { $ne: '' }, 'x'.repeat(300)])('a subject %j is nobody', async (sub) => {
  const account = { sub: sub as string, email: 'other@service.example', email_verified: true };
  expect((await enterAs(account)).status).toBe(502);
  expect(await visitor.isSignedIn()).toBe(false);
});

it('the same subject is the same user, whatever its address and name are now; another one is not', async () => {
  const at = (sub: string, email: string): Promise<unknown> =>
    enterAs({ sub, email, email_verified: true, preferred_username: 'Éve!' });
  const nameNow = async (): Promise<string> =>
    /signed in as <strong>([^<]+)/.exec((await visitor.get('/account')).text)?.[1] ?? 'nobody';
  const names: string[] = [];
  for (const [sub, email] of [
    ['Same', 'one@service.example'],
    ['Same', 'moved@service.example'],
    ['same', 'two@service.example'],
    ['Same ', 'three@service.example'],
  ] as const) {
    visitor = site.visitor();
    await at(sub, email);
    names.push(await nameNow());
  }
  expect(names[0]).toBe('ve');
  expect(names[1]).toBe('ve');
  expect(new Set(names).size).toBe(3);
});

it.each([
  '',
  '?error=access_denied',
  '?error=server_error&error_description=x',
  '?error=a&error=b',
  '?code=1&code=2&state=3',
  '?code=1&state=2&state=3',
  '?code[a]=1&state[$ne]=2',
  `?code=${'x'.repeat(5000)}&state=1`,
  '?code=1',
  '?error=%00&state=%FF',
])('a callback with %s is refused, with the login page', async (query) => {
  await visitor.get('/login/provider');
  const { status, text } = await visitor.get(`/login/provider/callback${query}`);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(text).toContain('did not work');
});
