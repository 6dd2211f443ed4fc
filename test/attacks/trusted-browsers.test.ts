import { once } from 'node:events';
import type { Request } from 'express';
import { createSecondFactor } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { type Face, eachFace, faces } from '../helpers/faces.js';
import {
  type Agent,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  readCookie,
  readTables,
  sendPassword,
  sessionId,
  stepUp,
  submit,
  userIdOf,
  userOf,
  whoIs,
  withoutSession,
  writeCookie,
  wrongCodes,
} from '../helpers/host.js';

const STEP = 30_000;
const DAY = 24 * 60 * 60_000;
const TRUST = 'second-factor-trust';
const KNOWN = 'second-factor-known';
const CHALLENGE = '/two-factor/challenge';

type Rules = NonNullable<NonNullable<HostParts['options']>['trustedBrowsers']>;

function createTrusting(rules: Rules = {}, parts: HostParts = {}): Promise<Host> {
  return createHost({ ...parts, options: { trustedBrowsers: rules, ...parts.options } });
}

/** Gives the password in a browser without a session. */
async function logIn(agent: Agent, userId = 'ada'): Promise<'complete' | 'held' | 'refused'> {
  const { headers } = await sendPassword(agent, userId);
  const kinds: Record<string, 'complete' | 'held'> = { '/account': 'complete', [CHALLENGE]: 'held' };
  return kinds[String(headers['location'])] ?? 'refused';
}

/** A browser that was trusted at a login just now, without its session. The step of the code is used. */
async function trustBrowser(host: Host, face: Face, code: string, userId = 'ada'): Promise<Agent> {
  const agent = await host.signIn(userId);
  const { kind } = await face.answerAndTrust(agent, code);
  if (kind !== 'accepted') throw new Error(`The login was not completed: ${kind}`);
  return withoutSession(host, agent);
}

function readRows(host: Host): Record<string, unknown>[] {
  return readTables(host)['two_factor_trusted_browsers'] as Record<string, unknown>[];
}

describe.each(eachFace)('over the %s, a trusted browser', (_, face) => {
  it('logs its user in without a code, by the password alone, under a new session id', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, face, factor.code());
    const [row] = readRows(host);
    expect(row).toMatchObject({ created_at: host.clock(), expires_at: host.clock() + 30 * DAY });

    await browser.get('/login');
    const before = sessionId(browser);
    expect(await logIn(browser)).toBe('complete');
    expect(await whoIs(browser)).toBe('ada');
    expect(sessionId(browser)).not.toBe(before);
    const { body } = await browser.get('/api/v1/two-factor/session');
    expect(Object.keys(body.proofs as object)).toEqual(['pwd']);
  });

  it('R6 changes nothing by it: what needs a fresh proof still asks for a code, and so do recent() and required()', async () => {
    const host = await createTrusting(
      {},
      {
        routes(app, { secondFactor }) {
          app.get('/recent', secondFactor.recent(), (_request, response) => void response.send('done'));
          app.get('/required', secondFactor.required(), (_request, response) => void response.send('done'));
        },
      },
    );
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, face, factor.code());
    await logIn(browser);
    const before = readTables(host);
    const [row] = readRows(host);
    for (const outcome of [
      await face.setup(browser),
      await face.proposeCodes(browser),
      await face.endTrust(browser, 'all'),
      await face.endTrust(browser, String(row!['id'])),
    ])
      expect(outcome.kind).toBe('proof-required');
    expect((await face.disable(browser, wrongCodes(factor, 1)[0]!)).kind).toBe('wrong');
    for (const path of ['/recent', '/required']) expect((await browser.get(path)).status).toBe(303);
    expect(readRows(host)).toEqual(before['two_factor_trusted_browsers']);
    await stepUp(browser, factor.code(1));
    expect((await browser.get('/recent')).text).toBe('done');
  });

  it('is trusted no longer than was said, however often it is used', async () => {
    const host = await createTrusting({ days: 2 });
    const factor = await host.enrol('ada');
    let browser = await trustBrowser(host, face, factor.code());
    for (const wait of [DAY, DAY - 1]) {
      host.clock.advance(wait);
      expect(await logIn(browser)).toBe('complete');
      browser = withoutSession(host, browser);
    }
    host.clock.advance(1);
    expect(await logIn(browser)).toBe('held');
    expect(await whoIs(browser)).toBe('nobody');
  });

  it('is shown to its owner, who ends its trust, one or all', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const first = await trustBrowser(host, face, factor.code(-1));
    host.clock.advance(1_000);
    const agent = (await host.signIn('ada')).set('User-Agent', FIREFOX);
    await face.answerAndTrust(agent, factor.code());
    const [newest, oldest] = await face.readBrowsers(agent);
    expect([newest, oldest]).toEqual([
      { id: newest!.id, name: 'Firefox on Linux', isThis: true },
      { id: oldest!.id, name: 'Unknown browser', isThis: false },
    ]);
    expect((await face.endTrust(agent, oldest!.id)).kind).toBe('accepted');
    expect((await face.endTrust(agent, oldest!.id)).kind).toBe('not-found');
    expect(await face.readBrowsers(agent)).toEqual([newest]);
    expect(await logIn(first)).toBe('held');
    expect(await logIn(withoutSession(host, agent))).toBe('complete');
    expect((await face.endTrust(agent, 'all')).kind).toBe('accepted');
    expect(await face.readBrowsers(agent)).toEqual([]);
    expect(await whoIs(agent)).toBe('ada');
    expect(await logIn(withoutSession(host, agent))).toBe('held');
  });

  it('takes the place of what it was before, so that one browser is in the list once', async () => {
    let isAllowed = true;
    const host = await createTrusting({ allow: () => isAllowed });
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, face, factor.code(-1));
    isAllowed = false;
    expect(await logIn(browser)).toBe('held');
    isAllowed = true;
    await face.answerAndTrust(browser, factor.code());
    expect(await face.readBrowsers(browser)).toHaveLength(1);
  });
});

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';

