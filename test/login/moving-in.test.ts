import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  copyAgent,
  createHost,
  type Host,
  type HostParts,
  moveSession,
  readSession,
  readTables,
  sendPassword,
  setUpFactor,
  signInWhole,
  stepUp,
  type StoredSession,
  submit,
  whoIs,
  writeSession,
} from '../helpers/host.js';

const DAY = 24 * 60 * 60 * 1000;
const HOUR = 60 * 60 * 1000;

/** A host in the week of its roll-out. */
async function createMovingHost(parts: HostParts = {}): Promise<Host> {
  // The test clock stands at the same instant in each host.
  const until = new Date((await createHost()).clock() + 7 * DAY);
  return createHost({ ...parts, options: { ...parts.options, login: { adoptUnstamped: { until } } } });
}

/** An agent with a session as plain Passport wrote it before the roll-out. */
async function withOldSession(host: Host, userId: string, more: StoredSession = {}): Promise<Agent> {
  const agent = await host.signIn('eve');
  const { cookie } = (await readSession(host, agent))!;
  await writeSession(host, agent, { cookie, passport: { user: userId }, ...more });
  return agent;
}

const stampOf = (session: StoredSession | undefined): unknown =>
  (session?.['secondFactor'] as { stamp?: unknown } | undefined)?.stamp;

describe('adoptUnstamped: a session from before the roll-out', () => {
  it('goes on, stamped, with everything that the host kept in it', async () => {
    const host = await createMovingHost();
    const agent = await withOldSession(host, 'bob', { cart: ['book'] });
    expect(await whoIs(agent)).toBe('bob');
    const session = await readSession(host, agent);
    expect(session).toMatchObject({ cart: ['book'], passport: { user: 'bob' } });
    expect(stampOf(session)).toMatchObject({ userId: 'bob', epoch: 0, proofs: { pwd: 0 } });
    host.clock.advance(8 * DAY);
    expect(await whoIs(agent)).toBe('bob');
  });

  it('gets one and the same stamp from 16 parallel requests', async () => {
    const host = await createMovingHost();
    const agent = await withOldSession(host, 'bob');
    const copies = Array.from({ length: 16 }, () => copyAgent(host, agent));
    const pages = await Promise.all(copies.map((copy) => copy.get('/two-factor')));
    expect(pages.map((page) => page.status)).toEqual(copies.map(() => 200));
    const stamp = stampOf(await readSession(host, agent));
    await whoIs(agent);
    expect(stampOf(await readSession(host, agent))).toEqual(stamp);
  });

  it('R6 is no fresh proof: the password comes before a set-up', async () => {
    const host = await createMovingHost();
    const agent = await withOldSession(host, 'bob');
    expect((await agent.get('/two-factor/setup')).headers['location']).toContain('/challenge?return_to=');
    const page = '/two-factor/challenge?return_to=%2Ftwo-factor%2Fsetup';
    await submit(agent, '/two-factor/challenge', { password: 'bob-password' }, page);
    expect((await setUpFactor(host, agent)).backupCodes).toHaveLength(10);
  });

  it('R1 of somebody who has a second factor ends, and no code is asked for in it', async () => {
    const host = await createMovingHost();
    await host.enrol('ada');
    const agent = await withOldSession(host, 'ada');
    expect(await whoIs(agent)).toBe('nobody');
    expect(await readSession(host, agent)).not.toHaveProperty('passport.user');
    expect((await agent.get('/two-factor/challenge')).headers['location']).toBe('/login');
  });

  it('R1 of somebody who had one and turned it off ends, too', async () => {
    const host = await createMovingHost();
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    await submit(owner, '/two-factor/disable', { code: factor.code(1) });
    expect(readTables(host)['two_factor_auth']).toMatchObject([{ enabled_at: null, epoch: 2 }]);
    expect(await whoIs(owner)).toBe('ada');
    expect(await whoIs(await withOldSession(host, 'ada'))).toBe('nobody');
  });

  it('R7 that is older than a password change ends', async () => {
    const host = await createMovingHost();
    const [before, adopted] = [await withOldSession(host, 'bob'), await withOldSession(host, 'bob')];
    expect(await whoIs(adopted)).toBe('bob');
    await host.secondFactor.passwordChanged('bob');
    for (const agent of [before, adopted]) expect(await whoIs(agent)).toBe('nobody');
  });

  it('R7 ends when its user turns the second factor on elsewhere', async () => {
    const host = await createMovingHost();
    const old = await withOldSession(host, 'bob');
    expect(await whoIs(old)).toBe('bob');
    await setUpFactor(host, await host.signIn('bob'));
    expect(await whoIs(old)).toBe('nobody');
  });

  it.each<[string, StoredSession]>([
    ['a pending login', { secondFactor: { pending: { userId: 'bob' } } }],
    ['a stamp of somebody else', { secondFactor: { stamp: { userId: 'ada', epoch: 0 } } }],
    ['an empty stamp', { secondFactor: {} }],
    ['null', { secondFactor: null }],
    ['a flag', { secondFactor: true }],
  ])('R1 with %s in it is not from before', async (_what, forged) => {
    const host = await createMovingHost();
    expect(await whoIs(await withOldSession(host, 'bob', forged))).toBe('nobody');
  });

  it('R1 of nobody whom the host knows ends', async () => {
    const host = await createMovingHost();
    expect(await whoIs(await withOldSession(host, 'deleted'))).toBe('nobody');
  });

  it('R14 ends by default, and after the date', async () => {
    const host = await createHost();
    expect(await whoIs(await withOldSession(host, 'bob'))).toBe('nobody');
    const moving = await createMovingHost();
    moving.clock.advance(7 * DAY);
    expect(await whoIs(await withOldSession(moving, 'bob'))).toBe('nobody');
  });
});

