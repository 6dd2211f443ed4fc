import type { RequestHandler } from 'express';
import { describe, expect, it } from 'vitest';
import {
  answer,
  createHost,
  type Host,
  type HostParts,
  sendPassword,
  signInWhole,
  submit,
} from '../helpers/host.js';

/** Logins with each of Passport's redirect options, and a page that notes where the visitor wants to go. */
const parts: HostParts = {
  routes(app, { passport }) {
    const login = (options: object) => passport.authenticate('local', options) as RequestHandler;
    app.post('/want', (request, response) => {
      request.session.returnTo = (request.body as { to: string }).to;
      response.send('noted');
    });
    app.post('/in/redirect', login({ successRedirect: '/redirect' }));
    app.post('/in/relative', login({ successRedirect: 'beside' }));
    app.post('/in/either', login({ successReturnToOrRedirect: '/either' }));
    app.post('/in/both', login({ successReturnToOrRedirect: '/either', successRedirect: '/redirect' }));
    app.post('/in/foreign', login({ successRedirect: 'https://evil.example/' }));
    app.post('/in/nothing', login({}));
  },
};

/** Where ada lands after both steps of a login at `path`. */
async function land(host: Host, code: string, path: string, wanted?: string): Promise<string | undefined> {
  const agent = host.agent();
  if (wanted !== undefined) await agent.post('/want').send({ to: wanted });
  await sendPassword(agent, 'ada', path);
  const done = await answer(agent, code);
  expect(done.status).toBe(303);
  return done.headers['location'];
}

const hostile = [
  'https://evil.example/',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '\t//evil.example',
  '/.//evil.example',
  '/x/..//evil.example',
  'https:evil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  'http://localhost:3000@evil.example/',
  'http://user:password@localhost:3000/',
  'http://localhost:3001/',
  `/${'a'.repeat(3_000)}`,
];

describe('a completed login lands', () => {
  it.each([
    ['/in/redirect', undefined, '/redirect'],
    ['/in/redirect', '/wanted', '/redirect'],
    ['/in/relative', undefined, '/in/beside'],
    ['/in/either', undefined, '/either'],
    ['/in/either', '/wanted?a=1#b', '/wanted?a=1#b'],
    ['/in/both', undefined, '/either'],
    ['/in/both', '/wanted', '/wanted'],
    ['/in/nothing', undefined, '/account'],
    ['/in/nothing', '/wanted', '/wanted'],
    ['/in/nothing', 'http://localhost:3000/wanted', '/wanted'],
  ])('after %s with session.returnTo %s at %s, as Passport would have it', async (path, wanted, target) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    expect(await land(host, factor.code(), path, wanted)).toBe(target);
  });

  it('at home when the host names another origin', async () => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    expect(await land(host, factor.code(), '/in/foreign')).toBe('/account');
  });

  it.each(hostile)('on no page of the attacker: session.returnTo %j', async (target) => {
    const host = await createHost(parts);
    const factor = await host.enrol('ada');
    expect(await land(host, factor.code(), '/in/nothing', target)).toBe('/account');
  });
});

it.each(hostile)('R11 a fresh proof leads on no page of the attacker: return_to %j', async (target) => {
  const host = await createHost(parts);
  const factor = await host.enrol('ada');
  const agent = await signInWhole(host, 'ada', factor.code());
  host.clock.advance(30_000);
  const page = await agent.get('/two-factor/challenge').query({ return_to: target });
  expect([page.status, page.headers['location']]).toEqual([303, '/two-factor']);
  const done = await submit(
    agent,
    '/two-factor/challenge',
    { code: factor.code(), return_to: target },
    '/two-factor/challenge?return_to=/account',
  );
  expect([done.status, done.headers['location']]).toEqual(
    target.length > 2_048 ? [400, undefined] : [303, '/two-factor'],
  );
});
