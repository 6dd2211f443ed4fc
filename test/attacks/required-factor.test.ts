import type { RequestHandler } from 'express';
import type { PolicyOptions } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { atOnce, call, eachFace, faces, setUp, tally } from '../helpers/faces.js';
import {
  type Agent,
  answer,
  API,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  readSession,
  readTables,
  sendPassword,
  sessionId,
  slowly,
  submit,
  submitAtOnce,
  userOf,
  whoIs,
  writeSession,
} from '../helpers/host.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const REQUIRED = '/two-factor/required';
const LATER = '/two-factor/later';

const atOnceForAll: PolicyOptions = { required: true };
const inGrace: PolicyOptions = { required: true, grace: { days: 30 } };

function createStrictHost(
  policy: PolicyOptions = atOnceForAll,
  { options, ...parts }: HostParts = {},
): Promise<Host> {
  return createHost({ ...parts, options: { policy, ...options } });
}

async function setUpCode(host: Host, agent: Agent): Promise<string> {
  return totpCode((await faces.pages.setup(agent)).key, host.clock());
}

/** "Not now", with the token of the reminder. */
function postpone(agent: Agent) {
  return submit(agent, LATER, {}, REQUIRED);
}

function logInByJson(agent: Agent, userId = 'ada') {
  return agent.post('/login').send({ username: userId, password: `${userId}-password` });
}

