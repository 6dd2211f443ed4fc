import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RequestHandler } from 'express';
import session, { MemoryStore, type Store } from 'express-session';
import type { Report, ReportContext } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import type { Host, HostParts } from '../helpers/host.js';
import { codesOf, createReported, detailsOf, look, rowsOf, valueOf } from './looking.js';

describe('dependencies in the report', () => {
  it('are found from a folder of the host, also a relative one', async () => {
    const report = await look(await createReported(), { from: '.' });
    expect(valueOf(report, 'dependencies', 'dependency', 'express')).toMatch(/^5\./);
    expect(valueOf(report, 'dependencies', 'dependency', 'node')).toBe(process.versions.node);
    expect(valueOf(report, 'dependencies', 'dependency', 'pg')).toMatch(/^8\./);
  });

  it('are a problem outside of the supported range, and none where they are not found', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'host-'));
    mkdirSync(join(folder, 'node_modules/express'), { recursive: true });
    writeFileSync(
      join(folder, 'node_modules/express/package.json'),
      '{ "name": "express", "version": "3.21.2" }',
    );
    const report = await look(await createReported(), { from: folder });
    rmSync(folder, { recursive: true });
    expect(detailsOf(report, 'dependency-unsupported')).toEqual({
      name: 'express',
      version: '3.21.2',
      range: '^4.21 || ^5',
    });
    expect(codesOf(report)).toHaveLength(1);
    expect(valueOf(report, 'dependencies', 'dependency', 'passport')).toEqual({ word: 'not-found' });
  });
});

describe('session stores in the report', () => {
  const probe = async (store: Store, mode: 'production' | 'development' = 'production') =>
    look(await createReported(), { mode, session: { store } });

  it('are written to, read, and left as they were', async () => {
    const store = new MemoryStore();
    const report = await probe(store);
    expect(codesOf(report)).toEqual(['session-store-memory']);
    expect(valueOf(report, 'sessions', 'probe')).toEqual({ word: 'works' });
    expect(valueOf(report, 'sessions', 'latency')).toMatch(/^\d+\.\d ms$/);
    expect((store as unknown as { sessions: object }).sessions).toEqual({});
    expect(codesOf(await probe(new MemoryStore(), 'development'))).toEqual(['development-mode']);
  });

  it.each(['set', 'get', 'destroy'] as const)('are a problem where %s fails or is silent', async (verb) => {
    for (const answer of [
      (done: unknown) => (done as (error: Error) => void)(new Error('away')),
      () => undefined,
    ]) {
      const store = new MemoryStore();
      Object.assign(store, { [verb]: (...parameters: unknown[]) => answer(parameters.at(-1)) });
      expect(codesOf(await probe(store))).toContain('session-store-unreachable');
    }
  });

  it('are a problem where they forget', async () => {
    class Forgetful extends MemoryStore {
      override get: MemoryStore['get'] = (_id, done) => done(null, null);
    }
    const report = await probe(new Forgetful());
    expect(detailsOf(report, 'session-store-unreachable')).toEqual({
      store: 'Forgetful',
      reason: 'ForgetfulStore',
    });
  });
});

describe('clocks in the report', () => {
  it.each([
    ['two texts (ioredis)', (now: number) => [String(Math.floor(now / 1_000)), '5000']],
    ['a date', (now: number) => new Date(now)],
  ])('are read from Redis as %s', async (_what, answer) => {
    const host = await createReported();
    const ask = (ahead: number) => look(host, { redis: { time: async () => answer(Date.now() + ahead) } });
    expect(codesOf(await ask(5_000))).toEqual([]);
    expect(detailsOf(await ask(90_000), 'clock-off')).toEqual({
      differences: [{ clock: 'redis', ahead: expect.closeTo(90, -1) as number }],
    });
    expect(detailsOf(await ask(-12_000), 'clock-off')).toEqual({
      differences: [{ clock: 'redis', ahead: expect.closeTo(-12, -1) as number }],
    });
  });

  it('are unknown where Redis answers with something else', async () => {
    const report = await look(await createReported(), { redis: { time: async () => 'noon' } });
    expect(valueOf(report, 'clocks', 'clock-redis')).toEqual({ word: 'not-looked-at' });
  });

  it('are read from a store that shows its client', async () => {
    const store = Object.assign(new MemoryStore(), { client: { time: async () => [0, 0] } });
    const report = await look(await createReported(), { mode: 'development', session: { store } });
    expect(codesOf(report)).toContain('clock-off');
  });

  it('are compared with the database', async () => {
    const report = await look(await createReported({ options: { clock: () => Date.now() - 90_000 } }));
    expect(detailsOf(report, 'clock-off')).toEqual({ differences: [{ clock: 'database', ahead: 90 }] });
  });
});

