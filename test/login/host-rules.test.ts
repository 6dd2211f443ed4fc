import type { Request, Response } from 'express';
import type { LoginOptions, UserOptions } from 'passport-second-factor';
import { readHiddenFields, totpCode } from 'passport-second-factor/testing';
import type { Test } from 'supertest';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  type Host,
  readSession,
  readSetupKey,
  readTables,
  sendPassword,
  setUpFactor,
  stepUp,
  submit,
  type TestUser,
  whoIs,
} from '../helpers/host.js';

const CHALLENGE = '/two-factor/challenge';
const idOf = (user: Express.User): string => (user as unknown as TestUser).id;

const cookiesOf = (response: { headers: Record<string, unknown> }): string =>
  String(response.headers['set-cookie']);

describe('login.after', () => {
  interface Called {
    calls: string[];
    fault?: Error;
  }

  async function createAfterHost(called: Called): Promise<Host> {
    return createHost({
      options: {
        login: {
          async after(request: Request, response: Response, user: Express.User) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (called.fault) throw called.fault;
            const seen = request.isAuthenticated() ? idOf(request.user) : 'nobody';
            called.calls.push(`${idOf(user)} as ${seen} at ${request.path}`);
            response.cookie('remember_me', 'token');
            (request.session as unknown as { cart: string }).cart = 'merged';
          },
        },
      },
      routes(app) {
        app.post('/profile', (request, response, next) => {
          request.logIn(request.user!, (error: unknown) => {
            if (error) next(error);
            else response.send('saved');
          });
        });
      },
    });
  }

  it('is awaited at the completion, not at the password step, and its cookie and session data stay', async () => {
    const called: Called = { calls: [] };
    const host = await createAfterHost(called);
    const factor = await host.enrol('ada');
    const agent = host.agent();
    expect(cookiesOf(await sendPassword(agent, 'ada'))).not.toContain('remember_me');
    expect((await answer(agent, '000000')).status).toBe(422);
    expect(called.calls).toEqual([]);
    expect(cookiesOf(await answer(agent, factor.code()))).toContain('remember_me');
    expect(called.calls).toEqual(['ada as ada at /challenge']);
    expect(await readSession(host, agent)).toMatchObject({ cart: 'merged' });
    expect(await whoIs(agent)).toBe('ada');
  });

  it('is awaited for those without a second factor as well', async () => {
    const called: Called = { calls: [] };
    const host = await createAfterHost(called);
    const agent = host.agent();
    expect(cookiesOf(await sendPassword(agent, 'bob'))).toContain('remember_me');
    expect(called.calls).toEqual(['bob as bob at /login']);
    expect(await readSession(host, agent)).toMatchObject({ cart: 'merged' });
  });

  it('is no part of a profile edit, a set-up or a step-up', async () => {
    const called: Called = { calls: [] };
    const host = await createAfterHost(called);
    const agent = await host.signIn('bob');
    called.calls.length = 0;
    await agent.post('/profile');
    const factor = await setUpFactor(host, agent);
    await stepUp(agent, factor.code(1));
    expect(await whoIs(agent)).toBe('bob');
    expect(called.calls).toEqual([]);
  });

  it('R1 leaves nobody logged in where it fails', async () => {
    const called: Called = { calls: [], fault: new Error('The shop is away.') };
    const host = await createAfterHost(called);
    const factor = await host.enrol('ada');
    const [ada, bob] = [await host.signIn('ada'), host.agent()];
    expect((await sendPassword(bob, 'bob')).status).toBe(500);
    expect((await answer(ada, factor.code())).status).toBe(500);
    for (const agent of [ada, bob]) {
      expect(await whoIs(agent)).toBe('nobody');
      expect((await readSession(host, agent)) ?? {}).not.toHaveProperty('secondFactor');
    }
  });
});

describe('login.abandoned', () => {
  it('is awaited when a pending login is cancelled or has taken too many wrong codes, and nowhere else', async () => {
    let abandoned = 0;
    const host = await createHost({
      options: {
        login: {
          async abandoned(request, response) {
            await new Promise((resolve) => setTimeout(resolve, 10));
            abandoned += 1;
            response.clearCookie('remember_me');
            expect(request.isAuthenticated()).toBe(false);
          },
        },
      },
    });
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    const forged = await agent.post('/two-factor/cancel').type('form').send({});
    expect([forged.status, abandoned]).toEqual([403, 0]);
    const done = await submit(agent, '/two-factor/cancel', {}, CHALLENGE);
    expect([done.headers['location'], abandoned]).toEqual(['/login', 1]);
    expect(cookiesOf(done)).toContain('remember_me=;');
    expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
    await (await host.signIn('ada')).post('/logout');
    const wrong = await host.signIn('ada');
    for (let tries = 0; tries < 4; tries++) await answer(wrong, '000000');
    expect(abandoned).toBe(1);
    expect(cookiesOf(await answer(wrong, '000000'))).toContain('remember_me=;');
    expect(abandoned).toBe(2);
    await host.signIn('bob');
    expect(abandoned).toBe(2);
  });

  it('that fails leaves the login cancelled', async () => {
    const host = await createHost({
      options: { login: { abandoned: () => Promise.reject(new Error('cookies away')) } },
    });
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await submit(agent, '/two-factor/cancel', {}, CHALLENGE)).status).toBe(500);
    expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
  });
});

