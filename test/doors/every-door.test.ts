import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Answered, emailOf, type KeptFactor, Visitor } from '../helpers/visitor.js';
import {
  askForLink,
  basic,
  bearer,
  followLink,
  inviteAs,
  makeAccessToken,
  openSite,
  resetPassword,
  type Site,
  visitProvider,
} from './site.js';

/**
 * Each way into the example × a user with a second factor, one without, and the second factor switched off. None of the
 * example's routes knows of the second factor. What happened is printed as a table at the end.
 */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** The page that every visitor wants to open first, so that a door has somewhere to go. */
const WANTED = '/account/tokens';

let site: Site;
/** The node that runs with TWO_FACTOR_ENABLED=false, on the same database. */
let offUrl: string;
let inviter: Visitor;
const factors = new Map<string, KeptFactor>();
const accessTokens = new Map<string, string>();
const table: string[][] = [];

beforeAll(async () => {
  site = await openSite();
  offUrl = (await site.startNode({ TWO_FACTOR_ENABLED: 'false' })).url;
  inviter = site.visitor();
  await inviter.register('cora');
  for (const name of ['ada', 'bob']) {
    const visitor = site.visitor();
    await visitor.register(name);
    const newcomer = site.visitor();
    await newcomer.get(await visitProvider(site, newcomer, name));
    accessTokens.set(name, await makeAccessToken(visitor));
    if (name === 'ada') {
      factors.set(name, await visitor.setUp());
      factors.set(`${name}-p`, await newcomer.setUp());
    }
  }
});

afterAll(async () => {
  await site.close();
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | '));
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
});

const heads = ['door', 'user with a second factor', 'user without one', 'switched off (user with one)'];
table.push(heads);

/** A code that was not used yet. */
function spendCode(user: string): string {
  const code = factors.get(user)?.backupCodes.shift();
  if (code === undefined) throw new Error(`${user} has no backup code left.`);
  return code;
}

/** A fresh visitor who was sent to the login page by the wanted one. */
async function wanting(url: string): Promise<Visitor> {
  const visitor = new Visitor([url]);
  expect((await visitor.get(WANTED)).location).toBe('/login');
  return visitor;
}

/** Says what happened to somebody who went through a door, having looked whether they are signed in. */
async function describeEntry(visitor: Visitor, entered: Answered, user: string): Promise<string> {
  const isIn = await visitor.isSignedIn();
  if (entered.location !== '/two-factor/challenge') return isIn ? `in → ${landing(entered)}` : 'out';
  if (isIn) return 'HELD BUT IN';
  if ((await visitor.get(WANTED)).status === 200) return 'HELD BUT IN';
  const answered = await visitor.answer(spendCode(user));
  return (await visitor.isSignedIn()) ? `held; after a code in → ${landing(answered)}` : 'held; out';
}

/** Where it went on to; after a backup code past the page that says how many are left. */
function landing({ status, location }: Answered): string {
  if (status === 200) return WANTED;
  const { pathname, searchParams } = new URL(String(location), 'http://host');
  return pathname === '/two-factor/backup-codes/used'
    ? String(searchParams.get('return_to'))
    : String(location);
}

type Enter = (visitor: Visitor, user: string) => Promise<Answered>;

const doors: [name: string, enter: Enter, user?: (name: string) => string][] = [
  ['password', (visitor, name) => visitor.signIn(name)],
  ['sign-in link by mail', async (visitor, name) => followLink(visitor, await askForLink(visitor, name))],
  ['password reset', resetPassword],
  [
    'identity provider (OAuth 2.0)',
    async (visitor, name) => visitor.get(await visitProvider(site, visitor, name)),
    (name) => `${name}-p`,
  ],
  [
    'remember-me cookie',
    async (visitor, name) => {
      const before = visitor.copy();
      const answer = await before.signIn(name, { remember: 'yes' });
      if (answer.location === '/two-factor/challenge') await before.answer(spendCode(name));
      expect(before.cookie('remember_me')).toBeDefined();
      visitor.setCookie('sid', undefined);
      visitor.setCookie('remember_me', before.cookie('remember_me'));
      return visitor.get(WANTED);
    },
  ],
  [
    'invitation by mail',
    async (visitor, name) => followLink(visitor, await inviteAs(inviter, emailOf(name))),
  ],
];

it.each(doors)('%s: held for whoever has a second factor, and for nobody else', async (name, enter, user) => {
  const through = async (url: string, who: string): Promise<string> => {
    const visitor = await wanting(url);
    return describeEntry(visitor, await enter(visitor, who), user?.(who) ?? who);
  };
  const row = [
    await through(site.server.url, 'ada'),
    await through(site.server.url, 'bob'),
    await through(offUrl, 'ada'),
  ];
  table.push([name, ...row]);
  expect(row).toEqual([`held; after a code in → ${WANTED}`, `in → ${WANTED}`, `in → ${WANTED}`]);
});

const apis: [
  name: string,
  path: string,
  headers: (user: string) => Record<string, string>,
  isOpen: boolean,
][] = [
  ['HTTP Basic', '/api/basic/me', basic, false],
  ['Bearer token', '/api/bearer/me', (user) => bearer(accessTokens.get(user) ?? ''), false],
  ['Bearer, allowSessionless()', '/api/bearer/reports', (user) => bearer(accessTokens.get(user) ?? ''), true],
];

it.each(apis)(
  '%s: refused for whoever has a second factor, unless the route says otherwise',
  async (...api) => {
    const [name, path, headers, isOpen] = api;
    const through = async (url: string, user: string): Promise<string> => {
      const visitor = new Visitor([url]);
      const { status, contentType, text } = await visitor.get(path, 0, {
        ...headers(user),
        Accept: 'application/json',
      });
      const { code, username } = JSON.parse(text) as { code?: string; username?: string };
      if (path.endsWith('/me') && status === 200) expect(username).toBe(user);
      if (status !== 200) expect(contentType).toContain('application/problem+json');
      return [status, code].filter(Boolean).join(' ');
    };
    const row = [
      await through(site.server.url, 'ada'),
      await through(site.server.url, 'bob'),
      await through(offUrl, 'ada'),
    ];
    table.push([name, ...row]);
    expect(row).toEqual([isOpen ? '200' : '401 second-factor-required', '200', '200']);
  },
);
