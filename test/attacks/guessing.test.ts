import type { RequestHandler } from 'express';
import type { Strategy } from 'passport';
import { BackupCodeStrategy, TotpStrategy } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import { atOnce, eachFace, type Face, faces, type Kind, setUp, tally } from '../helpers/faces.js';
import {
  type Agent,
  createHost,
  type Host,
  readCounters,
  slowly,
  stolenSession,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** A backup code of nobody, with a right check symbol. */
const GUESSED_BACKUP_CODE = '0000-0000-0000-0000-0000-0000';

async function guess(face: Face, agent: Agent, codes: readonly string[]): Promise<Kind[]> {
  const kinds: Kind[] = [];
  for (const code of codes) kinds.push((await face.answer(agent, code)).kind);
  return kinds;
}

/** Lets a user's TOTP lane fail as often as that takes, past all delays. */
async function failTotp(face: Face, host: Host, userId: string, codes: readonly string[]): Promise<void> {
  for (const code of codes) {
    await face.answer(await host.signIn(userId), code);
    host.clock.advance(60 * MINUTE);
  }
}

describe.each(eachFace)('over the %s', (_, face) => {
  describe('R4 somebody who knows the password and guesses codes', () => {
    it('has five answers, then needs the password again', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      expect(await guess(face, agent, wrongCodes(factor, 5))).toEqual([
        'wrong',
        'wrong',
        'wrong',
        'wrong',
        'exhausted',
      ]);
      expect((await face.answer(agent, factor.code())).kind).toBe('login-required');
      expect(await whoIs(agent)).toBe('nobody');
    });

    it('still gets in with the right code as the fifth answer', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      await guess(face, agent, wrongCodes(factor, 4));
      expect((await face.answer(agent, factor.code())).kind).toBe('accepted');
    });

    it('gets no new answers by logging in again, neither in the same session nor in another', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      await guess(face, agent, wrongCodes(factor, 4));
      await agent.post('/login').type('form').send({ username: 'ada', password: 'ada-password' });
      expect(await guess(face, agent, wrongCodes(factor, 1))).toEqual(['exhausted']);

      const { status, kind, retryAfter } = await face.answer(await host.signIn('ada'), factor.code());
      expect([status, kind, retryAfter]).toEqual([429, 'delayed', 30]);
      expect(readCounters(host, 'ada').totp).toBe(5);
      host.clock.advance(30 * SECOND);
      expect((await face.answer(await host.signIn('ada'), factor.code())).kind).toBe('accepted');
    });

    it('gets no new answers by cancelling between the guesses', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      for (const code of wrongCodes(factor, 5)) {
        const agent = await host.signIn('ada');
        await face.answer(agent, code);
        await face.cancel(agent);
      }
      expect((await face.answer(await host.signIn('ada'), factor.code())).kind).toBe('delayed');
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
      expect(await guess(face, agent, [first!, second!])).toEqual(['wrong', 'wrong']);
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
      await guess(face, agent, wrongCodes(factor, 5));
      await host.redis.del(await host.redis.keys(`${host.prefix}*`));
      expect((await face.answer(await host.signIn('ada'), factor.code())).kind).toBe('delayed');
    });

    it('has five answers in 40 parallel ones over four logins', async () => {
      const host = await createHost({ wrapStorage: slowly });
      const factor = await host.enrol('ada');
      const agents = await Promise.all(Array.from({ length: 4 }, () => host.signIn('ada')));
      const codes = wrongCodes(factor, 40);
      const outcomes = await atOnce(
        codes.map((code, index) => [face, agents[index % 4]!, { does: 'answer', code }]),
      );
      expect(readCounters(host, 'ada').totp).toBe(5);
      expect(tally(outcomes).wrong).toBeLessThanOrEqual(5);
    });

    it('has five answers in 20 parallel ones of one login', async () => {
      const host = await createHost({ wrapStorage: slowly });
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      const codes = [...wrongCodes(factor, 4), ...Array.from({ length: 16 }, () => GUESSED_BACKUP_CODE)];
      await atOnce(codes.map((code) => [face, agent, { does: 'answer', code }]));
      const { totp: totpFailures, backupCode } = readCounters(host, 'ada');
      expect(totpFailures + backupCode).toBe(5);
    });

    it('waits 30 s after the fifth wrong code in a row, then twice as long each time, up to an hour', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      for (const code of wrongCodes(factor, 5)) await face.answer(await host.signIn('ada'), code);
      const waited: number[] = [];
      for (let round = 0; round < 10; round += 1) {
        const refused = await face.answer(await host.signIn('ada'), factor.code());
        expect([refused.status, refused.kind]).toEqual([429, 'delayed']);
        const seconds = refused.retryAfter!;
        waited.push(seconds);
        host.clock.advance(seconds * SECOND - 1);
        expect((await face.answer(await host.signIn('ada'), factor.code())).retryAfter).toBe(1);
        host.clock.advance(1);
        expect((await face.answer(await host.signIn('ada'), wrongCodes(factor, 1)[0]!)).kind).toBe('wrong');
      }
      expect(waited).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
      expect(readCounters(host, 'ada').totp).toBe(15);
    });

    it('loses the login when the delay is longer than it can last', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      await failTotp(face, host, 'ada', wrongCodes(factor, 8));
      const agent = await host.signIn('ada');
      expect((await face.answer(agent, wrongCodes(factor, 1)[0]!)).kind).toBe('wrong');
      // The ninth failure arms 8 minutes, within the 10 of the login; one minute later the next arms 16.
      const within = await face.answer(agent, factor.code());
      expect([within.status, within.kind]).toEqual([429, 'delayed']);
      expect(within.response.text.includes('name="code"')).toBe(face.name === 'pages');
      host.clock.advance(8 * MINUTE);
      expect((await face.answer(agent, wrongCodes(factor, 1)[0]!)).kind).toBe('wrong');
      const beyond = await face.answer(agent, factor.code());
      expect([beyond.kind, beyond.retryAfter]).toEqual(['delayed', 960]);
      expect(beyond.response.text).not.toContain('name="code"');
      expect(beyond.response.text).toContain('16 minutes');
      expect((await agent.get('/two-factor/challenge')).headers['location']).toBe('/login');
      expect((await face.answer(agent, factor.code())).kind).toBe('login-required');
    });

    it.each([' 000 000 ', '000-000', '0 0 0 0 0 0', '000\u00a0000', '000000'])(
      'cannot make %j another code than 000000: each costs one attempt',
      async (variant) => {
        const host = await createHost();
        const factor = await host.enrol('ada');
        expect(wrongCodes(factor, 1)).toEqual(['000000']);
        const agent = await host.signIn('ada');
        expect((await face.answer(agent, variant)).kind).toBe('wrong');
        expect(readCounters(host, 'ada')).toMatchObject({ totp: 1, backupCode: 0 });
      },
    );

    it('cannot make a used code new by writing it in another way', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const code = factor.code();
      await face.signInWhole(host, 'ada', code);
      for (const variant of [`${code} `, `${code.slice(0, 3)} ${code.slice(3)}`, [...code].join('-')]) {
        const agent = await host.signIn('ada');
        expect((await face.answer(agent, variant)).kind).toBe('used');
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
      expect(await whoIs(await face.signInWhole(host, 'ada', factor.code()))).toBe('ada');
    });

    it('counts nothing with malformed codes and typing errors', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      const typo = factor.backupCodes[0]!.replace(/.$/, (symbol) => (symbol === '0' ? '1' : '0'));
      const inputs = [
        '',
        ' ',
        '12345',
        '123456789',
        'abcdef',
        '12345a',
        '0x1234',
        '1e5000',
        '-123456.0',
        typo,
      ];
      const kinds = inputs.map((input) => (input === typo ? 'mistyped' : 'malformed'));
      expect(await guess(face, agent, inputs)).toEqual(kinds);
      expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });
      expect((await face.answer(agent, factor.code())).kind).toBe('accepted');
    });

    it('cannot stop the backup codes with wrong TOTP codes, nor the other way round', async () => {
      const host = await createHost();
      const [ada, bob] = [await host.enrol('ada'), await host.enrol('bob')];
      await guess(face, await host.signIn('ada'), wrongCodes(ada, 5));
      await guess(
        face,
        await host.signIn('bob'),
        Array.from({ length: 5 }, () => GUESSED_BACKUP_CODE),
      );
      expect((await face.answer(await host.signIn('ada'), ada.code())).kind).toBe('delayed');
      expect((await face.answer(await host.signIn('bob'), bob.backupCodes[0]!)).kind).toBe('delayed');
      expect(await whoIs(await face.signInWhole(host, 'ada', ada.backupCodes[0]!))).toBe('ada');
      expect(await whoIs(await face.signInWhole(host, 'bob', bob.code()))).toBe('bob');
    });

    it('cannot stop somebody else by guessing at an own account', async () => {
      const host = await createHost();
      const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
      await guess(face, await host.signIn('eve'), wrongCodes(eve, 5));
      expect(await whoIs(await face.signInWhole(host, 'ada', ada.code()))).toBe('ada');
    });
  });

  describe('R4 what resets the counters', () => {
    it('is a success in the same lane', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = await host.signIn('ada');
      await guess(face, agent, wrongCodes(factor, 2));
      await face.answer(agent, GUESSED_BACKUP_CODE);
      await face.answer(agent, factor.backupCodes[0]!);
      expect(readCounters(host, 'ada')).toMatchObject({ totp: 2, backupCode: 0 });
      await face.answer(agent, factor.code());
      expect(readCounters(host, 'ada')).toMatchObject({ totp: 0, backupCode: 0 });
    });

    it('is neither time, nor a used code, nor a login that was not completed', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const used = factor.code();
      await face.signInWhole(host, 'ada', used);
      await face.answer(await host.signIn('ada'), wrongCodes(factor, 1)[0]!);
      await face.answer(await host.signIn('ada'), used);
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
      await failTotp(face, host, 'ada', wrongCodes(factor, 7));
      host.clock.advance(365 * 24 * 60 * MINUTE);
      const agent = await host.signIn('ada');
      const refused = await face.answer(agent, factor.code());
      expect([refused.status, refused.kind, refused.retryAfter]).toEqual([429, 'suspended', undefined]);
      expect((await face.answer(agent, factor.backupCodes[0]!)).kind).toBe('accepted');
      // The backup code has brought the owner in, and TOTP codes stay suspended.
      expect((await face.answer(agent, factor.code(1))).kind).toBe('suspended');
      expect(readCounters(host, 'ada').totp).toBe(7);
    });

    it('is lifted by setting the factor up anew with a backup code', async () => {
      const host = await createHost({ options: { attempts: { cap: 5 } } });
      const factor = await host.enrol('ada');
      await failTotp(face, host, 'ada', wrongCodes(factor, 5));
      const owner = await face.signInWhole(host, 'ada', factor.backupCodes[0]!);
      await face.disable(owner, factor.backupCodes[1]!);
      const renewed = await setUp(face, host, owner);
      expect(await whoIs(await face.signInWhole(host, 'ada', renewed.code(1)))).toBe('ada');
      expect(await whoIs(await face.signInWhole(host, 'ada', factor.code(1)))).toBe('nobody');
    });

    it('suspends the backup codes in the same way', async () => {
      const host = await createHost({ options: { attempts: { cap: 5 } } });
      const factor = await host.enrol('ada');
      await failTotp(
        face,
        host,
        'ada',
        Array.from({ length: 5 }, () => GUESSED_BACKUP_CODE),
      );
      const agent = await host.signIn('ada');
      expect((await face.answer(agent, factor.backupCodes[0]!)).kind).toBe('suspended');
      expect((await face.answer(agent, factor.code())).kind).toBe('accepted');
    });
  });

  describe('R4 somebody who guesses in a stolen complete session', () => {
    const moves = [
      ['in the step-up', face.answer],
      ['when turning off', face.disable],
    ] as const;

    it.each(moves)('counts in the same lane %s, and the fifth ends the session', async (_name, send) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = stolenSession(host, await face.signInWhole(host, 'ada', factor.code()));
      const codes = wrongCodes(factor, 5);
      for (const code of codes.slice(0, 4)) expect((await send(agent, code)).kind).toBe('wrong');
      expect(readCounters(host, 'ada').totp).toBe(4);
      expect(await whoIs(agent)).toBe('ada');
      const last = await send(agent, codes[4]!);
      expect(['exhausted', 'login-required']).toContain(last.kind);
      expect(await whoIs(agent)).toBe('nobody');

      const login = await face.answer(await host.signIn('ada'), factor.code(1));
      expect([login.kind, login.retryAfter]).toEqual(['delayed', 30]);
    });

    it('shares five answers between step-up and turning off', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = stolenSession(host, await face.signInWhole(host, 'ada', factor.code()));
      const [first, second, third, ...others] = wrongCodes(factor, 5);
      for (const code of [first, second, third]) await face.answer(agent, code!);
      for (const code of others) await face.disable(agent, code);
      expect(await whoIs(agent)).toBe('nobody');
    });

    it('is refused while the lane is delayed, with the time to wait', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const agent = stolenSession(host, await face.signInWhole(host, 'ada', factor.code()));
      await guess(face, await host.signIn('ada'), wrongCodes(factor, 5));
      for (const [, send] of moves) {
        const refused = await send(agent, factor.code(1));
        expect([refused.kind, refused.retryAfter]).toEqual(['delayed', 30]);
      }
      host.clock.advance(30 * SECOND);
      expect((await face.disable(agent, factor.code())).kind).toBe('accepted');
    });
  });
});

