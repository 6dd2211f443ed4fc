import { doubleCsrf } from 'csrf-csrf';
import { csrfSync } from 'csrf-sync';
import csurf from 'csurf';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  type Host,
  readFormToken,
  setUpFactor,
  stepUp,
  submit,
  whoIs,
} from '../helpers/host.js';

interface HostCsrf {
  protect: RequestHandler[];
  token(request: Request, response: Response): string;
}

const field = '_csrf';
const readField = (request: Request): string | undefined =>
  (request.body as Record<string, string> | undefined)?.[field];

/** csurf with its defaults: secret in the session, field `_csrf`. */
function withCsurf(): HostCsrf {
  return { protect: [csurf() as RequestHandler], token: (request) => request.csrfToken!() };
}

/** csrf-sync with a form field. */
function withCsrfSync(): HostCsrf {
  const { csrfSynchronisedProtection, generateToken } = csrfSync({ getTokenFromRequest: readField });
  return { protect: [csrfSynchronisedProtection], token: (request) => generateToken(request) };
}

/** csrf-csrf, bound to the session id, which changes at each step. */
function withCsrfCsrf(): HostCsrf {
  const { doubleCsrfProtection, generateCsrfToken } = doubleCsrf({
    getSecret: () => 'a secret of the host',
    getSessionIdentifier: (request) => request.session.id,
    cookieName: 'host-csrf',
    cookieOptions: { secure: false },
    getCsrfTokenFromRequest: readField,
  });
  const parseCookies: RequestHandler = (request, _response, next) => {
    const pairs = (request.get('Cookie') ?? '').split('; ').map((pair) => pair.split('=', 2));
    request.cookies = Object.fromEntries(
      pairs.map(([name, value = '']) => [name, decodeURIComponent(value)]),
    );
    next();
  };
  return {
    protect: [parseCookies, doubleCsrfProtection],
    token: (request, response) => generateCsrfToken(request, response),
  };
}

async function createCsrfHost({ protect, token }: HostCsrf, isTold = true): Promise<Host> {
  return createHost({
    options: isTold ? { csrf: { field, token } } : {},
    first(app, host, sessions) {
      app.use(sessions, host.passport.session() as RequestHandler);
      app.use(express.urlencoded({ extended: true }), ...protect);
      app.get('/login', (request, response) => {
        request.session.returnTo ??= '/account';
        response.send(
          `<form><input type="hidden" name="${field}" value="${token(request, response)}"></form>`,
        );
      });
    },
  });
}

function signIn(agent: Agent, userId: string): Promise<unknown> {
  return submit(agent, '/login', { username: userId, password: `${userId}-password` });
}

describe.each([
  ['csurf', withCsurf],
  ['csrf-sync', withCsrfSync],
  ['csrf-csrf', withCsrfCsrf],
])('with %s over all routes of the host', (_name, create) => {
  it('every form of ours carries its token: login, set-up, step-up, codes, turning off, cancel', async () => {
    const host = await createCsrfHost(create());
    const agent = host.agent();
    await signIn(agent, 'bob');
    const factor = await setUpFactor(host, agent);
    expect(factor.backupCodes).toHaveLength(10);
    const saved = await submit(agent, '/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
    expect(saved.headers['location']).toBe('/two-factor');

    const again = host.agent();
    await signIn(again, 'bob');
    expect(await whoIs(again)).toBe('nobody');
    expect((await answer(again, '000000')).status).toBe(422);
    expect((await answer(again, factor.code(1))).headers['location']).toBe('/account');
    expect(await whoIs(again)).toBe('bob');
    host.clock.advance(10 * 60_000);
    expect((await stepUp(again, factor.code())).headers['location']).toBe('/account');
    expect((await submit(again, '/two-factor/disable', { code: factor.code(1) })).headers['location']).toBe(
      '/two-factor',
    );

    const other = host.agent();
    await host.enrol('ada');
    await signIn(other, 'ada');
    const cancelled = await submit(other, '/two-factor/cancel', {}, '/two-factor/challenge');
    expect(cancelled.headers['location']).toBe('/login');
  });

  it('a form is refused without the host’s token and without ours', async () => {
    const host = await createCsrfHost(create());
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await signIn(agent, 'ada');
    const page = (await agent.get('/two-factor/challenge')).text;
    const hosts = /name="_csrf" value="([^"]+)"/.exec(page)?.[1];
    expect(hosts).toBeDefined();
    for (const tokens of [{ second_factor_token: readFormToken(page) }, { [field]: hosts }]) {
      const reply = await agent
        .post('/two-factor/challenge')
        .type('form')
        .send({ ...tokens, code: factor.code() });
      expect(reply.status).toBe(403);
      expect(await whoIs(agent)).toBe('nobody');
    }
  });

  it('says nothing works where the option is missing, and still lets nobody in', async () => {
    const host = await createCsrfHost(create(), false);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    await signIn(agent, 'ada');
    expect((await answer(agent, factor.code())).status).toBe(403);
    expect(await whoIs(agent)).toBe('nobody');
  });
});

describe('csrf.token', () => {
  it('may be a promise; what it says is escaped', async () => {
    const host = await createHost({
      options: { csrf: { field: 'host', token: () => Promise.resolve('"><script>') } },
    });
    await host.enrol('ada');
    const page = await (await host.signIn('ada')).get('/two-factor/challenge');
    expect(page.text).toContain('name="host" value="&#34;&gt;&lt;script&gt;"');
  });

  it('that fails is the host’s error, not a page without it', async () => {
    const host = await createHost({
      options: { csrf: { field: 'host', token: () => Promise.reject(new Error('no secret')) } },
    });
    await host.enrol('ada');
    expect((await (await host.signIn('ada')).get('/two-factor/challenge')).status).toBe(500);
  });
});