describe('R2 a login that has to set a second factor up', () => {
  it('leads to the reminder and nowhere else over the pages', async () => {
    const host = await createStrictHost();
    const agent = host.agent();
    expect((await sendPassword(agent, 'ada')).headers['location']).toBe(REQUIRED);
    expect(await whoIs(agent)).toBe('nobody');
    const before = readTables(host);
    const closed = ['', '/activity', '/backup-codes', '/backup-codes/used', '/disable', '/browsers'];
    for (const path of [...closed, '/challenge', '/challenge?return_to=%2Faccount', '/resume/any']) {
      const response = await agent.get(`/two-factor${path}`);
      expect([path, response.status, response.headers['location']]).toEqual([path, 303, REQUIRED]);
    }
    const forms = ['/challenge', '/backup-codes', '/backup-codes/saved', '/disable', '/sign-out-elsewhere'];
    for (const path of forms) {
      const response = await submit(agent, `/two-factor${path}`, { code: '123456' }, REQUIRED);
      expect([path, response.status, response.headers['location']]).toEqual([path, 303, REQUIRED]);
    }
    expect((await agent.get('/account')).headers['location']).toBe('/login');
    expect(readTables(host)).toEqual(before);
    const page = await agent.get(REQUIRED);
    expect([page.status, page.text.includes('ada'), page.text.includes('Not now')]).toEqual([
      200,
      false,
      false,
    ]);
  });

  it('is told by each call of the API what to set up and where, and nothing changes', async () => {
    const host = await createStrictHost();
    const agent = host.agent();
    const login = await logInByJson(agent);
    const by = new Date(host.clock()).toISOString();
    const expected = {
      title: 'Set up a second factor first.',
      status: 401,
      code: 'second-factor-required',
      factors: [],
      challenge: REQUIRED,
      enrol: { by, setup: `${API}/setup/me`, enable: `${API}/enable/me` },
    };
    expect([login.status, login.body]).toEqual([401, expected]);
    const before = readTables(host);
    const closed: [string, object?][] = [
      ...['/status', '/activity', '/backup-codes', '/trusted-browsers'].map((path): [string] => [path]),
      ['/verify', { code: '123456' }],
      ['/verify-backup', { code: '0000-0000-0000-0000-0000-0000' }],
      ['/verify-password', { password: 'ada-password' }],
      ['/backup-codes', { saved: true }],
      ['/disable', { code: '123456' }],
      ['/rename', { authenticator_id: 'any', name: 'Mine' }],
      ['/remove', { authenticator_id: 'any' }],
      ['/sign-out-elsewhere', {}],
      ['/revoke-trusted-browser', { browser_id: 'any' }],
      ['/revoke-trusted-browsers', {}],
    ];
    for (const [path, body] of closed) {
      for (const whose of ['me', 'ada']) {
        const address = `${path}/${whose}`;
        const response = await (body ? call(agent, address, body) : agent.get(API + address));
        expect([address, response.status, response.body]).toEqual([address, 401, expected]);
      }
    }
    for (const path of ['/setup/bob', '/status/bob']) expect((await agent.get(API + path)).status).toBe(404);
    expect(readTables(host)).toEqual(before);
    const { body } = await agent.get(`${API}/session`);
    expect(body).toMatchObject({ state: 'pending', factors: [], enrol: expected.enrol });
    expect(JSON.stringify(body)).not.toContain('ada');
    expect(await whoIs(agent)).toBe('nobody');
  });

  it.each(eachFace)(
    'is complete with the first code, and then goes where it was going: %s',
    async (_, face) => {
      const completed: string[] = [];
      const seen: unknown[] = [];
      const host = await createStrictHost(atOnceForAll, {
        options: { login: { after: (request) => void completed.push(String(request.secondFactor?.state)) } },
        routes(app) {
          app.get('/orders/:id', (request, response) => {
            request.session.returnTo = request.originalUrl;
            response.redirect('/login');
          });
          app.get('/worth', (request, response) => {
            seen.push(request.secondFactor);
            response.end();
          });
        },
      });
      const agent = host.agent();
      await agent.get('/orders/7?page=2');
      await sendPassword(agent, 'ada');
      const before = sessionId(agent);
      const thief = copyAgent(host, agent);
      const { key } = await face.setup(agent);
      const code = totpCode(key, host.clock());
      expect(completed).toEqual([]);
      const enabled = await face.enable(agent, code);
      expect([enabled.kind, enabled.backupCodes.length]).toEqual(['accepted', 10]);
      expect(completed).toEqual(['complete']);
      expect([await whoIs(agent), await whoIs(thief)]).toEqual(['ada', 'nobody']);
      expect(sessionId(agent)).not.toBe(before);
      await agent.get('/worth');
      expect(seen).toEqual([expect.objectContaining({ state: 'complete', userId: 'ada', amr: ['pwd'] })]);
      expect(seen[0]).not.toHaveProperty('enrolBy');
      if (face.name === 'API') expect(enabled.response.body.return_to).toBe('/orders/7?page=2');
      else {
        const codes = enabled.response.headers['location']!;
        expect(codes).toBe('/two-factor/backup-codes?return_to=%2Forders%2F7%3Fpage%3D2');
        const saved = await submit(agent, '/two-factor/backup-codes/saved', {}, codes);
        expect(saved.headers['location']).toBe('/orders/7?page=2');
      }
      // R3: the code has done what it can do.
      expect((await face.answer(agent, code)).kind).toBe('used');
      const other = await host.signIn('ada');
      expect((await face.answer(other, code)).kind).toBe('used');
      expect((await face.answer(other, totpCode(key, host.clock() + 30_000))).kind).toBe('accepted');
    },
  );

  it.each(eachFace)('is completed once by codes at the same instant: %s', async (_, face) => {
    const host = await createStrictHost(atOnceForAll, { wrapStorage: slowly });
    const agent = await host.signIn('ada');
    const code = await setUpCode(host, agent);
    const copies = Array.from({ length: 8 }, () => copyAgent(host, agent));
    const outcomes = await atOnce(copies.map((copy) => [face, copy, { does: 'enable', code }]));
    const winners = await Promise.all(copies.map(whoIs));
    expect(winners.filter((who) => who === 'ada')).toHaveLength(1);
    // A page cannot tell the double click from the first one: it goes on to the codes of whoever won.
    if (face.name === 'API') expect(tally(outcomes)).toEqual({ accepted: 1, completed: 7 });
    const events = host.database.prepare("SELECT * FROM two_factor_events WHERE kind = 'factor.enabled'");
    expect(events.all()).toHaveLength(1);
  });

  it.each(eachFace)('is over once its user has enrolled in another browser: %s', async (_, face) => {
    const host = await createStrictHost(inGrace);
    const [late, quick] = [await host.signIn('ada'), await host.signIn('ada')];
    const { key } = await face.setup(late);
    const form = await face.prepare(late, { does: 'enable', code: totpCode(key, host.clock()) });
    const factor = await setUp(face, host, quick);
    await form();
    expect(await whoIs(late)).toBe('nobody');
    expect((await face.answer(await host.signIn('ada'), factor.code(1))).kind).toBe('accepted');
    expect(await faces.API.readAuthenticators(quick)).toHaveLength(1);
  });

  it.each(eachFace)('is over after 10 minutes, whatever the session says: %s', async (_, face) => {
    const host = await createStrictHost();
    const agent = await host.signIn('ada');
    const session = (await readSession(host, agent)) as { secondFactor: { pending: { expiresAt: number } } };
    host.clock.advance(10 * MINUTE - 1);
    const { key } = await face.setup(agent);
    const late = await face.prepare(agent, { does: 'enable', code: totpCode(key, host.clock()) });
    session.secondFactor.pending.expiresAt += 60 * MINUTE;
    await writeSession(host, agent, { ...(await readSession(host, agent)), ...session });
    host.clock.advance(1);
    await late();
    expect(await whoIs(agent)).toBe('nobody');
    expect((await host.secondFactor.service.status('ada')).enabledAt).toBeNull();
  });

  it.each(eachFace)('is over where it was cancelled, even for a request under way: %s', async (_, face) => {
    const host = await createStrictHost();
    const agent = await host.signIn('ada');
    const { key } = await face.setup(agent);
    const [copy, parked] = [copyAgent(host, agent), await readSession(host, agent)];
    const send = await face.prepare(copy, { does: 'enable', code: totpCode(key, host.clock()) });
    expect((await face.cancel(agent)).kind).toBe('accepted');
    await writeSession(host, copy, parked!);
    await send();
    expect([await whoIs(copy), await whoIs(agent)]).toEqual(['nobody', 'nobody']);
    expect((await host.secondFactor.service.status('ada')).enabledAt).toBeNull();
  });

  it.each(eachFace)('is over where the password was changed: %s', async (_, face) => {
    const host = await createStrictHost();
    const agent = await host.signIn('ada');
    const { key } = await face.setup(agent);
    await host.secondFactor.passwordChanged('ada');
    const { kind } = await face.enable(agent, totpCode(key, host.clock()));
    expect(kind).not.toBe('accepted');
    expect(await whoIs(agent)).toBe('nobody');
    expect((await host.secondFactor.service.status('ada')).enabledAt).toBeNull();
  });

  it.each(eachFace)('costs nothing for a wrong code, and stays: %s', async (_, face) => {
    const host = await createStrictHost();
    const agent = await host.signIn('ada');
    const { key } = await face.setup(agent);
    for (let time = 0; time < 12; time += 1)
      expect((await face.enable(agent, totpCode(key, host.clock() + 10 * DAY))).kind).toBe('wrong');
    expect((await face.enable(agent, totpCode(key, host.clock()))).kind).toBe('accepted');
  });

  it('R3 cannot be answered at the challenge, and one that owes an answer can set nothing up', async () => {
    const host = await createStrictHost();
    const agent = await host.signIn('ada');
    const code = await setUpCode(host, agent);
    const asked = await submit(agent, '/two-factor/challenge', { code }, REQUIRED);
    expect(asked.headers['location']).toBe(REQUIRED);
    expect((await call(agent, '/verify/me', { code })).status).toBe(401);
    expect((await faces.pages.enable(agent, code)).kind).toBe('accepted');

    const owing = await host.signIn('ada');
    for (const path of ['/required', '/setup']) {
      const response = await owing.get(`/two-factor${path}`);
      expect(response.headers['location']).toBe('/two-factor/challenge');
    }
    for (const path of ['/later', '/setup']) {
      const page = '/two-factor/challenge';
      const response = await submit(owing, `/two-factor${path}`, { code }, page);
      expect(response.headers['location']).toBe('/two-factor/challenge');
    }
    expect(await whoIs(owing)).toBe('nobody');
  });

  it('R3 of another kind is refused by storage too, whatever the session says', async () => {
    const host = await createStrictHost(inGrace);
    const agent = await host.signIn('ada');
    const session = (await readSession(host, agent)) as {
      secondFactor: { pending: { enrolBy?: number } };
    };
    const factor = await host.enrol('bob');
    const owing = await host.signIn('bob');
    const owed = (await readSession(host, owing)) as typeof session;
    owed.secondFactor.pending.enrolBy = host.clock() + DAY;
    await writeSession(host, owing, owed);
    expect((await postpone(owing)).status).toBe(409);
    expect(await whoIs(owing)).toBe('nobody');

    delete session.secondFactor.pending.enrolBy;
    await writeSession(host, agent, session);
    expect((await faces.pages.answer(agent, factor.code())).kind).toBe('expired');
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('is refused the set-up by the host’s own rule, and is nobody still', async () => {
    const host = await createStrictHost(atOnceForAll, {
      options: {
        user: {
          id: (user) => (user as { id: string }).id,
          label: () => 'label',
          mayEnrol: () => 'Two-step sign-in cannot be set up before the address is verified.',
        },
      },
    });
    for (const face of Object.values(faces)) {
      const agent = await host.signIn('ada');
      expect((await face.setup(agent)).kind).toBe('enrolment-refused');
      expect(await whoIs(agent)).toBe('nobody');
    }
  });

  it('lets a remember-me login of the same user not begin anew, nor redirect in circles', async () => {
    const host = await createHost({
      options: { policy: atOnceForAll, paths: { home: '/account', help: '/help' } },
      first(app, { passport, users }, sessions) {
        const remember: RequestHandler = (request, _response, next) => {
          if (request.get('X-Remember') !== 'ada') next();
          else request.logIn(users.get('ada') as never, next);
        };
        app.use(sessions, passport.session(), remember);
      },
      routes: (app) => void app.get('/help', (_request, response) => void response.send('help')),
    });
    const agent = await host.signIn('ada');
    const code = await setUpCode(host, agent);
    for (const path of [REQUIRED, '/two-factor/setup'])
      expect((await agent.get(path)).text).toContain('<a href="/help">Get help</a>');
    for (const path of [REQUIRED, '/two-factor/setup', '/two-factor/style.css', '/help'])
      expect((await agent.get(path).set('X-Remember', 'ada')).status).toBe(200);
    expect((await agent.get('/whoami').set('X-Remember', 'ada')).headers['location']).toBe(REQUIRED);
    expect((await faces.pages.enable(agent, code)).kind).toBe('accepted');
    const owing = await host.signIn('ada');
    expect((await owing.get('/two-factor/challenge')).text).toContain('<a href="/help">Get help</a>');
    host.clock.advance(10 * MINUTE);
    expect((await owing.get('/two-factor/challenge')).text).toContain('<a href="/help">Get help</a>');
  });
});

describe('R1 R5 "Not now"', () => {
  it('completes a login in grace with its first factor alone, until the date and no longer', async () => {
    const host = await createStrictHost(inGrace);
    const by = host.clock() + 30 * DAY;
    const agent = await host.signIn('ada');
    const page = await agent.get(REQUIRED);
    expect(page.text).toContain('30 days left');
    const before = sessionId(agent);
    const done = await postpone(agent);
    expect([done.status, done.headers['location']]).toEqual([303, '/account']);
    expect(sessionId(agent)).not.toBe(before);
    expect(await whoIs(agent)).toBe('ada');
    const { body } = await agent.get(`${API}/status/me`);
    expect(body).toMatchObject({ enabled: false, required: true, enrol_by: new Date(by).toISOString() });
    expect(Object.keys(body.session.proofs)).toEqual(['pwd']);
    expect((await agent.get('/two-factor')).text).toContain('Your account must have it');
    host.clock.advance(30 * DAY - 1);
    expect(await whoIs(agent)).toBe('ada');
    host.clock.advance(1);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await sendPassword(agent, 'ada')).headers['location']).toBe(REQUIRED);
  });

  it('is refused once the time is over, also in a form that was opened before', async () => {
    const host = await createStrictHost({ required: true, grace: { days: 1 } });
    await host.signIn('ada');
    host.clock.advance(DAY - 1);
    const agent = await host.signIn('ada');
    expect((await agent.get(REQUIRED)).text).toContain('1 day left');
    const token = { page: REQUIRED, path: LATER, fields: {} };
    const early = await agent.get(REQUIRED);
    host.clock.advance(1);
    const [late] = await submitAtOnce([{ agent, ...token }]);
    expect([late!.status, late!.text.includes('Set up two-step sign-in first')]).toEqual([403, true]);
    expect(early.text).toContain('Not now');
    expect((await agent.get(REQUIRED)).text).not.toContain('Not now');
    expect(await whoIs(agent)).toBe('nobody');
    expect((await call(agent, '/later/me', {})).status).toBe(404);
  });

  it('completes a login once: of two clicks, and beside the first code', async () => {
    for (const face of [undefined, ...Object.values(faces)]) {
      const host = await createStrictHost(inGrace, { wrapStorage: slowly });
      const agent = await host.signIn('ada');
      const code = await setUpCode(host, agent);
      const [one, two] = [copyAgent(host, agent), copyAgent(host, agent)];
      const later = async (who: Agent) =>
        (await submitAtOnce([{ agent: who, path: LATER, fields: {}, page: REQUIRED }]))[0];
      await Promise.all([later(one), face ? face.enable(two, code) : later(two)]);
      const who = await Promise.all([one, two].map(whoIs));
      expect(who.filter((name) => name === 'ada')).toHaveLength(1);
    }
  });

  it('told twice, says that it is done, and a stranger’s form does nothing', async () => {
    const host = await createStrictHost(inGrace);
    const agent = await host.signIn('ada');
    const copy = copyAgent(host, agent);
    const forged = await agent.post(LATER).type('form').send({});
    expect(forged.status).toBe(403);
    const cross = await agent.post(LATER).set('Sec-Fetch-Site', 'cross-site').type('form').send({});
    expect(cross.status).toBe(403);
    expect(await whoIs(agent)).toBe('nobody');
    const page = await copy.get(REQUIRED);
    await postpone(agent);
    expect(page.status).toBe(200);
    const again = await copy.post(LATER).type('form').send({});
    expect([again.status, again.text.includes('completed by another request')]).toEqual([409, true]);
    expect([await whoIs(agent), await whoIs(copy)]).toEqual(['ada', 'nobody']);
    expect((await submit(agent, LATER, {}, '/two-factor')).headers['location']).toBe('/two-factor');
  });

  it('gives a session that enrolling makes an ordinary one', async () => {
    for (const face of Object.values(faces)) {
      const host = await createStrictHost(inGrace);
      const agent = await host.signIn('ada');
      await postpone(agent);
      await setUp(face, host, agent);
      host.clock.advance(31 * DAY);
      expect(await whoIs(agent)).toBe('ada');
    }
  });

  it('gives a session in whose name nobody acts past the date either', async () => {
    const host = await createStrictHost(inGrace, {
      options: { login: { impersonation: { allow: () => true, record: () => undefined } } },
      routes(app, { secondFactor, users }) {
        app.post('/become', (request, response, next) => {
          const user = users.get('bob') as never;
          secondFactor.impersonate(request, user).then(() => void response.send('done'), next);
        });
      },
    });
    const agent = await host.signIn('ada');
    await postpone(agent);
    await agent.post('/become');
    expect(await whoIs(agent)).toBe('bob');
    host.clock.advance(30 * DAY);
    expect(await whoIs(agent)).toBe('nobody');
  });
});