describe('off and on again', () => {
  it('logs nobody out who logged in meanwhile, and lets nobody in after', async () => {
    const on = await createMovingHost();
    const factor = await on.enrol('ada');
    const off = await createHost({ options: { storage: on.options.storage, enabled: false } });
    const bob = await moveSession(on, await on.signIn('bob'), off);
    const ada = await moveSession(on, await signInWhole(on, 'ada', factor.code()), off);
    const half = await moveSession(on, await on.signIn('ada'), off);
    expect([await whoIs(bob), await whoIs(ada), await whoIs(half)]).toEqual(['bob', 'ada', 'nobody']);
    const late = await off.signIn('bob');

    for (const [agent, userId] of [
      [bob, 'bob'],
      [ada, 'ada'],
      [late, 'bob'],
    ] as const) {
      expect(await whoIs(await moveSession(off, agent, on))).toBe(userId);
    }
    expect((await sendPassword(on.agent(), 'ada')).headers['location']).toBe('/two-factor/challenge');
    const back = await moveSession(off, half, on);
    on.clock.advance(30_000);
    expect((await answer(back, factor.code())).headers['location']).toBe('/account');
    on.clock.advance(HOUR);
    expect((await stepUp(back, factor.code())).status).toBe(303);
  });

  it('adopts those who never had a second factor while off, and ends the others when on again', async () => {
    const on = await createMovingHost();
    await on.enrol('ada');
    const until = new Date(on.clock() + DAY);
    const off = await createHost({
      options: { storage: on.options.storage, enabled: false, login: { adoptUnstamped: { until } } },
    });
    const [bob, ada] = [await withOldSession(off, 'bob'), await withOldSession(off, 'ada')];
    expect([await whoIs(bob), await whoIs(ada)]).toEqual(['bob', 'ada']);
    expect(stampOf(await readSession(off, bob))).toMatchObject({ userId: 'bob' });
    expect(stampOf(await readSession(off, ada))).toBeUndefined();
  });
});
