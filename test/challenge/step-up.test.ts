import express from 'express';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  API,
  createHost,
  type Host,
  type HostParts,
  ORIGIN,
  readSetupKey,
  readTables,
  sendPassword,
  signInWhole,
  stepUp,
  submit,
  whoIs,
} from '../helpers/host.js';

const MINUTE = 60_000;
const CHALLENGE = '/two-factor/challenge';

/** A host with guarded routes; `done` is what got through. */
async function createGuarded(parts: HostParts = {}): Promise<{ host: Host; done: unknown[] }> {
  const done: unknown[] = [];
  const host = await createHost({
    ...parts,
    routes(app, { secondFactor }) {
      app.get('/export', secondFactor.recent(), (request, response) => {
        response.send(`Export of ${request.query['year'] as string}`);
      });
      app.post('/transfer', secondFactor.recent({ within: '5m' }), (request, response) => {
        done.push(request.body);
        response.send('Sent.');
      });
      app.get('/second', secondFactor.required(), (_request, response) => {
        response.send('In.');
      });
      app.get('/totp-only', secondFactor.recent({ within: '1h', any: ['totp'] }), (_request, response) => {
        response.send('In.');
      });
      app.use(secondFactor.errors());
    },
  });
  return { host, done };
}

function sendForm(agent: Agent, fields: string, headers: Record<string, string> = { Origin: ORIGIN }) {
  return agent.post('/transfer').set(headers).type('form').send(fields);
}

/** The form of a resume page, as a browser would send it. */
function readForm(html: string): { action: string; fields: [string, string][] } {
  const form = /<form method="post" action="([^"]*)">([\s\S]*?)<\/form>/.exec(html);
  const inputs = [...(form?.[2] ?? '').matchAll(/name="([^"]*)" value="([^"]*)"/g)];
  const plain = (text = ''): string =>
    [
      ['&lt;', '<'],
      ['&gt;', '>'],
      ['&#34;', '"'],
      ['&amp;', '&'],
    ].reduce((result, [entity = '', character = '']) => result.replaceAll(entity, character), text);
  return { action: plain(form?.[1]), fields: inputs.map(([, name, value]) => [plain(name), plain(value)]) };
}

describe('recent()', () => {
  it('lets a fresh login with the second factor through, and asks an old one to come back', async () => {
    const { host } = await createGuarded();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    expect((await agent.get('/export?year=2026')).text).toBe('Export of 2026');
    host.clock.advance(5 * MINUTE);
    const late = await agent.get('/export?year=2026');
    const target = encodeURIComponent('/export?year=2026');
    expect([late.status, late.headers['location']]).toEqual([303, `${CHALLENGE}?return_to=${target}`]);
    const proven = await stepUp(agent, factor.code(), '/export?year=2026');
    expect(proven.headers['location']).toBe('/export?year=2026');
    expect((await agent.get('/export?year=2026')).text).toBe('Export of 2026');
  });

  it('asks somebody without a second factor for the password', async () => {
    const { host } = await createGuarded();
    const agent = await host.signIn('ada');
    expect((await agent.get('/export')).status).toBe(200);
    host.clock.advance(5 * MINUTE);
    const page = (await agent.get('/export')).headers['location'] as string;
    const fields = { password: 'ada-password', return_to: '/export' };
    expect((await submit(agent, CHALLENGE, fields, page)).headers['location']).toBe('/export');
    expect((await agent.get('/export')).status).toBe(200);
  });

  it('counts only the methods that it names', async () => {
    const { host } = await createGuarded();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.backupCodes[0]!);
    expect((await agent.get('/totp-only')).status).toBe(303);
    await stepUp(agent, factor.code());
    host.clock.advance(60 * MINUTE - 1);
    expect((await agent.get('/totp-only')).status).toBe(200);
    host.clock.advance(1);
    expect((await agent.get('/totp-only')).status).toBe(303);
  });

  it('tells a program what is missing or expired, and where to answer', async () => {
    const { host } = await createGuarded();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(5 * MINUTE);
    const refused = await agent.get('/export').set('Accept', 'application/json');
    expect([refused.status, refused.type]).toEqual([401, 'application/problem+json']);
    expect(refused.body).toMatchObject({
      code: 'proof-required',
      proof: 'expired',
      factors: ['totp', 'backup-code'],
      answers: { totp: `${API}/verify/me` },
    });
    const other = await agent.get('/totp-only').set('Accept', 'application/json');
    expect(other.status).toBe(200);
    const answered = await agent
      .post(refused.body.answers.totp as string)
      .set('Origin', ORIGIN)
      .send({ code: factor.code() });
    expect([answered.status, answered.body.return_to]).toEqual([200, null]);
    expect((await agent.get('/export').set('Accept', 'application/json')).status).toBe(200);
  });

  it('sends whoever is nobody, or half way, to the step that comes first', async () => {
    const { host } = await createGuarded();
    await host.enrol('ada');
    expect((await host.agent().get('/export')).headers['location']).toBe('/login');
    const program = await host.agent().get('/export').set('Accept', 'application/json');
    expect([program.status, program.body.code]).toEqual([401, 'login-required']);
    const pending = await host.signIn('ada');
    expect((await pending.get('/export')).headers['location']).toBe(CHALLENGE);
    const half = await pending.get('/export').set('Accept', 'application/json');
    expect([half.status, half.body.code]).toEqual([401, 'second-factor-required']);
  });

  it.each([
    [{ within: '5' }, /within/],
    [{ within: '0m' }, /within/],
    [{ any: [] }, /any/],
    [{ any: ['pwd'] as const }, /any/],
  ])('refuses the options %j when the guard is made', async (options, fault) => {
    const { host } = await createGuarded();
    expect(() => host.secondFactor.recent(options)).toThrow(fault);
  });
});

