import express, { type Express, Router } from 'express';
import { createSecondFactor, TotpStrategy } from 'passport-second-factor';
import { memoryStorage, readHiddenFields } from 'passport-second-factor/testing';
import type { Test } from 'supertest';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  type Host,
  type HostParts,
  sendPassword,
  submit,
  userOf,
  whoIs,
} from '../helpers/host.js';

/** Puts the pages where a test wants them, beside the ones that every host has at /two-factor. */
function createHostAt(pages: string, mount: (app: Express, host: Host) => void, prefix = ''): Promise<Host> {
  const parts: HostParts = { options: { paths: { pages, prefix, home: '/account' } }, routes: mount };
  return createHost(parts);
}

async function expectWholeLogin(host: Host, pages: string, strip = ''): Promise<void> {
  const factor = await host.enrol('ada');
  const agent = host.agent();
  const login = await sendPassword(agent, 'ada');
  expect(login.headers['location']).toBe(`${pages}/challenge`);
  const inside = pages.slice(strip.length);
  const page = await agent.get(`${inside}/challenge?use=totp`);
  expect(page.status).toBe(200);
  expect(page.text).toContain(`action="${pages}/challenge?use=totp"`);
  expect(page.text).toContain(`href="${pages}/style.css"`);
  const reply = await submit(agent, `${inside}/challenge`, { code: factor.code() });
  expect(reply.headers['location']).toBe('/account');
  expect(await whoIs(agent)).toBe('ada');
  const overview = await agent.get(inside);
  expect(overview.text).toContain(`href="${pages}/disable"`);
  const proof = await submit(agent, `${inside}/backup-codes`, {}, `${inside}/disable`);
  expect(proof.headers['location']).toBe(`${pages}/backup-codes`);
}

describe('the pages under any path', () => {
  it.each(['/mfa', '/account/security/two-step', '/Konto/2FA'])('%s', async (pages) => {
    const host = await createHostAt(pages, (app, { secondFactor }) => app.use(pages, secondFactor.pages()));
    await expectWholeLogin(host, pages);
  });

  it('in a router in a router', async () => {
    const host = await createHostAt('/a/b/mfa', (app, { secondFactor }) => {
      app.use('/a', Router().use('/b', Router().use('/mfa', secondFactor.pages())));
    });
    await expectWholeLogin(host, '/a/b/mfa');
  });

  it('in an application in a router in an application', async () => {
    const host = await createHostAt('/shop/in/mfa', (app, { secondFactor }) => {
      const inner = express().use('/mfa', secondFactor.pages());
      app.use('/shop', Router().use('/in', inner));
    });
    await expectWholeLogin(host, '/shop/in/mfa');
  });

  it('behind a host that takes a prefix off the URL itself', async () => {
    const host = await createHostAt('/tenant-7/mfa', (app, { secondFactor }) => {
      app.use((request, _response, next) => {
        request.url = request.url.replace(/^\/tenant-7(?=\/)/, '');
        next();
      });
      app.use('/mfa', secondFactor.pages());
    });
    await expectWholeLogin(host, '/tenant-7/mfa');
  });

  it('behind a proxy that takes a prefix off before Express sees the path', async () => {
    const mount = (app: Express, { secondFactor }: Host): unknown => app.use('/mfa', secondFactor.pages());
    const host = await createHostAt('/app/mfa', mount, '/app');
    await expectWholeLogin(host, '/app/mfa', '/app');
  });

  it('behind such a proxy, a step-up and a login on our own pages come back to where browsers see them', async () => {
    const host = await createHost({
      options: { paths: { pages: '/app/mfa', prefix: '/app', home: '/app/account' } },
      first(app, created, sessions) {
        app.use(
          sessions,
          created.passport.session() as express.RequestHandler,
          (request, _response, next) => {
            if (request.get('X-As') === undefined) next();
            else request.logIn(userOf(created, 'ada'), next);
          },
        );
        app.use('/mfa', created.secondFactor.pages());
      },
    });
    const bob = await host.signIn('bob');
    host.clock.advance(10 * 60_000);
    const asked = await bob.get('/mfa/setup');
    expect(asked.headers['location']).toBe('/app/mfa/challenge?return_to=%2Fapp%2Fmfa%2Fsetup');
    await host.enrol('ada');
    expect((await host.agent().get('/mfa/challenge').set('X-As', 'ada')).status).toBe(200);
  });
});

it('a return target that is relative is so to where browsers see the login, behind a proxy with a prefix', async () => {
  const host = await createHost({
    options: { paths: { pages: '/app/mfa', prefix: '/app' } },
    routes(app, { passport, secondFactor }) {
      app.use('/mfa', secondFactor.pages());
      app.post(
        '/shop/login',
        passport.authenticate('local', { successRedirect: 'orders?page=2' }) as express.RequestHandler,
      );
    },
  });
  const factor = await host.enrol('ada');
  const agent = host.agent();
  await sendPassword(agent, 'ada', '/shop/login');
  const done = await submit(agent, '/mfa/challenge', { code: factor.code() });
  expect(done.headers['location']).toBe('/app/shop/orders?page=2');
});

