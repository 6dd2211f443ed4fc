import type { Request } from 'express';
import type { FirstFactor, RequestSecondFactor, SecondFactorOptions } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  type Host,
  readSession,
  sendPassword,
  setUpFactor,
  signInWhole,
  stepUp,
  submit,
  userOf,
  writeSession,
} from '../helpers/host.js';

const MINUTE = 60_000;
const ACR = { oneFactor: 'https://id.example/acr/one', twoFactors: 'https://id.example/acr/two' };

type Seen = RequestSecondFactor | undefined;

/** What the requests of a host have seen, by the place where they looked. */
interface Watched {
  host: Host;
  seen: Record<string, Seen>;
}

/** A host that names its levels, with a login of each kind, and that looks at `req.secondFactor` wherever it can. */
async function createWatchedHost(options: Partial<SecondFactorOptions> = {}): Promise<Watched> {
  const seen: Record<string, Seen> = {};
  const look = (place: string, request: Request): void => {
    seen[place] = request.secondFactor;
  };
  const host = await createHost({
    options: { assurance: { acr: ACR }, ...options },
    first(app) {
      app.use((request, _response, next) => {
        look('before', request);
        next();
      });
    },
    routes(app, created) {
      app.get('/assurance', (request, response) => {
        response.json(request.secondFactor);
      });
      app.post('/mail-link/:userId', (request, response, next) => {
        request.logIn(userOf(created, request.params.userId), (error?: unknown) => {
          look('after logIn', request);
          if (error) next(error);
          else response.send('in');
        });
      });
      app.post('/leave', (request, response, next) => {
        request.logout((error?: unknown) => {
          look('after logout', request);
          if (error) next(error);
          else response.send('out');
        });
      });
      app.post('/become/:userId', (request, response, next) => {
        created.secondFactor
          .impersonate(request, userOf(created, request.params.userId))
          .then(() => response.send('done'), next);
      });
    },
  });
  return { host, seen };
}

const assuranceOf = async (agent: Agent): Promise<unknown> => (await agent.get('/assurance')).body;

const seconds = (time: number): number => Math.floor(time / 1000);