describe.each(eachFace)('over the %s, trust is not given', (_, face) => {
  const nothing = async (host: Host, agent: Agent): Promise<void> => {
    expect(readRows(host)).toEqual([]);
    expect(readCookie(agent, TRUST)).toBe('');
    expect(await logIn(withoutSession(host, agent))).toBe('held');
  };

  it('with a wrong, a used and a malformed code', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    await face.signInWhole(host, 'ada', factor.code());
    const agent = await host.signIn('ada');
    for (const code of [wrongCodes(factor, 1)[0]!, factor.code(), '12345'])
      expect((await face.answerAndTrust(agent, code)).kind).not.toBe('accepted');
    await nothing(host, agent);
  });

  it('in a step-up', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const agent = await face.signInWhole(host, 'ada', factor.code());
    const outcome = await face.answerAndTrust(agent, factor.code(1));
    expect(outcome.kind).toBe('accepted');
    if (face.name === 'API') expect(outcome.response.body).toMatchObject({ trusted: false });
    await nothing(host, agent);
  });

  it('by whoever did not ask for it', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    await nothing(host, await face.signInWhole(host, 'ada', factor.code()));
  });

  it('where the option is off', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const outcome = await face.answerAndTrust(agent, factor.code());
    expect(outcome.kind).toBe('accepted');
    if (face.name === 'API') expect(outcome.response.body).toMatchObject({ trusted: false });
    await nothing(host, agent);
    expect(await face.readBrowsers(agent)).toEqual([]);
  });

  it.each([
    ['refuses', () => false],
    ['forgets to answer', () => undefined as unknown as boolean],
    ['answers something else', () => 'true' as unknown as boolean],
    ['refuses later', async () => false],
  ])('where the host %s', async (_title, allow) => {
    const host = await createTrusting({ allow });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await face.answerAndTrust(agent, factor.code())).kind).toBe('accepted');
    await nothing(host, agent);
  });

  it('to whoever cancels, or whose account changes in the same moment', async () => {
    const host = await createTrusting({
      allow: async (request: Request) => {
        if (request.get('X-Meanwhile') !== undefined) await host.secondFactor.passwordChanged('ada');
        return true;
      },
    });
    const factor = await host.enrol('ada');
    const agent = (await host.signIn('ada')).set('X-Meanwhile', '1');
    await face.answerAndTrust(agent, factor.code());
    expect(await whoIs(agent)).toBe('nobody');
    await nothing(host, agent);
  });
});

