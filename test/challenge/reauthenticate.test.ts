import type { RequestSecondFactor, SecondFactorOptions } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  API,
  copyAgent,
  createHost,
  type Host,
  ORIGIN,
  readSession,
  sendPassword,
  sessionId,
  userOf,
  whoIs,
} from '../helpers/host.js';

type Assurance = Extract<RequestSecondFactor, { state: 'complete' }>;

const AGAIN = '/login?again=1';
const MINUTE = 60_000;

/** A host whose own login asks again, with guarded routes and a profile edit; `done` is what got through. */
async function createAsking(
  login: SecondFactorOptions['login'] = {},
  reauthenticate: SecondFactorOptions['user']['reauthenticate'] = AGAIN,
): Promise<{ host: Host; done: unknown[] }> {
  const done: unknown[] = [];
  const host = await createHost({
    options: {
      user: {
        id: (user) => (user as { id: string }).id,
        label: (user) => (user as { id: string }).id,
        reauthenticate,
      },
      login,
    },
    routes(app, { secondFactor, passport }) {
      app.get('/export', secondFactor.recent(), (request, response) => {
        response.send(`Export of ${request.query['year'] as string}`);
      });
      app.post('/transfer', secondFactor.recent(), (request, response) => {
        done.push(request.body);
        response.send('Sent.');
      });
      app.get('/assurance', (request, response) => {
        response.json(request.secondFactor);
      });
      app.post(['/profile', '/:tenant/profile'], (request, response, next) => {
        request.logIn(request.user!, (error: unknown) => (error ? next(error) : response.send('saved')));
      });
      app.post('/login/callback', passport.authenticate('local', { successRedirect: '/account' }));
      app.post('/logins', passport.authenticate('local', { successRedirect: '/account' }));
      app.use(secondFactor.errors());
    },
  });
  return { host, done };
}

/** Opens a page, and follows to where the first factor is asked for again. */
async function sentTo(agent: Agent, path: string): Promise<string> {
  const challenge = await agent.get(path);
  expect(challenge.status).toBe(303);
  const sent = await agent.get(challenge.headers['location'] as string);
  expect(sent.status).toBe(303);
  return sent.headers['location'] as string;
}

/** Somebody whose login was complete ten minutes ago. */
async function stale(host: Host, userId = 'bob'): Promise<Agent> {
  const agent = await host.signIn(userId);
  host.clock.advance(10 * MINUTE);
  return agent;
}