describe('req.secondFactor of a complete login', () => {
  it('is one factor after the password alone', async () => {
    const { host } = await createWatchedHost();
    const at = host.clock();
    const agent = await host.signIn('bob');
    host.clock.advance(MINUTE);
    expect(await assuranceOf(agent)).toEqual({
      ...{ state: 'complete', userId: 'bob', amr: ['pwd'], acr: ACR.oneFactor },
      ...{ authTime: seconds(at), proofs: { pwd: at }, epoch: 0 },
    });
  });

  it('is two after a TOTP code, at the time of the code', async () => {
    const { host } = await createWatchedHost();
    const factor = await host.enrol('ada');
    const began = host.clock();
    const agent = await host.signIn('ada');
    host.clock.advance(MINUTE);
    const at = host.clock();
    await answer(agent, factor.code());
    expect(await assuranceOf(agent)).toEqual({
      ...{ state: 'complete', userId: 'ada', amr: ['pwd', 'otp', 'mfa'], acr: ACR.twoFactors },
      ...{ authTime: seconds(at), proofs: { pwd: began, totp: at }, epoch: 1 },
    });
  });

  it('is two after a backup code: a one-time password as well, told apart by the proofs', async () => {
    const { host } = await createWatchedHost();
    const { backupCodes } = await host.enrol('ada');
    const at = host.clock();
    const agent = await signInWhole(host, 'ada', backupCodes[0] ?? '');
    expect(await assuranceOf(agent)).toMatchObject({
      ...{ amr: ['pwd', 'otp', 'mfa'], acr: ACR.twoFactors },
      proofs: { pwd: at, 'backup-code': at },
    });
  });

  it('names a one-time password once, whichever codes were given', async () => {
    const { host } = await createWatchedHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    await stepUp(agent, factor.backupCodes[0] ?? '');
    expect(await assuranceOf(agent)).toMatchObject({ amr: ['pwd', 'otp', 'mfa'] });
  });

  it('R3 stays one factor after a set-up: its first code proves the authenticator, not the person', async () => {
    const { host } = await createWatchedHost();
    const at = host.clock();
    const agent = await host.signIn('bob');
    host.clock.advance(MINUTE);
    await setUpFactor(host, agent);
    expect(await assuranceOf(agent)).toMatchObject({
      ...{ amr: ['pwd'], acr: ACR.oneFactor, authTime: seconds(at) },
      proofs: { pwd: at },
    });
  });

  it('is one factor in a trusted browser', async () => {
    const { host } = await createWatchedHost({ trustedBrowsers: {} });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await submit(agent, '/two-factor/challenge', { code: factor.code(), trust: 'on' });
    await agent.post('/leave');
    host.clock.advance(MINUTE);
    const at = host.clock();
    await sendPassword(agent, 'ada');
    expect(await assuranceOf(agent)).toMatchObject({
      ...{ amr: ['pwd'], acr: ACR.oneFactor, authTime: seconds(at) },
      proofs: { pwd: at },
    });
  });

  it('is one factor where the host skips the second step, and two after a step-up there', async () => {
    const { host } = await createWatchedHost({ login: { skipSecondStep: () => true } });
    const factor = await host.enrol('ada');
    const began = host.clock();
    const agent = await host.signIn('ada');
    expect(await assuranceOf(agent)).toMatchObject({ amr: ['pwd'], acr: ACR.oneFactor });
    host.clock.advance(60 * MINUTE);
    const at = host.clock();
    await stepUp(agent, factor.code());
    expect(await assuranceOf(agent)).toMatchObject({
      ...{ amr: ['pwd', 'otp', 'mfa'], acr: ACR.twoFactors, authTime: seconds(at) },
      proofs: { pwd: began, totp: at },
    });
  });

  it('is of the time of a step-up by the password, and of no wrong one', async () => {
    const { host } = await createWatchedHost();
    const began = host.clock();
    const agent = await host.signIn('bob');
    host.clock.advance(10 * MINUTE);
    const page = '/two-factor/challenge?return_to=%2Faccount';
    await submit(agent, '/two-factor/challenge', { password: 'wrong' }, page);
    expect(await assuranceOf(agent)).toMatchObject({ authTime: seconds(began) });
    await submit(agent, '/two-factor/challenge', { password: 'bob-password' }, page);
    expect(await assuranceOf(agent)).toMatchObject({ amr: ['pwd'], authTime: seconds(host.clock()) });
  });

  it('has no time in an adopted session', async () => {
    const until = new Date((await createHost()).clock() + 1000 * MINUTE);
    for (const [firstFactor, amr] of [
      [undefined, ['pwd']],
      [() => 'swk' as const, []],
    ] as const) {
      const { host } = await createWatchedHost({
        assurance: { acr: ACR, ...(firstFactor && { firstFactor }) },
        login: { adoptUnstamped: { until } },
      });
      const agent = await host.signIn('eve');
      const { cookie } = (await readSession(host, agent))!;
      await writeSession(host, agent, { cookie, passport: { user: 'bob' } });
      expect(await assuranceOf(agent)).toEqual({
        ...{ state: 'complete', userId: 'bob', amr, acr: ACR.oneFactor, proofs: {}, epoch: 0 },
      });
    }
  });

  it('is nothing in an impersonation, and nothing of the administrator’s', async () => {
    const { host } = await createWatchedHost({
      login: { impersonation: { allow: () => true, record: () => undefined } },
    });
    const factor = await host.enrol('eve');
    const agent = await signInWhole(host, 'eve', factor.code());
    await agent.post('/become/ada');
    const worth = { state: 'complete', userId: 'ada', amr: [], proofs: {}, epoch: 0 };
    expect(await assuranceOf(agent)).toEqual(worth);
  });

  it('R7 is nothing after a revocation', async () => {
    const { host } = await createWatchedHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    await host.secondFactor.revoke('ada');
    expect(await assuranceOf(agent)).toEqual({ state: 'anonymous' });
  });

  it('R14 claims no level that the host has not named', async () => {
    const { host } = await createWatchedHost({ assurance: {} });
    const factor = await host.enrol('ada');
    expect(await assuranceOf(await host.signIn('bob'))).not.toHaveProperty('acr');
    expect(await assuranceOf(await signInWhole(host, 'ada', factor.code()))).not.toHaveProperty('acr');
  });
});