describe('required()', () => {
  it('asks for the second factor once, and sends whoever has none to the set-up', async () => {
    const { host } = await createGuarded({ options: { login: { skipSecondStep: () => true } } });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect(await whoIs(agent)).toBe('ada');
    expect((await agent.get('/second')).headers['location']).toBe(`${CHALLENGE}?return_to=%2Fsecond`);
    await stepUp(agent, factor.code());
    host.clock.advance(24 * 60 * MINUTE);
    expect((await agent.get('/second')).text).toBe('In.');

    const bob = await host.signIn('bob');
    const setUp = '/two-factor/setup?return_to=%2Fsecond';
    expect((await bob.get('/second')).headers['location']).toBe(setUp);
    const program = await bob.get('/second').set('Accept', 'application/json');
    expect([program.status, program.body.code]).toEqual([403, 'enrolment-required']);
  });
});

describe('a set-up that required() has asked for', () => {
  it('goes back to the page, past the backup codes and a proof that was due', async () => {
    const { host } = await createGuarded();
    const bob = await host.signIn('bob');
    host.clock.advance(5 * MINUTE);
    const setUp = (await bob.get('/second')).headers['location'] as string;
    const asked = (await bob.get(setUp)).headers['location'] as string;
    const proven = await submit(bob, CHALLENGE, { password: 'bob-password' }, asked);
    expect(proven.headers['location']).toBe(setUp);
    const key = readSetupKey((await bob.get(setUp)).text);
    const wrong = await submit(bob, '/two-factor/setup', { code: '000000' }, setUp);
    expect(wrong.text).toContain('name="return_to" value="/second"');
    const code = totpCode(key, host.clock());
    const codes = (await submit(bob, '/two-factor/setup', { code }, setUp)).headers['location'] as string;
    expect(codes).toBe('/two-factor/backup-codes?return_to=%2Fsecond');
    const saved = await submit(bob, '/two-factor/backup-codes/saved', {}, codes);
    expect(saved.headers['location']).toBe('/second');
  });

  it.each(['https://evil.example/', '//evil.example', 'javascript:alert(1)'])(
    'R11 never goes to %s',
    async (target) => {
      const { host } = await createGuarded();
      const bob = await host.signIn('bob');
      const page = `/two-factor/setup?return_to=${encodeURIComponent(target)}`;
      const key = readSetupKey((await bob.get(page)).text);
      const fields = { code: totpCode(key, host.clock()), return_to: target };
      const done = await submit(bob, '/two-factor/setup', fields, page);
      expect(done.headers['location']).toBe('/two-factor/backup-codes');
    },
  );
});