it('R4 somebody whose login has ended by guessing gets a page that says so', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  await guess(faces.pages, agent, wrongCodes(factor, 5));
  const challenge = await agent.get('/two-factor/challenge');
  expect([challenge.status, challenge.headers['location']]).toEqual([303, '/login']);
  const late = await agent.post('/two-factor/challenge').type('form').send({ code: factor.code() });
  expect(late.status).toBe(409);
  expect(await whoIs(agent)).toBe('nobody');
});

describe('R4 somebody who guesses on both faces by turns', () => {
  it('has five answers in one login', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const codes = wrongCodes(factor, 5);
    for (const [index, code] of codes.entries()) {
      const face = index % 2 === 0 ? faces.API : faces.pages;
      expect((await face.answer(agent, code)).kind).toBe(index < 4 ? 'wrong' : 'exhausted');
    }
    expect((await faces.API.answer(await host.signIn('ada'), factor.code())).kind).toBe('delayed');
    expect((await faces.pages.answer(await host.signIn('ada'), factor.code())).kind).toBe('delayed');
  });

  it('has five answers in one stolen session, whatever is answered', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await faces.pages.signInWhole(host, 'ada', factor.code());
    const [first, second, third, fourth, fifth] = wrongCodes(factor, 5);
    await faces.API.answer(agent, first!);
    await faces.pages.answer(agent, second!);
    await faces.API.disable(agent, third!);
    await faces.pages.disable(agent, fourth!);
    expect(await whoIs(agent)).toBe('ada');
    await faces.API.answer(agent, fifth!);
    expect(await whoIs(agent)).toBe('nobody');
  });
});
