import type { RequestHandler } from 'express';
import type { Strategy } from 'passport';
import { BackupCodeStrategy, TotpStrategy } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  type Host,
  readCounters,
  setUpFactor,
  signInWhole,
  slowly,
  stepUp,
  submit,
  submitAtOnce,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** A backup code of nobody, with a right check symbol. */
const GUESSED_BACKUP_CODE = '0000-0000-0000-0000-0000-0000';

async function guess(agent: Agent, codes: readonly string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const code of codes) statuses.push((await answer(agent, code)).status);
  return statuses;
}

/** Lets a user's TOTP lane fail as often as that takes, past all delays. */
async function failTotp(host: Host, userId: string, codes: readonly string[]): Promise<void> {
  for (const code of codes) {
    await answer(await host.signIn(userId), code);
    host.clock.advance(60 * MINUTE);
  }
}

describe('R4 somebody who knows the password and guesses codes', () => {
  it('has five answers, then needs the password again', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect(await guess(agent, wrongCodes(factor, 5))).toEqual([422, 422, 422, 422, 429]);
    const challenge = await agent.get('/two-factor/challenge');
    expect([challenge.status, challenge.headers['location']]).toEqual([303, '/login']);
    expect(
      (await agent.post('/two-factor/challenge').type('form').send({ code: factor.code() })).status,
    ).toBe(409);
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('still gets in with the right code as the fifth answer', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await guess(agent, wrongCodes(factor, 4));
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it('gets no new answers by logging in again, neither in the same session nor in another', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await guess(agent, wrongCodes(factor, 4));
    await agent.post('/login').type('form').send({ username: 'ada', password: 'ada-password' });
    expect(await guess(agent, wrongCodes(factor, 1))).toEqual([429]);

    const response = await answer(await host.signIn('ada'), factor.code());
    expect([response.status, response.headers['retry-after']]).toEqual([429, '30']);
    expect(readCounters(host, 'ada').totp).toBe(5);
    host.clock.advance(30 * SECOND);
    expect((await answer(await host.signIn('ada'), factor.code())).headers['location']).toBe('/account');
  });

  it('gets no new answers by cancelling between the guesses', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    for (const code of wrongCodes(factor, 5)) {
      const agent = await host.signIn('ada');
      await answer(agent, code);
      await submit(agent, '/two-factor/cancel', {}, '/two-factor/challenge');
    }
    expect((await answer(await host.signIn('ada'), factor.code())).status).toBe(429);
  });

  it("gets no new answers at a host's own route with the strategies", async () => {
    const host = await createHost({
      routes(app, { passport, secondFactor }) {
        const totp: Strategy = new TotpStrategy(secondFactor);
        const backupCode: Strategy = new BackupCodeStrategy(secondFactor);
        passport.use(totp).use(backupCode);
        for (const lane of ['totp', 'backup-code']) {
          app.post(
            `/${lane}`,
            passport.authenticate(lane, { successRedirect: '/account' }) as RequestHandler,
          );
        }
      },
    });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const [first, second, ...others] = wrongCodes(factor, 5);
    expect(await guess(agent, [first!, second!])).toEqual([422, 422]);
    await agent.post('/totp').send({ code: others[0] });
    await agent.post('/totp').send({ code: others[1] });
    await agent.post('/backup-code').send({ code: GUESSED_BACKUP_CODE });
    expect(readCounters(host, 'ada')).toMatchObject({ totp: 4, backupCode: 1 });
    await agent.post('/totp').send({ code: factor.code() });
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('gets no new answers when the sessions are gone', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await guess(agent, wrongCodes(factor, 5));
    await host.redis.del(await host.redis.keys(`${host.prefix}*`));
    expect((await answer(await host.signIn('ada'), factor.code())).status).toBe(429);
  });

  it('has five answers in 40 parallel ones over four logins', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agents = await Promise.all(Array.from({ length: 4 }, () => host.signIn('ada')));
    const submissions = wrongCodes(factor, 40).map((code, index) => ({
      agent: agents[index % 4]!,
      path: '/two-factor/challenge',
      fields: { code },
    }));
    const responses = await submitAtOnce(submissions);
    expect(readCounters(host, 'ada').totp).toBe(5);
    expect(
      responses.filter(({ text }) => text.includes('That code is not right')).length,
    ).toBeLessThanOrEqual(5);
  });

  it('has five answers in 20 parallel ones of one login', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const path = '/two-factor/challenge';
    const totp = wrongCodes(factor, 4).map((code) => ({ agent, path, fields: { code } }));
    const backup = Array.from({ length: 16 }, () => ({ agent, path, fields: { code: GUESSED_BACKUP_CODE } }));
    await submitAtOnce([...totp, ...backup]);
    const { totp: totpFailures, backupCode } = readCounters(host, 'ada');
    expect(totpFailures + backupCode).toBe(5);
  });

  it('waits 30 s after the fifth wrong code in a row, then twice as long each time, up to an hour', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    for (const code of wrongCodes(factor, 5)) await answer(await host.signIn('ada'), code);
    const waited: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const refused = await answer(await host.signIn('ada'), factor.code());
      expect(refused.status).toBe(429);
      const seconds = Number(refused.headers['retry-after']);
      waited.push(seconds);
      host.clock.advance(seconds * SECOND - 1);
      expect((await answer(await host.signIn('ada'), factor.code())).headers['retry-after']).toBe('1');
      host.clock.advance(1);
      expect((await answer(await host.signIn('ada'), wrongCodes(factor, 1)[0]!)).status).toBe(422);
    }
    expect(waited).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    expect(readCounters(host, 'ada').totp).toBe(15);
  });

  it('loses the login when the delay is longer than it can last', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    await failTotp(host, 'ada', wrongCodes(factor, 8));
    const agent = await host.signIn('ada');
    expect((await answer(agent, wrongCodes(factor, 1)[0]!)).status).toBe(422);
    // The ninth failure arms 8 minutes, within the 10 of the login; one minute later the next arms 16.
    const within = await answer(agent, factor.code());
    expect([within.status, within.text.includes('name="code"')]).toEqual([429, true]);
    host.clock.advance(8 * MINUTE);
    expect((await answer(agent, wrongCodes(factor, 1)[0]!)).status).toBe(422);
    const beyond = await answer(agent, factor.code());
    expect([beyond.status, beyond.headers['retry-after']]).toEqual([429, '960']);
    expect(beyond.text).not.toContain('name="code"');
    expect(beyond.text).toContain('16 minutes');
    expect((await agent.get('/two-factor/challenge')).headers['location']).toBe('/login');
  });

  it.each([' 000 000 ', '000-000', '0 0 0 0 0 0', '000\u00a0000', '000000'])(
    'cannot make %j another code than 000000: each costs one attempt',
    async (variant) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      expect(wrongCodes(factor, 1)).toEqual(['000000']);
      const agent = await host.signIn('ada');
      expect((await answer(agent, variant)).status).toBe(422);
      expect(readCounters(host, 'ada')).toMatchObject({ totp: 1, backupCode: 0 });
    },
  );

  it('cannot make a used code new by writing it in another way', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const code = factor.code();
    await signInWhole(host, 'ada', code);
    for (const variant of [`${code} `, `${code.slice(0, 3)} ${code.slice(3)}`, [...code].join('-')]) {
      const agent = await host.signIn('ada');
      expect((await answer(agent, variant)).text).toContain('used already');
      expect(await whoIs(agent)).toBe('nobody');
    }
  });
});