describe('user.reauthenticate', () => {
  it('R5 R6 sends to the login and back, with a fresh proof and a new session id', async () => {
    const { host } = await createAsking();
    const agent = await stale(host);
    expect(await sentTo(agent, '/export?year=2026')).toBe(AGAIN);
    expect(await whoIs(agent)).toBe('bob');
    const [before, old] = [sessionId(agent), copyAgent(host, agent)];
    const back = await sendPassword(agent, 'bob');
    expect([back.status, back.headers['location']]).toEqual([303, '/export?year=2026']);
    expect(sessionId(agent)).not.toBe(before);
    expect(await whoIs(old)).toBe('nobody');
    expect((await agent.get('/export?year=2026')).text).toBe('Export of 2026');
    const session = (await readSession(host, agent)) as { secondFactor: { stamp: { proofs: object } } };
    expect(session.secondFactor.stamp.proofs).toEqual({ pwd: host.clock() });
    // Once: the next login goes where it always goes.
    expect((await sendPassword(agent, 'bob')).headers['location']).toBe('/account');
  });

  it('leads on to the set-up of our pages', async () => {
    const { host } = await createAsking();
    const agent = await stale(host);
    expect(await sentTo(agent, '/two-factor/setup')).toBe(AGAIN);
    expect((await sendPassword(agent, 'bob')).headers['location']).toBe('/two-factor/setup');
    expect((await agent.get('/two-factor/setup')).status).toBe(200);
  });

  it('offers a form again that was sent before', async () => {
    const { host, done } = await createAsking();
    const agent = await stale(host);
    const sent = await agent.post('/transfer').set('Origin', ORIGIN).type('form').send('to=ada');
    await agent.get(sent.headers['location'] as string).expect(303);
    const back = await sendPassword(agent, 'bob');
    const page = await agent.get(back.headers['location'] as string);
    expect(page.text).toContain('value="ada"');
    await agent.post('/transfer').set('Origin', ORIGIN).type('form').send('to=ada').expect(200);
    expect(done).toEqual([{ to: 'ada' }]);
  });

  it.each([
    ['/login', AGAIN],
    ['/LOGIN/', AGAIN],
    ['/login/callback', { page: AGAIN, logIn: '/login/callback' }],
  ])('takes a login at %s', async (path, reauthenticate) => {
    const { host } = await createAsking({}, reauthenticate);
    const agent = await stale(host);
    await sentTo(agent, '/export?year=1');
    expect((await sendPassword(agent, 'bob', path)).headers['location']).toBe('/export?year=1');
    expect((await agent.get('/export?year=1')).status).toBe(200);
  });

  it.each(['/profile', '/login/profile', '/login/callback', '/logins', '/profile?/login', '/profile#/login'])(
    'R6 whoever has a session and no password proves nothing at %s',
    async (path) => {
      const { host } = await createAsking();
      const thief = await stale(host);
      await sentTo(thief, '/export?year=1');
      await sendPassword(thief, 'bob', path);
      expect(await whoIs(thief)).toBe('bob');
      expect(await sentTo(thief, '/export?year=1')).toBe(AGAIN);
    },
  );

  it('R6 a wrong password proves nothing', async () => {
    const { host } = await createAsking();
    const agent = await stale(host);
    await sentTo(agent, '/export?year=1');
    await agent.post('/login').type('form').send({ username: 'bob', password: 'wrong' }).expect(401);
    expect(await sentTo(agent, '/export?year=1')).toBe(AGAIN);
  });

  it('R2 somebody else who logs in instead does not get what the first one was doing', async () => {
    const { host } = await createAsking();
    await host.enrol('eve');
    for (const [other, target] of [
      ['ada', '/account'],
      ['eve', '/two-factor/challenge'],
    ] as const) {
      const agent = await stale(host);
      const sent = await agent.post('/transfer').set('Origin', ORIGIN).type('form').send('to=ada');
      const challenge = sent.headers['location'] as string;
      await agent.get(challenge);
      expect((await sendPassword(agent, other)).headers['location']).toBe(target);
      const resume = new URL(challenge, ORIGIN).searchParams.get('return_to')!;
      expect((await agent.get(resume)).status).not.toBe(200);
      expect(JSON.stringify(await readSession(host, agent))).not.toContain('resume');
    }
  });

  it('does not go back after ten minutes', async () => {
    const { host } = await createAsking();
    const agent = await stale(host);
    await sentTo(agent, '/export?year=1');
    host.clock.advance(10 * MINUTE);
    expect((await sendPassword(agent, 'bob')).headers['location']).toBe('/account');
  });

  it('leaves the answer to a host that wants it, with session.returnTo', async () => {
    const { host } = await createAsking({ held: 'error' });
    const agent = await stale(host);
    await sentTo(agent, '/export?year=1');
    const back = await sendPassword(agent, 'bob');
    // By Passport, whose `successReturnToOrRedirect` reads it.
    expect([back.status, back.headers['location']]).toEqual([302, '/export?year=1']);
  });

  it('asks login.condition', async () => {
    const { host } = await createAsking({
      condition: (request) => (request.query['again'] ? 'refuse' : 'usual'),
    });
    const agent = await stale(host);
    await sentTo(agent, '/export?year=1');
    expect((await sendPassword(agent, 'bob', AGAIN)).status).toBe(403);
    expect(await sentTo(agent, '/export?year=1')).toBe(AGAIN);
  });

  it('R6 who acts as somebody else proves nothing by that user’s password', async () => {
    const { host } = await createAsking({ impersonation: { allow: () => true, record: () => undefined } });
    host.app.post('/become/bob', (request, response, next) => {
      host.secondFactor.impersonate(request, userOf(host, 'bob')).then(() => response.send('done'), next);
    });
    const agent = await host.signIn('ada');
    await agent.post('/become/bob').expect(200);
    await agent.get('/two-factor/challenge?return_to=/export').expect(403);
    await sendPassword(agent, 'bob');
    const session = (await readSession(host, agent)) as { secondFactor: { stamp: { proofs: object } } };
    expect(session.secondFactor.stamp.proofs).toEqual({});
  });

  it('tells programs where, on our API and on the host’s routes', async () => {
    const { host } = await createAsking();
    const agent = await stale(host);
    const answers = [
      await agent.get(`${API}/setup/me`),
      await agent.post(`${API}/verify-password/me`).set('Origin', ORIGIN).send({ password: 'bob-password' }),
      await agent.get('/export').set('Accept', 'application/json'),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(401);
      expect(body).toMatchObject({ code: 'proof-required', factors: ['pwd'], login: AGAIN });
    }
    await agent.post('/login').send({ username: 'bob', password: 'bob-password' });
    expect((await agent.get('/export?year=1').set('Accept', 'application/json')).status).toBe(200);
  });

  it.each([
    ['a form', (agent: Agent) => sendPassword(agent, 'ada')],
    ['JSON', (agent: Agent) => agent.post('/login').send({ username: 'ada', password: 'ada-password' })],
  ])('R6 makes no old code look new, by %s', async (_, logInAgain) => {
    const { host } = await createAsking();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await agent.post(`${API}/verify/me`).set('Origin', ORIGIN).send({ code: factor.code() });
    const before = (await agent.get('/assurance')).body as Assurance;
    host.clock.advance(10 * MINUTE);
    await logInAgain(agent);
    const after = (await agent.get('/assurance')).body as Assurance;
    expect([before.state, before.amr]).toEqual(['complete', ['pwd', 'otp', 'mfa']]);
    expect([after.authTime, after.proofs]).toEqual([before.authTime, before.proofs]);
  });

  it('asks whoever has a second factor for that one', async () => {
    const { host } = await createAsking();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await agent.post(`${API}/verify/me`).set('Origin', ORIGIN).send({ code: factor.code() });
    host.clock.advance(10 * MINUTE);
    await sendPassword(agent, 'ada');
    const challenge = await agent.get('/export?year=1');
    expect(challenge.headers['location']).toMatch(/^\/two-factor\/challenge/);
    expect((await agent.get(challenge.headers['location'] as string)).text).toContain('name="code"');
  });
});