describe('R2 logins that no page can be shown to', () => {
  const tell: RequestHandler = (request, response) => void response.json(request.secondFactor ?? {});

  it('go on in grace, and their session says until when', async () => {
    const host = await createStrictHost(inGrace, { routes: (app) => void app.get('/worth', tell) });
    const by = host.clock() + 30 * DAY;
    const agent = host.agent();
    expect((await logInByJson(agent)).headers['location']).toBe('/account');
    expect((await agent.get('/worth')).body).toMatchObject({ state: 'complete', amr: ['pwd'], enrolBy: by });
    host.clock.advance(30 * DAY);
    expect(await whoIs(agent)).toBe('nobody');
    expect((await logInByJson(agent)).status).toBe(401);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('without a session are served in grace and refused afterwards, and so is hold()', async () => {
    const host = await createStrictHost(inGrace, {
      routes(app, { passport, secondFactor, users }) {
        const basic = passport.authenticate('local', { session: false }) as RequestHandler;
        app.post('/api/data', basic, (_request, response) => void response.send('data'));
        app.post('/token', (request, response, next) => {
          const user = users.get('ada') as never;
          secondFactor.hold(request, response, user).then((isHeld) => {
            if (!isHeld) response.send('token');
          }, next);
        });
        app.use(secondFactor.errors());
      },
    });
    const askAll = async () => [
      (await sendPassword(host.agent(), 'ada', '/api/data').set('Accept', 'application/json')).text,
      (await host.agent().post('/token')).text,
    ];
    expect(await askAll()).toEqual(['data', 'token']);
    host.clock.advance(30 * DAY);
    const [data, token] = await askAll();
    expect(JSON.parse(data!)).toMatchObject({ status: 401, code: 'second-factor-required' });
    expect(token).not.toContain('token');
    expect((await host.agent().post('/token')).headers['location']).toBe(REQUIRED);
  });
});

describe('R7 a session that has ended under an open request', () => {
  it('is not made a login that may enrol', async () => {
    const policy: PolicyOptions = { required: () => isRequired };
    let isRequired = false;
    let open: (() => void) | undefined;
    const host = await createStrictHost(policy, {
      routes(app) {
        app.post('/profile', (request, response, next) => {
          open = () => {
            request.logIn(request.user!, (error: unknown) => {
              if (error) next(error);
              else response.send('saved');
            });
          };
        });
      },
    });
    const agent = await host.signIn('ada');
    const saving = agent.post('/profile').then((response) => response);
    while (!open) await new Promise((resolve) => setTimeout(resolve, 5));
    await host.secondFactor.passwordChanged('ada');
    isRequired = true;
    open();
    expect((await saving).status).toBe(503);
    expect((await agent.get(REQUIRED)).headers['location']).toBe('/login');
    expect(await whoIs(agent)).toBe('nobody');
  });
});

describe('R6 whoever must have a second factor', () => {
  it.each(eachFace)('cannot turn it off, and the code is not used up: %s', async (_, face) => {
    const host = await createStrictHost({ required: (user) => (user as { id: string }).id === 'ada' });
    const agent = await host.signIn('ada');
    const factor = await setUp(face, host, agent);
    const refused = await face.disable(agent, factor.code(1));
    expect([refused.status, refused.kind]).toEqual([403, 'removal-refused']);
    expect((await face.answer(agent, factor.code(1))).kind).toBe('accepted');
    const page = await agent.get('/two-factor');
    expect(page.text).toContain('cannot be turned off');
    expect(page.text).not.toContain('/two-factor/disable');
    const free = await host.signIn('bob');
    const own = await setUp(face, host, free);
    expect((await face.disable(free, own.code(1))).kind).toBe('accepted');
  });

  it('owes one again at the next login after an administrator has reset it', async () => {
    const host = await createStrictHost(inGrace);
    const agent = await host.signIn('ada');
    await setUp(faces.pages, host, agent);
    host.clock.advance(31 * DAY);
    expect(await whoIs(agent)).toBe('ada');
    expect(await host.secondFactor.service.reset('ada', 'root', 'lost phone')).toBe(true);
    expect(await whoIs(agent)).toBe('nobody');
    const login = await sendPassword(agent, 'ada');
    expect(login.headers['location']).toBe(REQUIRED);
    expect((await agent.get(REQUIRED)).text).not.toContain('Not now');
    await setUp(faces.pages, host, agent);
    expect(await whoIs(agent)).toBe('ada');
  });
});

describe('R13 R14 the policy', () => {
  it('is stored once for each user; a stricter one brings the date forward, and none puts it off', async () => {
    const policy: PolicyOptions = { required: true, grace: { days: 30 } };
    const host = await createStrictHost(policy);
    const start = host.clock();
    const read = async () => (await host.secondFactor.service.status('ada')).enrolBy;
    await host.signIn('ada');
    expect(await read()).toBe(start + 30 * DAY);
    host.clock.advance(10 * DAY);
    await host.signIn('ada');
    expect(await read()).toBe(start + 30 * DAY);
    policy.grace = { days: 365 };
    await host.signIn('ada');
    expect(await read()).toBe(start + 30 * DAY);
    policy.grace = { until: new Date(start + 15 * DAY) };
    await host.signIn('ada');
    expect(await read()).toBe(start + 15 * DAY);
    policy.grace = { days: 2 };
    await host.signIn('ada');
    expect(await read()).toBe(start + 12 * DAY);
    await host.secondFactor.forget('ada');
    expect(await read()).toBeNull();
  });

  it('that gives no clear answer lets nobody in', async () => {
    let answerIs: unknown;
    const host = await createStrictHost({
      required: () => {
        if (answerIs instanceof Error) throw answerIs;
        return answerIs as boolean;
      },
    });
    for (const unclear of [undefined, null, 'no', 0, new Error('The directory is away.')]) {
      answerIs = unclear;
      const agent = host.agent();
      expect((await sendPassword(agent, 'ada')).status).toBe(500);
      expect(await whoIs(agent)).toBe('nobody');
    }
    answerIs = Promise.resolve(false);
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
    answerIs = Promise.resolve(true);
    expect(await whoIs(await host.signIn('ada'))).toBe('nobody');
  });

  it('is not asked while the second step is switched off, nor of whoever has a second factor', async () => {
    const asked: string[] = [];
    const required: PolicyOptions['required'] = (user) => asked.push((user as { id: string }).id) > 0;
    const off = await createStrictHost({ required }, { options: { enabled: false } });
    expect(await whoIs(await off.signIn('ada'))).toBe('ada');
    const host = await createStrictHost({ required });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await answer(agent, factor.code());
    expect([await whoIs(agent), asked]).toEqual(['ada', []]);
  });

  it('is not answered by skipSecondStep: who must have one and has none sets it up', async () => {
    const host = await createStrictHost(atOnceForAll, {
      options: { login: { skipSecondStep: () => true } },
    });
    expect(await whoIs(await host.signIn('ada'))).toBe('nobody');
  });

  it('holds whoever is logged in by a promise as well', async () => {
    const host = await createStrictHost(inGrace, {
      routes(app, own) {
        app.post('/magic', (request, response, next) => {
          own.secondFactor
            .logIn(request, userOf(own, 'ada'))
            .then((result) => void response.send(result), next);
        });
      },
    });
    expect((await host.agent().post('/magic')).text).toBe('held');
  });
});