describe('R4 somebody who wants to keep the owner out', () => {
  it('counts nothing with wrong passwords', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    for (let round = 0; round < 20; round += 1) {
      await host.agent().post('/login').type('form').send({ username: 'ada', password: 'wrong' });
    }
    expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });
    expect(await whoIs(await signInWhole(host, 'ada', factor.code()))).toBe('ada');
  });

  it('counts nothing with malformed codes and typing errors', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const typo = factor.backupCodes[0]!.replace(/.$/, (symbol) => (symbol === '0' ? '1' : '0'));
    const inputs = ['', ' ', '12345', '123456789', 'abcdef', '12345a', '0x1234', '1e5000', '-123456.0', typo];
    expect(await guess(agent, inputs)).toEqual(inputs.map(() => 422));
    expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });

  it('cannot stop the backup codes with wrong TOTP codes, nor the other way round', async () => {
    const host = await createHost();
    const [ada, bob] = [await host.enrol('ada'), await host.enrol('bob')];
    await guess(await host.signIn('ada'), wrongCodes(ada, 5));
    await guess(
      await host.signIn('bob'),
      Array.from({ length: 5 }, () => GUESSED_BACKUP_CODE),
    );
    expect((await answer(await host.signIn('ada'), ada.code())).status).toBe(429);
    expect((await answer(await host.signIn('bob'), bob.backupCodes[0]!)).status).toBe(429);
    expect(await whoIs(await signInWhole(host, 'ada', ada.backupCodes[0]!))).toBe('ada');
    expect(await whoIs(await signInWhole(host, 'bob', bob.code()))).toBe('bob');
  });

  it('cannot stop somebody else by guessing at an own account', async () => {
    const host = await createHost();
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    await guess(await host.signIn('eve'), wrongCodes(eve, 5));
    expect(await whoIs(await signInWhole(host, 'ada', ada.code()))).toBe('ada');
  });
});