/** Each with what it does; the browser was trusted before. */
const changes: [string, (host: Host, agent: Agent, code: (steps?: number) => string) => Promise<unknown>][] =
  [
    ['a changed password', (host) => host.secondFactor.passwordChanged('ada')],
    ['revoke', (host) => host.secondFactor.revoke('ada')],
    [
      '"sign out everywhere else"',
      (_host, agent) => submit(agent, '/two-factor/sign-out-elsewhere', {}, '/two-factor'),
    ],
    [
      'new backup codes',
      async (host, _agent, code) => {
        const proposal = await host.secondFactor.service.proposeBackupCodes('ada', code(1));
        if (proposal.kind !== 'proposed') throw new Error(proposal.kind);
        await host.secondFactor.service.saveBackupCodes('ada', proposal.handle);
      },
    ],
    [
      'turning off and on again',
      async (host, _agent, code) => {
        await host.secondFactor.service.disable('ada', code(1));
        await host.enrol('ada');
      },
    ],
    [
      'deleting the user, whose id is given again',
      async (host) => {
        await host.secondFactor.forget('ada');
        await host.enrol('ada');
      },
    ],
    [
      'a reset by an administrator',
      async (host) => {
        await host.options.storage.reset('ada', []);
        await host.enrol('ada');
      },
    ],
  ];

describe('R7 trust does not survive', () => {
  it.each(changes)('%s', async (_title, change) => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await faces.pages.answerAndTrust(agent, factor.code());
    const browser = withoutSession(host, agent);
    await change(host, agent, factor.code);
    expect(await logIn(browser)).toBe('held');
    expect(await whoIs(browser)).toBe('nobody');
    // The same once more: nothing that is left in the tables or in the browser helps.
    expect(await logIn(withoutSession(host, browser))).toBe('held');
  });

  it('the option that was switched off, and goes on where it is switched on again', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    const off = await createHost({ options: { storage: host.options.storage, clock: host.clock } });
    const there = withoutSession(off, browser);
    expect(await logIn(there)).toBe('held');
    expect((await there.get(CHALLENGE)).text).not.toContain('name="trust"');
    expect(await logIn(browser)).toBe('complete');
  });

  it('a shorter time that the operator sets', async () => {
    const host = await createTrusting({ days: 30 });
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    host.clock.advance(3 * DAY);
    const parts = { storage: host.options.storage, clock: host.clock };
    const shorter = await createTrusting({ days: 3 }, { options: parts });
    expect(await logIn(withoutSession(shorter, browser))).toBe('held');
    expect(await logIn(browser)).toBe('complete');
  });

  it('the host’s refusal of one login, and stands for the next', async () => {
    let isAllowed = true;
    const host = await createTrusting({ allow: () => isAllowed });
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    isAllowed = false;
    expect(await logIn(browser)).toBe('held');
    isAllowed = true;
    expect(await logIn(withoutSession(host, browser))).toBe('complete');
  });
});