describe('a challenge page of the host’s own', () => {
  const createOwnHost = (): Promise<Host> =>
    createHost({
      options: { paths: { challenge: '/my-challenge', home: '/account' } },
      first(app, created, sessions) {
        app.use(
          sessions,
          created.passport.session() as express.RequestHandler,
          (request, _response, next) => {
            if (request.get('X-As') === undefined) next();
            else request.logIn(userOf(created, 'ada'), next);
          },
        );
      },
      routes(app, { passport, secondFactor }) {
        passport.use(new TotpStrategy(secondFactor));
        app.get('/my-challenge', (_request, response) => {
          response.send('Your code, please');
        });
        app.post(
          '/my-challenge',
          passport.authenticate('totp', { successRedirect: '/account' }) as express.RequestHandler,
        );
      },
    });

  it('is where held logins and half-way visitors of our pages are sent, and completes them', async () => {
    const host = await createOwnHost();
    const factor = await host.enrol('ada');
    const agent = host.agent();
    expect((await sendPassword(agent, 'ada')).headers['location']).toBe('/my-challenge');
    expect((await agent.get('/two-factor')).headers['location']).toBe('/my-challenge');
    const program = await host.agent().post('/login').send({ username: 'ada', password: 'ada-password' });
    expect(program.body).toMatchObject({ challenge: '/my-challenge' });
    expect((await agent.get('/my-challenge')).text).toBe('Your code, please');
    await agent.post('/my-challenge').type('form').send({ code: factor.code() });
    expect(await whoIs(agent)).toBe('ada');
  });

  it('R2 that is the login page as well does not make a held login call back', async () => {
    const host = await createHost({
      options: { paths: { challenge: '/sign-in' } },
      routes(app, { passport }) {
        app.post('/sign-in', (request, response, next) => {
          const settle = (error: unknown, user: Express.User | false): void => {
            if (error || !user) next(error ?? new Error('wrong password'));
            else request.logIn(user, () => response.send('a token for anybody'));
          };
          (passport.authenticate('local', settle) as express.RequestHandler)(request, response, next);
        });
      },
    });
    await host.enrol('ada');
    const agent = host.agent();
    for (const attempt of ['new', 'pending already']) {
      const login = await sendPassword(agent, 'ada', '/sign-in');
      expect([login.status, login.headers['location']], attempt).toEqual([303, '/sign-in']);
    }
  });

  it('opens for a remember-me login on every request, as nobody', async () => {
    const host = await createOwnHost();
    await host.enrol('ada');
    const agent = host.agent();
    agent.set('X-As', 'ada');
    expect((await agent.get('/account')).headers['location']).toBe('/my-challenge');
    expect((await agent.get('/my-challenge')).text).toBe('Your code, please');
    expect((await agent.get('/my-challenge-too')).headers['location']).toBe('/my-challenge');
  });
});

it('R13 the pages above passport.session() say what to mount where', async () => {
  const host = await createHost({
    first: (app, { secondFactor }, sessions) => app.use(sessions).use('/two-factor', secondFactor.pages()),
  });
  const opened = await host.agent().get('/two-factor');
  expect(opened.status).toBe(500);
  expect(opened.text).toContain('mount passport.session() above the pages, the API and the guards');
});

it('R13 pages() without protect() before says so at the start', () => {
  const user = { id: () => 'ada', label: () => 'ada' };
  const keys = [{ id: 'now', secret: Buffer.from(Array.from({ length: 32 }, (_, n) => n)) }];
  const secondFactor = createSecondFactor({
    ...{ issuer: 'Test', origin: 'http://localhost:3000', user, keys },
    storage: memoryStorage(),
  });
  expect(() => secondFactor.pages()).toThrow('call secondFactor.protect(passport) before');
});

describe('the origin behind a proxy', () => {
  /** As a proxy passes on what a browser sent to https://id.example. */
  function viaProxy(agent: Agent, path: string, headers: Record<string, string>): Test {
    return agent
      .post(path)
      .type('form')
      .set({ 'X-Forwarded-Host': 'id.example', 'X-Forwarded-Proto': 'https', ...headers });
  }

  it.each([
    ['the configured origin', { Host: 'internal:8080', Origin: 'https://id.example' }, 303],
    ['the address behind the proxy', { Host: 'internal:8080', Origin: 'http://internal:8080' }, 403],
    ['http instead of https', { Host: 'internal:8080', Origin: 'http://id.example' }, 403],
    [
      'a forwarded host that an attacker made up',
      { 'X-Forwarded-Host': 'evil.example', Origin: 'https://evil.example' },
      403,
    ],
  ])('R11 a form from %s', async (_what, headers, status) => {
    const host = await createHost({ options: { origin: 'https://id.example' } });
    host.app.set('trust proxy', true);
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const fields = readHiddenFields((await agent.get('/two-factor/challenge')).text);
    const reply = await viaProxy(agent, '/two-factor/challenge', headers).send({
      ...fields,
      code: factor.code(),
    });
    expect(reply.status).toBe(status);
    expect(await whoIs(agent)).toBe(status === 303 ? 'ada' : 'nobody');
  });

  it('keeps return targets on the configured origin, whatever Host says', async () => {
    const host = await createHost({
      options: { origin: 'https://id.example' },
      routes(app) {
        app.get('/remember/:target', (request, response) => {
          request.session.returnTo = request.params.target;
          response.send('ok');
        });
      },
    });
    const factor = await host.enrol('ada');
    for (const [target, lands] of [
      ['https://id.example/orders', '/orders'],
      ['https://internal:8080/orders', '/account'],
    ] as const) {
      const agent = host.agent();
      await agent.get(`/remember/${encodeURIComponent(target)}`);
      await sendPassword(agent, 'ada').set('Host', 'internal:8080');
      expect((await answer(agent, factor.code())).headers['location']).toBe(lands);
      host.clock.advance(30_000);
    }
  });
});
