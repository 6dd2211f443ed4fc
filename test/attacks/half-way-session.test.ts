import express, { type RequestHandler } from 'express';
import { describe, expect, it } from 'vitest';
import { answer, createHost, createPassport, signInWhole, userIdOf, whoIs } from '../helpers/host.js';

describe('R1 R2 somebody who knows only the password', () => {
  it('is nobody, and every page sends them to the challenge or the login', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const agent = await host.signIn('ada');

    expect(await whoIs(agent)).toBe('nobody');
    expect((await agent.get('/account')).headers['location']).toBe('/login');
    for (const path of ['', '/setup', '/backup-codes', '/disable']) {
      const response = await agent.get(`/two-factor${path}`);
      expect([response.status, response.headers['location']]).toEqual([303, '/two-factor/challenge']);
    }
    const challenge = await agent.get('/two-factor/challenge');
    expect(challenge.status).toBe(200);
    expect(challenge.text).not.toContain('ada');
  });

  it('is sent to the challenge by the login and lands where it was going once the code is right', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = host.agent();
    const login = await agent.post('/login').type('form').send({ username: 'ada', password: 'ada-password' });
    expect([login.status, login.headers['location']]).toEqual([303, '/two-factor/challenge']);

    const done = await answer(agent, factor.code());
    expect([done.status, done.headers['location']]).toEqual([303, '/account']);
    expect(await whoIs(agent)).toBe('ada');
  });
});

it('R1 a sub-router with its own passport.session() does not let a pending login in', async () => {
  const host = await createHost({
    routes(app, { passport }) {
      const router = express.Router();
      router.use(passport.session() as RequestHandler);
      router.get('/who', (request, response) => {
        response.send(userIdOf(request));
      });
      app.use('/sub', router);
    },
  });
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  expect((await agent.get('/sub/who')).text).toBe('nobody');
  await answer(agent, factor.code());
  expect((await agent.get('/sub/who')).text).toBe('ada');
});