describe('login.condition', () => {
  const createConditionHost = (condition: LoginOptions['condition']): Promise<Host> =>
    createHost({ options: { login: { ...(condition && { condition }) } } });

  it('sees request and user after the first factor, once a login', async () => {
    const asked: string[] = [];
    const host = await createConditionHost((request, user) => {
      asked.push(`${idOf(user)} at ${request.path}`);
      return 'usual';
    });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await sendPassword(agent, 'ada');
    await answer(agent, factor.code());
    expect(await whoIs(agent)).toBe('ada');
    expect(asked).toEqual(['ada at /login']);
  });

  it('refuse lets nobody in, with a second factor or without, and keeps nothing', async () => {
    const host = await createConditionHost(() => Promise.resolve('refuse' as const));
    await host.enrol('ada');
    for (const userId of ['ada', 'bob']) {
      const agent = host.agent();
      expect((await sendPassword(agent, userId)).status).toBe(403);
      expect(await whoIs(agent)).toBe('nobody');
      expect((await agent.get(CHALLENGE)).headers['location']).toBe('/login');
    }
    expect(readTables(host)['two_factor_pending']).not.toContainEqual(
      expect.objectContaining({ purpose: 'login' }),
    );
  });

  it.each([
    ['nothing', () => undefined],
    ['true', () => true],
    ['a wrong word', () => 'skip'],
    ['an error', () => Promise.reject(new Error('risk service away'))],
  ])('that returns %s lets nobody in', async (_what, condition) => {
    const host = await createConditionHost(condition as never);
    await host.enrol('ada');
    for (const userId of ['ada', 'bob']) {
      const agent = host.agent();
      expect((await sendPassword(agent, userId)).status).toBe(500);
      expect(await whoIs(agent)).toBe('nobody');
    }
  });

  it('refuses while the second step is switched off, too', async () => {
    const host = await createHost({ options: { enabled: false, login: { condition: () => 'refuse' } } });
    expect((await sendPassword(host.agent(), 'bob')).status).toBe(403);
  });
});

describe('login.skipSecondStep', () => {
  const createOffice = (verdict: () => unknown): Promise<Host> =>
    createHost({ options: { login: { skipSecondStep: verdict as () => boolean } } });

  it('lets a login through that counts as a password alone: no change without the second factor', async () => {
    const host = await createOffice(() => Promise.resolve(true));
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect(await whoIs(agent)).toBe('ada');
    expect(await readSession(host, agent)).toMatchObject({
      secondFactor: { stamp: { userId: 'ada', epoch: 1, proofs: { pwd: host.clock() } } },
    });
    const renewal = await submit(agent, '/two-factor/backup-codes', {}, '/two-factor/disable');
    expect(renewal.headers['location']).toContain('/challenge?return_to=');
    await stepUp(agent, factor.code());
    expect((await agent.get('/two-factor/backup-codes')).status).toBe(200);
  });

  it.each([[false], [undefined], ['yes'], [1], [{}]])(
    'that returns %s asks for the code',
    async (verdict) => {
      const host = await createOffice(() => verdict);
      await host.enrol('ada');
      expect(await whoIs(await host.signIn('ada'))).toBe('nobody');
    },
  );

  it('that throws lets nobody in', async () => {
    const host = await createOffice(() => Promise.reject(new Error('network list away')));
    await host.enrol('ada');
    const agent = host.agent();
    expect((await sendPassword(agent, 'ada')).status).toBe(500);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('is not asked about those who owe nothing', async () => {
    let asked = 0;
    const host = await createOffice(() => (asked += 1));
    await host.signIn('bob');
    expect(asked).toBe(0);
  });
});

describe('user.mayEnrol', () => {
  async function createStrictHost(mayEnrol: () => unknown): Promise<{ host: Host; agent: Agent }> {
    const host = await createHost();
    const user: UserOptions = { ...host.options.user, mayEnrol: mayEnrol as () => boolean };
    const strict = await createHost({ options: { user } });
    return { host: strict, agent: await strict.signIn('bob') };
  }

  it('a sentence refuses the set-up and is shown', async () => {
    const { host, agent } = await createStrictHost(() =>
      Promise.resolve('Confirm your e-mail <address> first.'),
    );
    const page = await agent.get('/two-factor/setup');
    expect(page.status).toBe(403);
    expect(page.text).toContain('Confirm your e-mail &lt;address&gt; first.');
    expect(page.text).not.toContain('setup-key');
    expect(readTables(host)['two_factor_pending']).toEqual([]);
  });

  it.each([[false], [undefined], ['']])('%j refuses it in our words', async (verdict) => {
    const { agent } = await createStrictHost(() => verdict);
    expect((await agent.get('/two-factor/setup')).status).toBe(403);
  });

  it('is asked again when the first code comes', async () => {
    let verdict = true;
    const { host, agent } = await createStrictHost(() => verdict);
    const page = (await agent.get('/two-factor/setup')).text;
    const fields = { ...readHiddenFields(page), code: totpCode(readSetupKey(page), host.clock()) };
    const confirm = (): Test => agent.post('/two-factor/setup').type('form').send(fields);
    verdict = false;
    expect((await confirm()).status).toBe(403);
    expect(readTables(host)['two_factor_authenticators']).toEqual([]);
    verdict = true;
    expect((await confirm()).headers['location']).toBe('/two-factor/backup-codes');
  });
});