describe('somebody with the cookie of a trusted browser', () => {
  it('is nobody without the password, and half-way with another user’s', async () => {
    const host = await createTrusting();
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const browser = await trustBrowser(host, faces.pages, ada.code());
    expect(await whoIs(browser)).toBe('nobody');
    await browser.post('/login').type('form').send({ username: 'ada', password: 'wrong' });
    expect(await whoIs(browser)).toBe('nobody');
    expect(await logIn(browser, 'eve')).toBe('held');
    expect((await faces.pages.answer(browser, eve.code())).kind).toBe('accepted');
    expect(await whoIs(browser)).toBe('eve');
    expect(await logIn(withoutSession(host, browser))).toBe('complete');
  });

  it('finds no trust where the record is another user’s, or gone: the cookie alone decides nothing', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    await host.enrol('eve');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    host.database.exec("UPDATE two_factor_trusted_browsers SET user_id = 'eve'");
    for (const userId of ['ada', 'eve'])
      expect(await logIn(withoutSession(host, browser), userId)).toBe('held');
    host.database.exec('DELETE FROM two_factor_trusted_browsers');
    expect(await logIn(browser)).toBe('held');
  });

  it('has nothing that was changed, of another cookie, of another origin, or over-long; and is never answered 5xx', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    const value = readCookie(browser, TRUST);
    const elsewhere = await createTrusting(
      {},
      { options: { storage: host.options.storage, clock: host.clock, origin: 'http://other.example' } },
    );
    const flipped = (at: number): string =>
      `${value.slice(0, at)}${value[at] === 'A' ? 'B' : 'A'}${value.slice(at + 1)}`;
    const hostile = [
      readCookie(browser, KNOWN),
      flipped(10),
      flipped(value.length - 5),
      value.slice(0, -4),
      value.replace('test.', 'other.'),
      value.replace('test.', ''),
      `${value}${'A'.repeat(5_000)}`,
      'test.',
      '.',
      '%',
      '%00',
      'test.AAAA',
      '[]',
      'null',
    ];
    for (const cookie of hostile) {
      const attacker = host.agent();
      if (cookie !== '') writeCookie(attacker, TRUST, cookie);
      expect([cookie, await logIn(attacker)]).toEqual([cookie, 'held']);
    }
    expect(await logIn(withoutSession(elsewhere, browser))).toBe('held');
    expect(await logIn(browser)).toBe('complete');
  });

  it('who used it first is shut out when the owner comes, and the owner is asked for a code', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    let thief = withoutSession(host, browser);
    expect(await logIn(thief)).toBe('complete');
    thief = withoutSession(host, thief);
    host.clock.advance(STEP);
    expect(await logIn(browser)).toBe('held');
    expect(readRows(host)).toEqual([]);
    expect(await logIn(thief)).toBe('held');
    // Nothing of it is left in the browser that was told.
    expect(readCookie(browser, TRUST)).toBe('');
  });

  it.each([1, 3])(
    'who comes after the owner’s login number %s is told apart, and ends the trust',
    async (logins) => {
      const host = await createTrusting();
      const factor = await host.enrol('ada');
      let browser = await trustBrowser(host, faces.pages, factor.code());
      const thief = withoutSession(host, browser);
      for (let login = 0; login < logins; login += 1) {
        expect(await logIn(browser)).toBe('complete');
        browser = withoutSession(host, browser);
        host.clock.advance(STEP);
      }
      expect(await logIn(thief)).toBe('held');
      expect(readRows(host)).toEqual([]);
      expect(await logIn(browser)).toBe('held');
    },
  );

  it('gets no login without a session, and none that the host does not bring to req.logIn', async () => {
    const host = await createTrusting(
      {},
      {
        routes(app, { passport, secondFactor }) {
          app.post('/token', (request, response, next) => {
            const user = userOf(host, 'ada');
            secondFactor.hold(request, response, user).then((isHeld) => {
              if (!isHeld) response.send('token');
            }, next);
          });
          app.post(
            '/sessionless',
            passport.authenticate('local', { session: false }),
            (request, response) => void response.send(userIdOf(request)),
          );
        },
      },
    );
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    const answers = [await browser.post('/token'), await sendPassword(browser, 'ada', '/sessionless')];
    for (const { text } of answers) expect(text).not.toMatch(/^(token|ada)$/);
    expect(await logIn(withoutSession(host, browser))).toBe('complete');
  });
});

describe('what happens to trust', () => {
  it('is written down and told, with the name of the browser, and nothing where nothing has happened', async () => {
    const host = await createTrusting();
    const told: string[] = [];
    host.secondFactor.on('*', ({ kind, details }) => {
      if (kind.startsWith('browser.') || kind === 'login.trusted')
        told.push(`${kind} ${(details as { browser: string }).browser}`);
    });
    const factor = await host.enrol('ada');
    const agent = (await host.signIn('ada')).set('User-Agent', FIREFOX);
    await faces.API.answerAndTrust(agent, factor.code());
    const [copy, thief] = [withoutSession(host, agent), withoutSession(host, agent)];
    await logIn(copy);
    host.clock.advance(STEP);
    expect(await logIn(thief)).toBe('held');
    expect(await logIn(thief)).toBe('held');
    await faces.API.answerAndTrust(thief, factor.code(1));
    await faces.API.endTrust(thief, 'all');
    await faces.API.endTrust(thief, 'all');
    const expected = [
      'browser.trusted Firefox on Linux',
      'login.trusted Firefox on Linux',
      'browser.stolen Firefox on Linux',
      // Another client, which says nothing of itself.
      'browser.trusted ?',
      'browser.revoked ?',
    ];
    expect(told).toEqual(expected);
    const { body } = await thief.get('/api/v1/two-factor/activity/me');
    const { events } = body as { events: { kind: string; details: { browser?: string } }[] };
    const kinds = events.filter(({ details }) => details.browser !== undefined).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(expected.map((text) => text.split(' ')[0]).sort());
  });
});