describe('askProof()', () => {
  const createAsking = (): Promise<Host> =>
    createHost({
      routes(app, { secondFactor }) {
        app.all('/ask', (request, response, next) => {
          secondFactor.askProof(request, response).catch(next);
        });
      },
    });

  it('asks whoever is logged in, however fresh the login is', async () => {
    const host = await createAsking();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    expect((await agent.get('/ask?a=1')).headers['location']).toBe(`${CHALLENGE}?return_to=%2Fask%3Fa%3D1`);
    const program = await agent.get('/ask').set('Accept', 'application/json');
    expect([program.status, program.body.code]).toEqual([401, 'proof-required']);
    expect((await (await host.signIn('bob')).get('/ask')).headers['location']).toMatch(CHALLENGE);
  });

  it('brings a login back that is still to come', async () => {
    const host = await createAsking();
    const agent = host.agent();
    expect((await agent.get('/ask?a=1')).headers['location']).toBe('/login');
    const factor = await host.enrol('ada');
    await sendPassword(agent, 'ada');
    expect((await answer(agent, factor.code())).headers['location']).toBe('/ask?a=1');
  });

  it('brings a login back that was on its way to somewhere else', async () => {
    const host = await createAsking();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await agent.get('/ask')).headers['location']).toBe(CHALLENGE);
    expect((await answer(agent, factor.code())).headers['location']).toBe('/ask');
  });
});

describe('a form that was sent before its proof', () => {
  it('is offered again with all its fields, and goes through once it is sent', async () => {
    const { host, done } = await createGuarded();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(5 * MINUTE);
    const sent = 'to=bob&amount=%22100%22&tag=a&tag=b&more[x]=%3Cb%3E&empty=';
    const held = await sendForm(agent, sent);
    expect(held.status).toBe(303);
    expect(done).toEqual([]);
    const back = new URL(held.headers['location'] as string, ORIGIN).searchParams.get('return_to')!;
    expect(back).toMatch(/^\/two-factor\/resume\/[\w-]+$/);
    expect((await stepUp(agent, factor.code(), back)).headers['location']).toBe(back);
    const { action, fields } = readForm((await agent.get(back)).text);
    expect(action).toBe('/transfer');
    await sendForm(agent, new URLSearchParams(fields).toString());
    expect(done).toEqual([{ to: 'bob', amount: '"100"', tag: ['a', 'b'], more: { x: '<b>' }, empty: '' }]);
  });

  it('is sealed, and no other session can open it, not even of the same user', async () => {
    const { host } = await createGuarded();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const other = await signInWhole(host, 'ada', factor.code(1));
    host.clock.advance(5 * MINUTE);
    const held = await sendForm(agent, 'secret=topsecretword');
    const back = new URL(held.headers['location'] as string, ORIGIN).searchParams.get('return_to')!;
    expect(JSON.stringify(readTables(host))).not.toContain('topsecretword');
    expect((await other.get(back)).status).toBe(404);
    expect((await (await host.signIn('eve')).get(back)).status).toBe(404);
    expect((await agent.get(back)).text).toContain('topsecretword');
    host.clock.advance(10 * MINUTE);
    expect((await agent.get(back)).status).toBe(404);
  });

  it('of another site is refused, and never comes back as one of ours', async () => {
    const { host, done } = await createGuarded();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(5 * MINUTE);
    const before = readTables(host);
    for (const headers of [{ Origin: 'https://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      const sent = await sendForm(agent, 'to=eve', headers);
      expect(sent.status).toBe(403);
      expect(sent.text).toContain('make the option origin what browsers see');
    }
    const unknown = await sendForm(agent, 'to=eve', { Referer: `${ORIGIN}/form?a=1` });
    expect(unknown.headers['location']).toBe(`${CHALLENGE}?return_to=%2Fform%3Fa%3D1`);
    expect([readTables(host), done]).toEqual([before, []]);
  });

  it.each([
    ['too large', 'application/x-www-form-urlencoded', `a=${'x'.repeat(17_000)}`],
    ['with files', 'multipart/form-data; boundary=x', '--x--'],
    ['no form', 'text/plain', 'a=b'],
  ])('that is %s is not kept: the way back is the page it was on', async (_name, type, body) => {
    const { host, done } = await createGuarded({ first: (app) => app.use(express.text()) });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    host.clock.advance(5 * MINUTE);
    const held = await agent
      .post('/transfer')
      .set({ 'Content-Type': type, Origin: ORIGIN, Referer: `${ORIGIN}/form` })
      .send(body);
    expect(held.headers['location']).toBe(`${CHALLENGE}?return_to=%2Fform`);
    expect(done).toEqual([]);
  });
});