describe('cookies in the report', () => {
  const judge = async (cookie: session.CookieOptions, mode: 'production' | 'development' = 'production') =>
    codesOf(await look(await createReported(), { mode, session: { cookie } }));

  it('are judged by their flags', async () => {
    expect(await judge({ secure: true, sameSite: 'lax' })).toEqual([]);
    expect(await judge({ secure: 'auto', sameSite: true })).toEqual([]);
    expect(await judge({})).toEqual(['cookie-not-secure']);
    expect(await judge({}, 'development')).toEqual(['development-mode']);
    expect(await judge({ secure: true, httpOnly: false, sameSite: 'none' })).toEqual([
      'cookie-not-http-only',
      'cookie-same-site-none',
    ]);
  });
});

describe('endpoints in the report', () => {
  /** Serves the host's application for one look at it. */
  async function visit(host: Host, context: ReportContext = {}): Promise<Report> {
    const server = host.app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      return await look(host, { url: `http://127.0.0.1:${port}`, ...context });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  const loginRequired: RequestHandler = (_request, response) => {
    response.status(401).type('application/problem+json').send({ code: 'login-required' });
  };

  /** Stands where `secondFactor.api()` is mounted; `answer` is what its routes say to somebody without a session. */
  const api =
    (answer: RequestHandler): NonNullable<HostParts['routes']> =>
    (app) => {
      app.get(
        '/api/v1/two-factor/openapi.json',
        (_request, response) => void response.json({ openapi: '3.1.0' }),
      );
      app.use('/api/v1/two-factor', (request, response, next) => {
        const isJson = request.method === 'GET' || request.is('application/json') === 'application/json';
        const isOurs = request.method === 'GET' || request.get('Sec-Fetch-Site') === 'same-origin';
        if (isJson && isOurs) answer(request, response, next);
        else response.sendStatus(415);
      });
    };

  it('are in order where pages and API answer as they should', async () => {
    const report = await visit(await createReported());
    expect(codesOf(report)).toEqual([]);
    const rows = rowsOf(report, 'endpoints').slice(1);
    expect(
      rows.map(({ of, value }) => `${of ?? ''}: ${typeof value === 'object' ? value.word : value}`),
    ).toEqual([
      'GET /two-factor/style.css: 200 text/css',
      'GET /two-factor/challenge: 303 /login',
      'GET /api/v1/two-factor/setup/me: 401 login-required',
      'POST /api/v1/two-factor/verify/me: 401 login-required',
      'POST /api/v1/two-factor/enable/me: 401 login-required',
      'POST /api/v1/two-factor/disable/me: 401 login-required',
      'GET /api/v1/two-factor/status/me: 401 login-required',
      'GET /api/v1/two-factor/backup-codes/me: 401 login-required',
      'POST /api/v1/two-factor/verify-backup/me: 401 login-required',
      'GET /api/v1/two-factor/openapi.json: 200 application/json',
    ]);
  });

  it('tell an API that is not mounted as a notice', async () => {
    const report = await visit(await createReported({ hasApi: false }));
    expect(report.problems).toMatchObject([{ code: 'api-not-mounted', severity: 'notice' }]);
  });

  it('tell an API that lets somebody in, breaks or hangs', async () => {
    const answers: RequestHandler = (request, response) => {
      if (request.path.startsWith('/status')) response.json({ enabled: true });
      else if (request.path.startsWith('/setup')) response.sendStatus(500);
      else if (!request.path.startsWith('/disable')) loginRequired(request, response, () => undefined);
    };
    const report = await visit(await createReported({ hasApi: false, routes: api(answers) }));
    expect(detailsOf(report, 'endpoint-wrong')).toEqual({
      endpoints: [
        'GET /api/v1/two-factor/setup/me: 500 text/plain (401 login-required)',
        'POST /api/v1/two-factor/disable/me: TimeoutError (401 login-required)',
        'GET /api/v1/two-factor/status/me: 200 application/json (401 login-required)',
      ],
    });
  });

  it('tell pages that are mounted elsewhere', async () => {
    const host = await createReported({ options: { paths: { pages: '/elsewhere' } } });
    expect(codesOf(await visit(host))).toEqual(['pages-not-mounted']);
  });

  it('show the flags of the cookie that is really sent, and not the cookie', async () => {
    const weak = session({
      secret: 'test',
      resave: false,
      saveUninitialized: true,
      cookie: { httpOnly: false },
    });
    const host = await createReported({
      first: (app) => app.get('/login', weak, (request, response) => void response.send(request.sessionID)),
    });
    const report = await visit(host, { session: { cookie: { secure: true, sameSite: 'lax' } } });
    expect(codesOf(report)).toEqual(['cookie-not-http-only']);
    expect(valueOf(report, 'cookie', 'cookie-sent')).toBe('Path=/');
    expect(JSON.stringify(report)).not.toMatch(/connect\.sid|s%3A/);
  });
});
