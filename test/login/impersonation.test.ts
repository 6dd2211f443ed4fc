import type { Request } from 'express';
import type { ImpersonationOptions } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  copyAgent,
  createHost,
  type Host,
  readCounters,
  readSession,
  sessionId,
  submit,
  type TestUser,
  userOf,
  whoIs,
} from '../helpers/host.js';

const idOf = (user: Express.User): string => (user as unknown as TestUser).id;

/** Eve is an administrator and may become Ada, never Bob; what happened is written down. */
async function createSupportHost(impersonation: Partial<ImpersonationOptions> = {}): Promise<{
  host: Host;
  records: string[];
  login(): Promise<Agent>;
  become(agent: Agent, userId: string): Promise<number>;
}> {
  const records: string[] = [];
  const host = await createHost({
    options: {
      login: {
        after: (_request: Request, _response, user) => void records.push(`login of ${idOf(user)}`),
        impersonation: {
          allow: (_request, actor, user) => idOf(actor) === 'eve' && idOf(user) === 'ada',
          record: (_request, actor, user) => void records.push(`${idOf(actor)} became ${idOf(user)}`),
          ...impersonation,
        },
      },
    },
    routes(app, created) {
      app.post('/become/:userId', (request, response, next) => {
        created.secondFactor.impersonate(request, userOf(created, request.params.userId)).then(() => {
          response.send('done');
        }, next);
      });
    },
  });
  const factor = await host.enrol('eve');
  await host.enrol('ada');
  return {
    host,
    records,
    async login() {
      const agent = await host.signIn('eve');
      await answer(agent, factor.code());
      records.length = 0;
      return agent;
    },
    become: async (agent, userId) => (await agent.post(`/become/${userId}`)).status,
  };
}

describe('secondFactor.impersonate', () => {
  it('makes a complete session another user’s, under a new id, and it is written down', async () => {
    const { host, records, login, become } = await createSupportHost();
    const agent = await login();
    const id = sessionId(agent);
    expect(await become(agent, 'ada')).toBe(200);
    expect(await whoIs(agent)).toBe('ada');
    expect(sessionId(agent)).not.toBe(id);
    expect(await readSession(host, agent)).toMatchObject({
      secondFactor: { stamp: { userId: 'ada', proofs: {}, impersonator: { userId: 'eve', epoch: 1 } } },
    });
    expect(records).toEqual(['eve became ada']);
  });

  it('R6 proves nothing: no page of the other’s second factor opens for a change', async () => {
    const { login, become } = await createSupportHost();
    const agent = await login();
    await become(agent, 'ada');
    for (const path of ['/two-factor/setup', '/two-factor/backup-codes']) {
      expect((await agent.get(path)).text).not.toMatch(/setup-key|class="backup-code"/);
    }
    const renewal = await submit(agent, '/two-factor/backup-codes', {}, '/two-factor/disable');
    expect(renewal.headers['location']).toContain('/challenge?return_to=');
    expect((await submit(agent, '/two-factor/disable', { code: '000000' })).status).toBe(403);
  });

  it('R4 guesses nothing: neither the other’s codes nor the other’s password are looked at, and no counter moves', async () => {
    const { host, login, become } = await createSupportHost({ allow: () => true });
    let asked = 0;
    host.options.user.checkPassword = () => ((asked += 1), true);
    const agent = await login();
    await become(agent, 'ada');
    const page = '/two-factor/disable';
    for (const path of ['/two-factor/challenge', page]) {
      expect((await submit(agent, path, { code: '000000' }, page)).status).toBe(403);
    }
    expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });

    host.clock.advance(30_000);
    const other = await login();
    await become(other, 'bob');
    const proof = '/two-factor/challenge?return_to=%2Faccount';
    expect((await submit(other, '/two-factor/challenge', { password: 'guess' }, proof)).status).toBe(403);
    expect(asked).toBe(0);
  });

  it('R7 ends with a password change that is made in it', async () => {
    const { host, login, become } = await createSupportHost();
    host.app.post('/change-password', (request, response, next) => {
      host.secondFactor.passwordChanged('ada', request).then(() => response.send('changed'), next);
    });
    const agent = await login();
    await become(agent, 'ada');
    expect((await agent.post('/change-password')).text).toBe('changed');
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('R7 ends with a change of either user', async () => {
    for (const changed of ['ada', 'eve']) {
      const { host, login, become } = await createSupportHost();
      const agent = await login();
      await become(agent, 'ada');
      await host.secondFactor.passwordChanged(changed);
      expect(await whoIs(agent)).toBe('nobody');
    }
  });

  it('ends with a logout', async () => {
    const { login, become } = await createSupportHost();
    const agent = await login();
    await become(agent, 'ada');
    await agent.post('/logout');
    expect(await whoIs(agent)).toBe('nobody');
  });

  it.each<[string, Partial<ImpersonationOptions>, number]>([
    ['that the host refuses', { allow: () => false }, 403],
    ['that the host answers with something else than true', { allow: () => 'yes' as never }, 403],
    ['whose check fails', { allow: () => Promise.reject(new Error('away')) }, 500],
    ['that cannot be written down', { record: () => Promise.reject(new Error('disk full')) }, 500],
  ])('R1 one %s changes nothing', async (_what, options, status) => {
    const { login, become } = await createSupportHost(options);
    const agent = await login();
    expect(await become(agent, 'ada')).toBe(status);
    expect(await whoIs(agent)).toBe('eve');
  });

  it('R2 is for complete sessions alone, of somebody else, and not twice', async () => {
    const { host, records, login, become } = await createSupportHost({ allow: () => true });
    const pending = await host.signIn('eve');
    for (const agent of [host.agent(), pending]) {
      expect(await become(agent, 'ada')).toBe(403);
      expect(await whoIs(agent)).toBe('nobody');
    }
    const agent = await login();
    expect(await become(agent, 'eve')).toBe(403);
    await become(agent, 'ada');
    expect(await become(agent, 'bob')).toBe(403);
    expect(await whoIs(agent)).toBe('ada');
    expect(records).toEqual(['eve became ada']);
  });

  it('R7 does not outlive a session that ends while the host is asked', async () => {
    let end = async (): Promise<void> => {};
    const { host, login, become } = await createSupportHost({
      async record() {
        await end();
      },
    });
    for (const ending of ['logout', 'password'] as const) {
      host.clock.advance(30_000);
      const agent = await login();
      const thief = copyAgent(host, agent);
      end = async () => {
        if (ending === 'logout') await agent.post('/logout');
        else await host.secondFactor.passwordChanged('eve');
      };
      expect(await become(thief, 'ada')).not.toBe(200);
      expect(await whoIs(thief)).toBe('nobody');
    }
  });

  it('is off by default, and says how it is switched on', async () => {
    const host = await createHost({
      routes(app, created) {
        app.post('/become/:userId', (request, response, next) => {
          created.secondFactor.impersonate(request, userOf(created, 'ada')).catch(next);
        });
      },
    });
    const reply = await (await host.signIn('eve')).post('/become/ada');
    expect([reply.status, reply.text.includes('options.login.impersonation')]).toEqual([500, true]);
  });
});
