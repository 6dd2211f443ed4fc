import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { emailOf, passwordOf, Visitor } from '../helpers/visitor.js';
import { askForLink, askForReset, followLink, inviteAs, openSite, readOutbox, type Site } from './site.js';

/** What can be tried with the links that the example mails: each signs somebody in, once. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let site: Site;
let inviter: Visitor;
let visitor: Visitor;
let nodes: string[];

beforeAll(async () => {
  site = await openSite();
  nodes = [site.server.url, (await site.startNode({})).url];
  await site.visitor().register('bob');
  inviter = site.visitor();
  await inviter.register('cora');
});
afterAll(() => site.close());
beforeEach(() => {
  visitor = site.visitor();
});

/** Each kind of link, how it is asked for, and what its form needs besides the token. */
const links: [name: string, ask: (username: string) => Promise<string>, fields: Record<string, string>][] = [
  ['sign-in link', (username) => askForLink(site.visitor(), username), {}],
  ['reset link', (username) => askForReset(site.visitor(), username), { password: passwordOf('bob') }],
  ['invitation', (username) => inviteAs(inviter, emailOf(username)), {}],
];

const isRefused = (answer: { status: number; text: string }): boolean =>
  answer.status === 400 && answer.text.includes('This link does not work');

/** The form of a link's page, to be sent as often as somebody likes. */
async function formOf(
  browser: Visitor,
  link: string,
): Promise<[path: string, hidden: Record<string, string>]> {
  const path = link.split('?', 1)[0] ?? '';
  return [path, await browser.hidden(link, path)];
}

describe.each(links)('a %s', (_name, ask, fields) => {
  it('signs in once, and is refused the second time', async () => {
    const link = await ask('bob');
    const [path, hidden] = await formOf(visitor, link);
    expect((await followLink(site.visitor(), link, fields)).location).toBe('/account');
    expect(isRefused(await visitor.post(path, { ...hidden, ...fields }))).toBe(true);
    expect(isRefused(await visitor.get(link))).toBe(true);
    expect(await visitor.isSignedIn()).toBe(false);
  });

  it('sent 16 times at the same instant, to two nodes, signs in once', async () => {
    const link = await ask('bob');
    const browsers = Array.from({ length: 16 }, () => new Visitor(nodes));
    const forms = await Promise.all(browsers.map((browser) => formOf(browser, link)));
    const answers = await Promise.all(
      browsers.map((browser, n) => browser.post(forms[n]![0], { ...forms[n]![1], ...fields }, n)),
    );
    expect(answers.filter(({ location }) => location === '/account')).toHaveLength(1);
    expect(answers.filter(isRefused)).toHaveLength(15);
    const signedIn = await Promise.all(browsers.map((browser) => browser.isSignedIn()));
    expect(signedIn.filter(Boolean)).toHaveLength(1);
  });

  it('is refused when it has expired, also where its page was open already', async () => {
    const link = await ask('bob');
    const [path, hidden] = await formOf(visitor, link);
    await site.database.queries.updateTable('mail_tokens').set({ expires_at: Date.now() }).execute();
    expect(isRefused(await visitor.post(path, { ...hidden, ...fields }))).toBe(true);
    expect(isRefused(await visitor.get(link))).toBe(true);
  });

  it('is refused for another purpose, altered, or cut off', async () => {
    const token = (await ask('bob')).split('token=')[1] ?? '';
    const altered = token.startsWith('A') ? `B${token.slice(1)}` : `A${token.slice(1)}`;
    const own = (await ask('bob')).split('?', 1)[0] ?? '';
    const hidden = await visitor.hidden('/login/link');
    for (const path of ['/login/link/open', '/reset/open', '/invite']) {
      for (const tried of [altered, token.slice(0, -1), ...(path === own ? [] : [token])]) {
        expect(isRefused(await visitor.get(`${path}?token=${tried}`)), path).toBe(true);
        const answer = await visitor.post(path, { ...hidden, password: passwordOf('bob'), token: tried });
        expect(isRefused(answer), path).toBe(true);
      }
    }
    expect(await visitor.isSignedIn()).toBe(false);
  });

  it('that a mail scanner opens stays as it is, and signs nobody in', async () => {
    const link = await ask('bob');
    for (let times = 0; times < 3; times += 1) expect((await visitor.get(link)).status).toBe(200);
    expect(await visitor.isSignedIn()).toBe(false);
    expect((await followLink(site.visitor(), link, fields)).location).toBe('/account');
  });

  it('cannot be read from the database', async () => {
    const token = (await ask('bob')).split('token=')[1] ?? 'none';
    const rows = await site.database.queries.selectFrom('mail_tokens').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(token);
  });
});

it('asking tells nobody who has an account, and mails nothing to strangers', async () => {
  for (const path of ['/login/link', '/reset']) {
    const answers = [];
    for (const email of [emailOf('bob'), emailOf('stranger')])
      answers.push(await visitor.submit(path, { email }));
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.status).toBe(200);
  }
  const recipients = (await readOutbox(visitor)).map(({ to }) => to);
  expect(recipients).not.toContain(emailOf('stranger'));
});

it('an invitation for a new address makes one account, with that address', async () => {
  const link = await inviteAs(inviter, 'Dora@service.example');
  const taken = await followLink(visitor, link, { username: 'BOB', password: 'a long password' });
  expect(taken.status).toBe(409);
  const fields = { username: 'dora', password: 'a long password', email: emailOf('bob') };
  expect((await followLink(visitor, link, fields)).location).toBe('/account');
  expect((await visitor.get('/account')).text).toContain('(dora@service.example)');
  expect(isRefused(await site.visitor().get(link))).toBe(true);
});

it('a link leads to the configured address, whatever host the request named', async () => {
  const { hidden, cookie } = { hidden: await visitor.hidden('/reset'), cookie: visitor.cookie('sid') };
  const body = new URLSearchParams({ ...hidden, email: emailOf('bob') });
  const headers = {
    Cookie: `sid=${String(cookie)}`,
    'X-Forwarded-Host': 'evil.example',
    Forwarded: 'host=evil.example',
  };
  await fetch(`${site.server.url}/reset`, { method: 'POST', headers, body });
  await vi.waitFor(async () => {
    const [mail] = await readOutbox(visitor);
    expect(mail?.text).toContain(`${site.server.url}/reset/open?token=`);
  }, 10_000);
  expect(JSON.stringify(await readOutbox(visitor))).not.toContain('evil.example');
});