describe('parallel logins of one trusted browser', () => {
  it('are no theft: all go on, and whichever answer comes last, the browser stays trusted', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    const tabs = Array.from({ length: 8 }, () => withoutSession(host, browser));
    expect(new Set(await Promise.all(tabs.map((tab) => logIn(tab))))).toEqual(new Set(['complete']));
    host.clock.advance(STEP);
    // The last of them was not the first: what it keeps is the same.
    expect(await logIn(withoutSession(host, tabs[7]!))).toBe('complete');
    host.clock.advance(STEP);
    // The others are copies of what has been used meanwhile.
    expect(await logIn(withoutSession(host, tabs[0]!))).toBe('held');
  });

  it('are told from a thief’s after ten seconds', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    expect(await logIn(withoutSession(host, browser))).toBe('complete');
    host.clock.advance(9_999);
    expect(await logIn(withoutSession(host, browser))).toBe('complete');
    host.clock.advance(1);
    expect(await logIn(withoutSession(host, browser))).toBe('held');
    expect(readRows(host)).toEqual([]);
  });
});

describe('a trusted browser whose answer cannot be given its next token', () => {
  it('is held, and is no thief’s afterwards', async () => {
    const host = await createTrusting(
      {},
      {
        routes(app) {
          app.post('/hasty', (request, response) => {
            request.logIn(userOf(host, 'ada'), () => undefined);
            response.redirect('/account');
          });
        },
      },
    );
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    const hasty = withoutSession(host, browser);
    await hasty.post('/hasty');
    expect(await whoIs(hasty)).toBe('nobody');
    host.clock.advance(STEP);
    expect(await logIn(browser)).toBe('complete');
  });
});

describe('R5 a thief of session and trust who holds a request open over the owner’s logout', () => {
  it('is not logged in by the browser’s trust, since nobody gave a password', async () => {
    const host = await createTrusting(
      {},
      {
        routes(app) {
          app.post('/profile', (request, response, next) => {
            app.emit('waiting');
            once(app, 'go on').then(() => {
              request.logIn(request.user!, (error: unknown) => {
                if (error) next(error);
                else response.send('saved');
              });
            }, next);
          });
        },
      },
    );
    const factor = await host.enrol('ada');
    const owner = await host.signIn('ada');
    await faces.pages.answerAndTrust(owner, factor.code());
    const thief = copyAgent(host, owner);
    const before = readRows(host);
    const waiting = once(host.app, 'waiting');
    const edit = thief.post('/profile').then();
    await waiting;
    await owner.post('/logout');
    host.app.emit('go on');
    expect((await edit).headers['location']).toBe(CHALLENGE);
    expect(await whoIs(thief)).toBe('nobody');
    expect(readRows(host)).toEqual(before);
  });
});

describe('several users of one browser', () => {
  it('are trusted side by side, the newest eight of them', async () => {
    const users = Array.from({ length: 9 }, (_, index) => `user-${index}`);
    const host = await createTrusting();
    let browser = host.agent();
    for (const id of users) {
      host.users.set(id, { id, password: `${id}-password` });
      const factor = await host.enrol(id);
      expect(await logIn(browser, id)).toBe('held');
      await faces.pages.answerAndTrust(browser, factor.code());
      browser = withoutSession(host, browser);
      host.clock.advance(STEP);
    }
    expect(readCookie(browser, TRUST).length).toBeLessThan(3_000);
    for (const [index, id] of users.entries())
      expect([id, await logIn(withoutSession(host, browser), id)]).toEqual([
        id,
        index === 0 ? 'held' : 'complete',
      ]);
  });
});