describe('R4 what resets the counters', () => {
  it('is a success in the same lane', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    await guess(agent, wrongCodes(factor, 2));
    await answer(agent, GUESSED_BACKUP_CODE);
    await answer(agent, factor.backupCodes[0]!);
    expect(readCounters(host, 'ada')).toMatchObject({ totp: 2, backupCode: 0 });
    await stepUp(agent, factor.code());
    expect(readCounters(host, 'ada')).toMatchObject({ totp: 0, backupCode: 0 });
  });

  it('is neither time, nor a used code, nor a login that was not completed', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const used = factor.code();
    await signInWhole(host, 'ada', used);
    await answer(await host.signIn('ada'), wrongCodes(factor, 1)[0]!);
    await answer(await host.signIn('ada'), used);
    expect(readCounters(host, 'ada').totp).toBe(2);
    host.clock.advance(24 * 60 * MINUTE);
    await host.signIn('ada');
    expect(readCounters(host, 'ada').totp).toBe(2);
  });
});

describe('R4 the cap', () => {
  it('suspends the lane for ever, also for the right code; the other lane still works', async () => {
    const host = await createHost({ options: { attempts: { cap: 7 } } });
    const factor = await host.enrol('ada');
    await failTotp(host, 'ada', wrongCodes(factor, 7));
    host.clock.advance(365 * 24 * 60 * MINUTE);
    const agent = await host.signIn('ada');
    const refused = await answer(agent, factor.code());
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, undefined]);
    expect((await answer(agent, factor.backupCodes[0]!)).headers['location']).toBe('/account');
    // The backup code has brought the owner in, and TOTP codes stay suspended.
    expect((await stepUp(agent, factor.code(1))).status).toBe(429);
    expect(readCounters(host, 'ada').totp).toBe(7);
  });

  it('is lifted by setting the factor up anew with a backup code', async () => {
    const host = await createHost({ options: { attempts: { cap: 5 } } });
    const factor = await host.enrol('ada');
    await failTotp(host, 'ada', wrongCodes(factor, 5));
    const owner = await signInWhole(host, 'ada', factor.backupCodes[0]!);
    await submit(owner, '/two-factor/disable', { code: factor.backupCodes[1]! });
    const renewed = await setUpFactor(host, owner);
    expect(await whoIs(await signInWhole(host, 'ada', renewed.code(1)))).toBe('ada');
    expect(await whoIs(await signInWhole(host, 'ada', factor.code(1)))).toBe('nobody');
  });

  it('suspends the backup codes in the same way', async () => {
    const host = await createHost({ options: { attempts: { cap: 5 } } });
    const factor = await host.enrol('ada');
    await failTotp(
      host,
      'ada',
      Array.from({ length: 5 }, () => GUESSED_BACKUP_CODE),
    );
    const agent = await host.signIn('ada');
    expect((await answer(agent, factor.backupCodes[0]!)).status).toBe(429);
    expect((await answer(agent, factor.code())).headers['location']).toBe('/account');
  });
});

describe('R4 somebody who guesses in a stolen complete session', () => {
  const forms: Record<string, (agent: Agent, code: string) => ReturnType<typeof stepUp>> = {
    'in the step-up': (agent, code) => stepUp(agent, code),
    'when turning off': (agent, code) => submit(agent, '/two-factor/disable', { code }),
  };

  it.each(Object.entries(forms))(
    'counts in the same lane %s, and the fifth ends the session',
    async (_, send) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await signInWhole(host, 'ada', factor.code());
      const codes = wrongCodes(factor, 5);
      for (const code of codes.slice(0, 4)) expect((await send(agent, code)).status).toBe(422);
      expect(readCounters(host, 'ada').totp).toBe(4);
      expect(await whoIs(agent)).toBe('ada');
      const last = await send(agent, codes[4]!);
      expect([429, 303]).toContain(last.status);
      expect(await whoIs(agent)).toBe('nobody');

      const login = await answer(await host.signIn('ada'), factor.code(1));
      expect([login.status, login.headers['retry-after']]).toEqual([429, '30']);
    },
  );

  it('shares five answers between step-up and turning off', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const [first, second, third, ...others] = wrongCodes(factor, 5);
    for (const code of [first, second, third]) await stepUp(agent, code!);
    for (const code of others) await submit(agent, '/two-factor/disable', { code });
    expect(await whoIs(agent)).toBe('nobody');
  });

  it('is refused while the lane is delayed, with the time to wait', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    await guess(await host.signIn('ada'), wrongCodes(factor, 5));
    for (const send of Object.values(forms)) {
      const refused = await send(agent, factor.code(1));
      expect([refused.status, refused.headers['retry-after']]).toEqual([429, '30']);
    }
    host.clock.advance(30 * SECOND);
    expect((await forms['when turning off']!(agent, factor.code())).headers['location']).toBe('/two-factor');
  });
});
