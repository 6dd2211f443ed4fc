import { describe, expect, it } from 'vitest';
import {
  type Agent,
  API,
  createHost,
  ORIGIN,
  readTables,
  setUpFactor,
  signInWhole,
  slowly,
  submit,
  whoIs,
} from '../helpers/host.js';

const elsewhere: Record<string, (agent: Agent) => PromiseLike<{ status: number }>> = {
  pages: (agent) => submit(agent, '/two-factor/sign-out-elsewhere', {}, '/two-factor'),
  API: (agent) => agent.post(`${API}/sign-out-elsewhere/me`).set('Origin', ORIGIN).send({}),
};

describe.each(Object.entries(elsewhere))('R7 "Sign out everywhere else" (%s)', (_face, send) => {
  it('ends all other sessions and pending logins, and keeps this one', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const [mine, thief] = [
      await signInWhole(host, 'ada', factor.code()),
      await signInWhole(host, 'ada', factor.code(1)),
    ];
    const parked = await host.signIn('ada');
    expect([303, 200]).toContain((await send(mine)).status);
    expect([await whoIs(mine), await whoIs(thief)]).toEqual(['ada', 'nobody']);
    expect((await parked.get(`${API}/session`)).body.state).toBe('pending');
    host.clock.advance(60_000);
    const late = await parked.post(`${API}/verify/me`).set('Origin', ORIGIN).send({ code: factor.code() });
    expect([late.status, late.body.code]).toEqual([401, 'login-expired']);
  });

  it('sent by four sessions at once keeps one of them, and tells the others the truth', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agents = [
      await signInWhole(host, 'ada', factor.code(-1)),
      await signInWhole(host, 'ada', factor.code()),
      await signInWhole(host, 'ada', factor.code(1)),
      await signInWhole(host, 'ada', factor.backupCodes[0]!),
    ];
    const statuses = (await Promise.all(agents.map(send))).map(({ status }) => status);
    const users = await Promise.all(agents.map(whoIs));
    expect(users.filter((user) => user === 'ada')).toHaveLength(1);
    if (_face === 'API') expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  });
});

describe('secondFactor.revoke', () => {
  it('ends all sessions of one user and no other', async () => {
    const host = await createHost();
    const [ada, bob] = [await host.signIn('ada'), await host.signIn('bob')];
    await host.secondFactor.revoke('ada');
    expect([await whoIs(ada), await whoIs(bob)]).toEqual(['nobody', 'bob']);
    await expect(host.secondFactor.revoke('')).rejects.toMatchObject({ code: 'configuration-invalid' });
  });
});

describe('secondFactor.forget', () => {
  it('keeps nothing of a deleted user, and gives old sessions to nobody who gets the id again', async () => {
    const host = await createHost();
    const [old, untouched] = [await host.signIn('ada'), await host.signIn('bob')];
    await setUpFactor(host, old);
    const neverEnrolled = await host.signIn('eve');
    for (const id of ['ada', 'eve']) await host.secondFactor.forget(id);
    const { two_factor_auth: accounts, ...rest } = readTables(host);
    // Migrations and canaries of keys are of nobody.
    expect({ ...rest, two_factor_migrations: [], two_factor_keys: [] }).toEqual(
      Object.fromEntries(Object.keys(rest).map((table) => [table, []])),
    );
    expect(accounts).toMatchObject([
      { user_id: 'ada', epoch: 2, enabled_at: null },
      { user_id: 'eve', epoch: 1, enabled_at: null },
    ]);
    expect([await whoIs(old), await whoIs(neverEnrolled), await whoIs(untouched)]).toEqual([
      'nobody',
      'nobody',
      'bob',
    ]);
    // Somebody new gets the id.
    const renewed = await host.signIn('ada');
    expect(await whoIs(renewed)).toBe('ada');
    expect((await setUpFactor(host, renewed)).backupCodes).toHaveLength(10);
  });
});
