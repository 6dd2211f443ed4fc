import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { emailOf, type KeptFactor, passwordOf, type Visitor } from '../helpers/visitor.js';
import {
  askForLink,
  askForReset,
  basic,
  bearer,
  followLink,
  inviteAs,
  makeAccessToken,
  openSite,
  type Site,
} from './site.js';

/** What can be tried at the other doors with a login that waits for its code. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let site: Site;
let factor: KeptFactor;
let accessToken: string;
let inviter: Visitor;
let visitor: Visitor;

beforeAll(async () => {
  site = await openSite();
  const ada = site.visitor();
  await ada.register('ada');
  accessToken = await makeAccessToken(ada);
  factor = await ada.setUp();
  inviter = site.visitor();
  await inviter.register('bob');
});
afterAll(() => site.close());
beforeEach(() => {
  visitor = site.visitor();
});

it('a half-way session opens no other door: link, invitation, remember-me, Basic, Bearer as the same user are held or refused', async () => {
  await visitor.signIn('ada');
  const link = await askForLink(site.visitor(), 'ada');
  const invitation = await inviteAs(inviter, emailOf('ada'));
  for (const answer of [await followLink(visitor, link), await followLink(visitor, invitation)]) {
    expect(answer.location).toBe('/two-factor/challenge');
    expect(await visitor.isSignedIn()).toBe(false);
  }
  for (const [path, headers] of [
    ['/api/basic/me', basic('ada')],
    ['/api/bearer/me', bearer(accessToken)],
  ] as const) {
    expect((await visitor.get(path, 0, headers)).status).toBe(401);
    expect(await visitor.isSignedIn()).toBe(false);
  }
  const owner = site.visitor();
  await owner.signIn('ada', { remember: 'yes' });
  await owner.answer(factor.backupCodes[3] ?? '');
  visitor.setCookie('remember_me', owner.cookie('remember_me'));
  expect((await visitor.get('/account')).location).toBe('/two-factor/challenge');
  // The one pending login was kept through all of it: five wrong answers in total, not five for each door.
  await visitor.answer(factor.backupCodes[0] ?? '');
  expect(await visitor.isSignedIn()).toBe(true);
});

it('a login that waits for its code when the password is reset is dead', async () => {
  await visitor.signIn('ada');
  const hidden = await visitor.hidden('/two-factor/challenge');
  const owner = site.visitor();
  const reset = await followLink(owner, await askForReset(owner, 'ada'), { password: passwordOf('ada') });
  expect(reset.location).toBe('/two-factor/challenge');
  await visitor.post('/two-factor/challenge', { ...hidden, code: factor.backupCodes[1] ?? '' });
  expect(await visitor.isSignedIn()).toBe(false);
  await owner.answer(factor.backupCodes[2] ?? '');
  expect(await owner.isSignedIn()).toBe(true);
});

it('a password reset ends sessions and the links that were mailed before', async () => {
  await visitor.signIn('bob');
  const older = await askForLink(site.visitor(), 'bob');
  const owner = site.visitor();
  await followLink(owner, await askForReset(owner, 'bob'), { password: passwordOf('bob') });
  expect([await owner.isSignedIn(), await visitor.isSignedIn()]).toEqual([true, false]);
  expect((await site.visitor().get(older)).status).toBe(400);
});