describe('R8 somebody who has stolen the database', () => {
  it('finds no token of a trusted browser, and can make none', async () => {
    const host = await createTrusting();
    const factor = await host.enrol('ada');
    const browser = await trustBrowser(host, faces.pages, factor.code());
    const [row] = readRows(host);
    const forged = host.agent();
    const entry = [{ user: 'ada', since: host.clock(), id: row!['id'], token: row!['token_hash'] }];
    for (const text of [JSON.stringify(entry), Buffer.from(JSON.stringify(entry)).toString('base64url')]) {
      writeCookie(forged, TRUST, encodeURIComponent(text));
      expect(await logIn(forged)).toBe('held');
    }
    expect(JSON.stringify(readTables(host))).not.toContain(readCookie(browser, TRUST));
    expect(readRows(host)).toHaveLength(1);
  });
});

describe('the box and the cookie', () => {
  it('is offered at a login where the option is on, unticked, and nowhere else', async () => {
    const host = await createTrusting({ days: 14 });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const { text } = await agent.get(CHALLENGE);
    expect(text).toContain('Don’t ask again on this browser for 14 days');
    expect(text).toMatch(/<input type="checkbox" id="trust" name="trust" value="on"/);
    expect(text).not.toContain('checked');
    await faces.pages.answer(agent, factor.code());
    const proof = await agent.get(`${CHALLENGE}?return_to=%2Faccount`);
    expect(proof.text).toContain('Confirm that it is you');
    expect(proof.text).not.toContain('name="trust"');
  });

  it.each([
    ['https://id.example', `__Host-${TRUST}`, '; Secure'],
    ['http://localhost:3000', TRUST, ''],
  ])('is for %s alone, kept from scripts and other sites', async (origin, name, secure) => {
    const host = await createTrusting({}, { options: { origin } });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const { headers } = await faces.pages
      .prepare(agent, { does: 'answer', code: factor.code(), trust: true })
      .then((send) => send())
      .then(({ response }) => response);
    const lines = (headers as unknown as { 'set-cookie': string[] })['set-cookie'];
    const line = lines.find((text) => text.startsWith(`${name}=`));
    expect(line?.replace(/=[^;]*/, '')).toBe(
      `${name}; Max-Age=2592000; Path=/; HttpOnly${secure}; SameSite=Lax`,
    );
  });

  it('makes nothing of the field at the set-up', async () => {
    const host = await createTrusting();
    const agent = await host.signIn('ada');
    const { key } = await faces.pages.setup(agent);
    expect(key).not.toBe('');
    const fields = { code: totpCode(key, host.clock()), trust: 'on' };
    await submit(agent, '/two-factor/setup', fields);
    expect(readRows(host)).toEqual([]);
    expect(readCookie(agent, TRUST)).toBe('');
    const refused = await agent
      .post('/api/v1/two-factor/enable/me')
      .set('Sec-Fetch-Site', 'same-origin')
      .send({ code: '000000', trust: true });
    expect(refused.status).toBeGreaterThanOrEqual(400);
  });
});

describe('trust in an impersonated session', () => {
  it('cannot be ended by whoever acts as the user', async () => {
    const impersonation = { allow: () => true, record: () => undefined };
    const host = await createTrusting(
      {},
      {
        options: { login: { impersonation } },
        routes(app, { secondFactor }) {
          app.post('/become-ada', (request, response, next) => {
            secondFactor.impersonate(request, userOf(host, 'ada')).then(() => response.send('done'), next);
          });
        },
      },
    );
    const factor = await host.enrol('ada');
    await trustBrowser(host, faces.pages, factor.code());
    const support = await host.signIn('eve');
    expect((await support.post('/become-ada')).text).toBe('done');
    for (const { status } of [
      await support
        .post('/api/v1/two-factor/revoke-trusted-browsers/me')
        .set('Sec-Fetch-Site', 'same-origin')
        .send({}),
      await submit(support, '/two-factor/browsers', { browser: 'all' }, '/two-factor/browsers').catch(() => ({
        status: 403,
      })),
    ])
      expect([303, 401, 403]).toContain(status);
    expect(readRows(host)).toHaveLength(1);
  });
});

describe('trustedBrowsers in the options', () => {
  it.each([0, 91, 1.5, '30', null])('takes no %s days', async (days) => {
    const { options } = await createHost();
    const trustedBrowsers = { days } as Rules;
    expect(() => createSecondFactor({ ...options, trustedBrowsers })).toThrow(/trustedBrowsers\.days/);
  });
});