describe('assurance.firstFactor', () => {
  /** Its mail links are what somebody has, its other logins a password. */
  const byRoute = async (request: Request): Promise<FirstFactor> =>
    Promise.resolve(request.path.startsWith('/mail-link') ? 'otp' : 'pwd');

  it('names each login, at once or once its code was right', async () => {
    const { host } = await createWatchedHost({ assurance: { acr: ACR, firstFactor: () => 'fpt' } });
    const factor = await host.enrol('ada');
    expect(await assuranceOf(await host.signIn('bob'))).toMatchObject({
      amr: ['fpt'],
      acr: ACR.oneFactor,
    });
    expect(await assuranceOf(await signInWhole(host, 'ada', factor.code()))).toMatchObject({
      amr: ['fpt', 'otp', 'mfa'],
      acr: ACR.twoFactors,
    });
  });

  it.each<[FirstFactor, string[]]>([
    ['otp', ['otp']],
    ['swk', ['swk', 'otp']],
  ])('says mfa of two kinds alone: %s is another thing that one has', async (name, amr) => {
    const { host } = await createWatchedHost({ assurance: { acr: ACR, firstFactor: () => name } });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    expect(await assuranceOf(agent)).toMatchObject({ amr, acr: ACR.oneFactor });
  });

  it('goes by the login, and a password that is given later is a password', async () => {
    const { host } = await createWatchedHost({ assurance: { acr: ACR, firstFactor: byRoute } });
    expect(await assuranceOf(await host.signIn('bob'))).toMatchObject({ amr: ['pwd'] });
    const agent = host.agent();
    await agent.post('/mail-link/bob');
    expect(await assuranceOf(agent)).toMatchObject({ amr: ['otp'] });
    const page = '/two-factor/challenge?return_to=%2Faccount';
    await submit(agent, '/two-factor/challenge', { password: 'bob-password' }, page);
    expect(await assuranceOf(agent)).toMatchObject({ amr: ['pwd'], acr: ACR.oneFactor });
  });

  it('is asked again where the host’s login asks again', async () => {
    let name: FirstFactor = 'swk';
    const user = { id: idOf, label: idOf, reauthenticate: '/login' };
    const { host } = await createWatchedHost({ user, assurance: { firstFactor: () => name } });
    const agent = await host.signIn('bob');
    host.clock.advance(MINUTE);
    name = 'pin';
    await sendPassword(agent, 'bob');
    expect(await assuranceOf(agent)).toMatchObject({ amr: ['pin'], authTime: seconds(host.clock()) });
  });

  it.each(['mfa', 'password', 'toString', undefined, ['pwd']])(
    'R1 that answers %o logs nobody in',
    async (name) => {
      const { host } = await createWatchedHost({ assurance: { firstFactor: () => name as never } });
      await host.enrol('ada');
      for (const userId of ['ada', 'bob']) {
        const agent = host.agent();
        expect((await sendPassword(agent, userId)).status).toBe(500);
        expect(await assuranceOf(agent)).toEqual({ state: 'anonymous' });
      }
    },
  );
});

describe('req.secondFactor at each moment', () => {
  it('R2 says of a pending login that there is one, and nothing else', async () => {
    const { host } = await createWatchedHost();
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect(await assuranceOf(agent)).toEqual({ state: 'pending' });
    host.clock.advance(10 * MINUTE);
    expect(await assuranceOf(agent)).toEqual({ state: 'anonymous' });
  });

  it('is not there above Passport, anonymous for nobody, and turns with logIn, login.after and logout', async () => {
    const inAfter: Seen[] = [];
    const { host, seen } = await createWatchedHost({
      login: { after: (request) => void inAfter.push(request.secondFactor) },
    });
    const agent = host.agent();
    expect(await assuranceOf(agent)).toEqual({ state: 'anonymous' });
    await agent.post('/mail-link/bob');
    expect(seen['after logIn']).toMatchObject({ state: 'complete', userId: 'bob', amr: ['pwd'] });
    expect(inAfter).toEqual([seen['after logIn']]);
    await agent.post('/leave');
    expect(seen['after logout']).toEqual({ state: 'anonymous' });
    expect(seen['before']).toBeUndefined();
  });

  it('R2 is pending after a logIn that was held, whoever was logged in before', async () => {
    const { host, seen } = await createWatchedHost({ login: { held: 'error' } });
    await host.enrol('ada');
    const agent = await host.signIn('bob');
    await agent.post('/mail-link/ada');
    expect(seen['after logIn']).toEqual({ state: 'pending' });
  });

  it('is anonymous again in a login.after that logs out', async () => {
    const seen: Seen[] = [];
    const { host } = await createWatchedHost({
      login: {
        after: (request) =>
          new Promise((resolve) => {
            request.logout(() => {
              seen.push(request.secondFactor);
              resolve();
            });
          }),
      },
    });
    await host.agent().post('/mail-link/bob');
    expect(seen).toEqual([{ state: 'anonymous' }]);
  });

  it('R1 is not that of another login without a session, in login.after or once that has failed', async () => {
    const seen: Seen[] = [];
    const become = (request: Request, userId: string): Promise<void> =>
      new Promise((resolve) => {
        request.logIn(userOf(host, userId), { session: false }, () => {
          seen.push(request.secondFactor);
          resolve();
        });
      });
    const { host } = await createWatchedHost({
      login: {
        async after(request) {
          await become(request, 'eve');
          throw new Error('no cart');
        },
      },
    });
    host.app.post('/twice', (request, response) => {
      request.logIn(userOf(host, 'bob'), () => {
        void become(request, 'bob').then(() => response.send('done'));
      });
    });
    await host.agent().post('/twice');
    expect(seen).toEqual([{ state: 'anonymous' }, { state: 'anonymous' }]);
  });

  it('R1 is anonymous where there is no session', async () => {
    const seen: Seen[] = [];
    const host = await createHost({
      first(app, created) {
        app.use(created.passport.session(), (request, response) => {
          seen.push(request.secondFactor);
          response.send('page');
        });
      },
    });
    await host.agent().get('/');
    expect(seen).toEqual([{ state: 'anonymous' }]);
  });
});

function idOf(user: Express.User): string {
  return (user as { id: string }).id;
}
