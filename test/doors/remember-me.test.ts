import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { RememberTokens } from '../../examples/identity-server/src/remember-tokens.js';
import { type KeptFactor, passwordOf, Visitor } from '../helpers/visitor.js';
import { askForReset, followLink, openSite, type Site } from './site.js';

/** "Keep me signed in on this computer": a first factor, given after both steps, good for one use. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const NAME = 'remember_me';
let site: Site;
let factor: KeptFactor;
let visitor: Visitor;
let nodes: string[];

beforeAll(async () => {
  site = await openSite();
  nodes = [site.server.url, (await site.startNode({})).url];
  const ada = site.visitor();
  await ada.register('ada');
  factor = await ada.setUp();
  await site.visitor().register('bob');
});
afterAll(() => site.close());
beforeEach(() => {
  visitor = new Visitor(nodes);
});

const tick = { remember: 'yes' };

/** A browser that was closed and opened again: sessions are gone, the computer is remembered. */
function reopened(browser: Visitor): Visitor {
  const copy = browser.copy();
  copy.setCookie('sid', undefined);
  return copy;
}

async function rememberedAda(): Promise<Visitor> {
  await visitor.signIn('ada', tick);
  await visitor.answer(factor.backupCodes.shift() ?? '');
  return visitor;
}

it('is not given at the password step, but after the code', async () => {
  await visitor.signIn('ada', tick);
  expect(visitor.cookie(NAME)).toBeUndefined();
  await visitor.get('/two-factor/challenge');
  await visitor.answer('000000');
  expect(visitor.cookie(NAME)).toBeUndefined();
  await visitor.answer(factor.backupCodes.shift() ?? '');
  expect(visitor.cookie(NAME)).toMatch(/^[\w-]{43}$/);
});

it('is not given without the tick, nor for a tick of a login that was never finished', async () => {
  await visitor.signIn('ada', tick);
  await visitor.submit('/two-factor/cancel', {}, '/two-factor/challenge');
  await visitor.signIn('bob');
  expect(await visitor.isSignedIn()).toBe(true);
  expect(visitor.cookie(NAME)).toBeUndefined();
});

it('leaves nothing of the session from before the login that could forge a form', async () => {
  const before = await visitor.hidden('/login');
  await visitor.signIn('bob', tick);
  expect((await visitor.post('/account/tokens', { ...before, name: 'planted' })).status).toBe(403);
});

it('alone is only a first factor: every request meets the same pending login', async () => {
  const owner = reopened(await rememberedAda());
  for (const path of ['/account', '/account/tokens', '/login', '/']) {
    expect((await owner.get(path)).location).toBe('/two-factor/challenge');
  }
  const { rows, userId } = await pendingLoginsOf('ada');
  expect(userId).not.toBe('');
  // One that the visitor's own sign-in left, completed, and one for all of these requests.
  expect(rows.filter((row) => row.completed_at === null)).toHaveLength(1);
  await owner.answer(factor.backupCodes.shift() ?? '');
  expect(await owner.isSignedIn()).toBe(true);
});

it('lets its owner sign in as somebody else', async () => {
  const owner = reopened(await rememberedAda());
  await owner.get('/account');
  await owner.submit('/two-factor/cancel', {}, '/two-factor/challenge');
  expect(owner.cookie(NAME)).toBeUndefined();
  await owner.signIn('bob');
  expect(await owner.isSignedIn()).toBe(true);
});

it('works once: a copy of a cookie that was used is nobody, also at the same instant', async () => {
  await visitor.signIn('bob', tick);
  const copies = Array.from({ length: 16 }, () => reopened(visitor));
  await Promise.all(copies.map((copy, node) => copy.get('/account', node)));
  const ours = copies.filter((copy) => copy.cookie(NAME) !== undefined);
  expect(ours).toHaveLength(1);
  expect(ours[0]?.cookie(NAME)).not.toBe(visitor.cookie(NAME));
  const signedIn = await Promise.all(copies.map((copy) => copy.isSignedIn()));
  expect(signedIn.filter(Boolean)).toHaveLength(1);
  expect(await reopened(visitor).isSignedIn()).toBe(false);
});

it('used 16 times between look and deletion is used once', async () => {
  const tokens = new RememberTokens(site.database);
  const token = await tokens.issue('somebody');
  const users = await Promise.all(Array.from({ length: 16 }, () => tokens.spend(token)));
  expect(users.filter((user) => user !== undefined)).toEqual(['somebody']);
});

it('that is altered, expired or too long is nobody', async () => {
  await visitor.signIn('bob', tick);
  const token = visitor.cookie(NAME) ?? '';
  for (const value of [`A${token.slice(1)}x`, token.slice(1), 'x'.repeat(5000), '', `%00${token}`]) {
    const thief = site.visitor();
    thief.setCookie(NAME, value);
    expect(await thief.isSignedIn()).toBe(false);
  }
  await site.database.queries.updateTable('remember_tokens').set({ expires_at: Date.now() }).execute();
  expect(await reopened(visitor).isSignedIn()).toBe(false);
});

it('dies with the sign-out, in the database too', async () => {
  await visitor.signIn('bob', tick);
  const stolen = reopened(visitor);
  await visitor.submit('/logout', {}, '/account');
  expect(visitor.cookie(NAME)).toBeUndefined();
  expect(await stolen.isSignedIn()).toBe(false);
});

it.each([
  [
    'a password change',
    (owner: Visitor) =>
      owner.submit('/account/password', { current: passwordOf('bob'), password: passwordOf('bob') }),
  ],
  [
    'a password reset',
    async (owner: Visitor) =>
      followLink(owner, await askForReset(owner, 'bob'), { password: passwordOf('bob') }),
  ],
])('dies with %s, on every computer', async (_name, change) => {
  await visitor.signIn('bob', tick);
  const stolen = reopened(visitor);
  const owner = site.visitor();
  await owner.signIn('bob');
  await change(owner);
  expect(await owner.isSignedIn()).toBe(true);
  expect(await stolen.isSignedIn()).toBe(false);
});

it('cannot be read from the database', async () => {
  await visitor.signIn('bob', tick);
  const rows = await site.database.queries.selectFrom('remember_tokens').selectAll().execute();
  expect(rows.length).toBeGreaterThan(0);
  expect(JSON.stringify(rows)).not.toContain(visitor.cookie(NAME));
});

async function pendingLoginsOf(username: string) {
  const { queries } = site.database;
  const user = await queries
    .selectFrom('users')
    .select('id')
    .where('username', '=', username)
    .executeTakeFirst();
  const rows = await queries
    .withTables<{ two_factor_pending: { user_id: string; purpose: string; completed_at: number | null } }>()
    .selectFrom('two_factor_pending')
    .select(['completed_at'])
    .where('user_id', '=', user?.id ?? '')
    .where('purpose', '=', 'login')
    .execute();
  return { rows, userId: user?.id ?? '' };
}
