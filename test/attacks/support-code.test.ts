import { randomBytes } from 'node:crypto';
import type { SupportCodeOptions } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import { atOnce, eachFace, faces, setUp, tally } from '../helpers/faces.js';
import {
  type Agent,
  createHost,
  type Host,
  readCounters,
  readSessions,
  readTables,
  signInWhole,
  slowly,
  submit,
  whoIs,
} from '../helpers/host.js';

const MINUTE = 60_000;
/** A code of nobody, with a right check symbol. */
const GUESSED = '0000-0000-0000-0000-0000-0000';

/** What an administrator reads out. */
async function give(host: Host, userId = 'ada', options: Partial<SupportCodeOptions> = {}): Promise<string> {
  const { service } = host.secondFactor;
  const issued = await service.issueSupportCode(userId, { reason: 'lost phone', ...options });
  if (issued.kind !== 'issued') throw new Error(`Not issued: ${issued.kind}`);
  return issued.code;
}

describe.each(eachFace)('over the %s', (_, face) => {
  /** Tries a code at a fresh login. */
  const tryIn = async (host: Host, code: string, userId = 'ada') =>
    (await face.answer(await host.signIn(userId), code)).kind;

  describe('R3 somebody who has heard a support code', () => {
    it('cannot use it after its owner, at a login, as a proof or to turn the second factor off', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const code = await give(host);
      const owner = await face.signInWhole(host, 'ada', code);
      expect(await whoIs(owner)).toBe('ada');
      const thief = await host.signIn('ada');
      expect((await face.answer(thief, code)).kind).toBe('wrong');
      expect((await face.answer(owner, code)).kind).toBe('wrong');
      expect((await face.disable(owner, code)).kind).toBe('wrong');
      expect(await whoIs(thief)).toBe('nobody');
      // It was none of the set.
      expect(await face.readLeft(owner)).toBe('10 of 10');
    });

    it('cannot buy more logins by trusting the browser with it', async () => {
      const host = await createHost({ options: { trustedBrowsers: {} } });
      await host.enrol('ada');
      const agent = await host.signIn('ada');
      expect((await face.answerAndTrust(agent, await give(host))).kind).toBe('accepted');
      expect(await whoIs(agent)).toBe('ada');
      expect(readTables(host)['two_factor_trusted_browsers']).toEqual([]);
    });

    it('cannot use it in 16 sessions in the same instant: one login', async () => {
      const host = await createHost({ wrapStorage: slowly });
      await host.enrol('ada');
      const code = await give(host);
      const agents = await Promise.all(Array.from({ length: 16 }, () => host.signIn('ada')));
      const outcomes = await atOnce(agents.map((agent) => [face, agent, { does: 'answer', code }]));
      expect(tally(outcomes).accepted).toBe(1);
      const users = await Promise.all(agents.map(whoIs));
      expect(users.filter((user) => user === 'ada')).toHaveLength(1);
    });

    it('cannot use it for a proof and for turning off in the same instant: one of both', async () => {
      const host = await createHost({ wrapStorage: slowly });
      const factor = await host.enrol('ada');
      const agents = await Promise.all(
        factor.backupCodes.slice(0, 6).map((backupCode) => face.signInWhole(host, 'ada', backupCode)),
      );
      const code = await give(host);
      const outcomes = await atOnce(
        agents.map((agent, index) => [face, agent, { does: index % 2 === 0 ? 'answer' : 'disable', code }]),
      );
      expect(tally(outcomes).accepted).toBe(1);
    });

    it('cannot use it without the password', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const code = await give(host);
      const stranger = host.agent();
      expect((await face.answer(stranger, code)).kind).not.toBe('accepted');
      expect(await whoIs(stranger)).toBe('nobody');
      expect(await tryIn(host, code)).toBe('accepted');
    });

    it("cannot use it at another user's login, and does not use it up there", async () => {
      const host = await createHost();
      await Promise.all([host.enrol('ada'), host.enrol('eve')]);
      const code = await give(host);
      const thief = await host.signIn('eve');
      expect((await face.answer(thief, code)).kind).toBe('wrong');
      expect(await whoIs(thief)).toBe('nobody');
      expect(await tryIn(host, code)).toBe('accepted');
    });

    it("cannot make it another user's by moving its row in the database", async () => {
      const host = await createHost();
      await Promise.all([host.enrol('ada'), host.enrol('eve')]);
      const code = await give(host, 'eve');
      host.database.exec("UPDATE two_factor_pending SET user_id = 'ada' WHERE purpose = 'support-code'");
      expect(await tryIn(host, code)).toBe('wrong');
      expect(await tryIn(host, code, 'eve')).toBe('wrong');
    });
  });

  describe('R5 a support code', () => {
    it('works until it expires, and not at that instant', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const first = await give(host);
      host.clock.advance(15 * MINUTE - 1);
      expect(await tryIn(host, first)).toBe('accepted');
      const second = await give(host, 'ada', { lifetime: MINUTE });
      host.clock.advance(MINUTE);
      expect(await tryIn(host, second)).toBe('wrong');
    });

    it('works for a whole day where it was given for one, also when rows are purged meanwhile', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const code = await give(host, 'ada', { lifetime: 24 * 60 * MINUTE });
      host.clock.advance(24 * 60 * MINUTE - 1);
      await host.options.storage.purgePending(host.clock());
      expect(await tryIn(host, code)).toBe('accepted');
    });

    it('ends where another one is issued', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const [first, second] = [await give(host), await give(host)];
      expect(await tryIn(host, first)).toBe('wrong');
      expect(await tryIn(host, second)).toBe('accepted');
      expect(await tryIn(host, first)).toBe('wrong');
    });

    it('may be typed as a backup code may; a typing error costs nothing', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const code = await give(host);
      expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
      const agent = await host.signIn('ada');
      const mistyped = code.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
      expect((await face.answer(agent, mistyped)).kind).toBe('mistyped');
      expect(readCounters(host, 'ada').backupCode).toBe(0);
      expect((await face.answer(agent, ` ${code.toLowerCase().replaceAll('-', ' ')} `)).kind).toBe(
        'accepted',
      );
    });

    it('gets in whom it was given to where there are no backup codes', async () => {
      const host = await createHost();
      const rows = [{ userId: 'ada', secret: randomBytes(20) }];
      for await (const { kind } of host.secondFactor.service.import(rows)) expect(kind).toBe('imported');
      expect(await tryIn(host, GUESSED)).toBe('wrong');
      expect(await tryIn(host, await give(host))).toBe('accepted');
    });

    it('gets in whom it was given to where the key of secrets and backup codes is lost', async () => {
      const host = await createHost();
      await host.enrol('ada');
      for (const [table, column] of [
        ['authenticators', 'sealed_secret'],
        ['backup_sets', 'sealed_key'],
      ])
        host.database.exec(`UPDATE two_factor_${table} SET ${column} = 'lost.' || ${column}`);
      const keys = [...(host.options.keys as never[]), { id: 'lost', lost: true } as const];
      const after = await createHost({ options: { keys, storage: host.options.storage } });
      expect(await tryIn(after, await give(after))).toBe('accepted');
    });
  });

  describe('R7 a support code', () => {
    const changes: [string, (host: Host, owner: Agent, codes: string[]) => Promise<unknown>][] = [
      ['a changed password', (host) => host.secondFactor.passwordChanged('ada')],
      ['“sign out everywhere”', (host) => host.secondFactor.revoke('ada')],
      ['another authenticator', (host, owner) => setUp(face, host, owner)],
      [
        'new backup codes',
        async (_host, owner) => {
          await face.proposeCodes(owner);
          await face.saveCodes(owner);
        },
      ],
      [
        'a reset, and a second factor that is set up afterwards',
        async (host) => {
          await host.secondFactor.service.reset('ada', 'grace', 'lost phone');
          await host.enrol('ada');
        },
      ],
      [
        'turning off and on again',
        async (host, owner, [code = '']) => {
          await face.disable(owner, code);
          await host.enrol('ada');
        },
      ],
    ];

    it.each(changes)('is dead after %s', async (_name, change) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const owner = await face.signInWhole(host, 'ada', factor.code(-1));
      const code = await give(host);
      await change(host, owner, factor.backupCodes);
      const agent = await host.signIn('ada');
      expect(await whoIs(agent)).toBe('nobody');
      expect((await face.answer(agent, code)).kind).toBe('wrong');
      expect(await whoIs(agent)).toBe('nobody');
    });

    it('and the user who is forgotten leave nothing behind for whoever gets the id', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const code = await give(host);
      await host.secondFactor.forget('ada');
      await host.enrol('ada');
      expect(await tryIn(host, code)).toBe('wrong');
    });
  });

  describe('R4 somebody who knows the password and guesses support codes', () => {
    it('spends the lane of backup codes: five answers, then delays, and no more where a code was issued', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const code = await give(host);
      const agent = await host.signIn('ada');
      for (let guess = 0; guess < 4; guess += 1)
        expect((await face.answer(agent, GUESSED)).kind).toBe('wrong');
      expect((await face.answer(agent, GUESSED)).kind).toBe('exhausted');
      expect(readCounters(host, 'ada')).toMatchObject({ totp: 0, backupCode: 5 });
      const delayed = await face.answer(await host.signIn('ada'), code);
      expect([delayed.kind, delayed.retryAfter]).toEqual(['delayed', 30]);
      host.clock.advance(30_000);
      expect(await tryIn(host, code)).toBe('accepted');
      expect(readCounters(host, 'ada').backupCode).toBe(0);
    });

    it('does not keep the owner out: issuing a code opens the lane, a suspended one too, and no other', async () => {
      const host = await createHost({ options: { attempts: { cap: 5 } } });
      await host.enrol('ada');
      for (const guess of [GUESSED, '000000'])
        for (let time = 0; time < 5; time += 1) {
          await face.answer(await host.signIn('ada'), guess);
          host.clock.advance(60 * MINUTE);
        }
      expect(await tryIn(host, GUESSED)).toBe('suspended');
      const code = await give(host);
      expect(readCounters(host, 'ada')).toMatchObject({ totp: 5, backupCode: 0 });
      expect(await tryIn(host, code)).toBe('accepted');
    });

    it('cannot be answered with a code where the password must be changed first: none is issued', async () => {
      const host = await createHost();
      await host.enrol('ada');
      const before = await give(host);
      host.database.exec(`UPDATE two_factor_auth SET suspected_at = ${String(host.clock())}`);
      const refused = await host.secondFactor.service.issueSupportCode('ada', { reason: 'lost phone' });
      expect(refused).toEqual({ kind: 'suspected' });
      expect(await tryIn(host, before)).toBe('first-factor-suspected');
      await host.secondFactor.passwordChanged('ada');
      expect(await tryIn(host, before)).toBe('wrong');
      expect(await tryIn(host, await give(host))).toBe('accepted');
    });
  });

  it('R6 after a login with a support code another authenticator and new backup codes can be made', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', await give(host));
    const factor = await setUp(face, host, owner);
    host.clock.advance(5 * MINUTE);
    expect((await face.proposeCodes(owner)).kind).toBe('proof-required');
    expect((await face.answer(owner, factor.code())).kind).toBe('accepted');
    expect((await face.proposeCodes(owner)).backupCodes).toHaveLength(10);
  });

  it('R6 a support code is a fresh proof, and turns the second factor off', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', factor.code());
    host.clock.advance(10 * MINUTE);
    expect((await face.proposeCodes(owner)).kind).toBe('proof-required');
    expect((await face.answer(owner, await give(host))).kind).toBe('accepted');
    expect((await face.proposeCodes(owner)).kind).toBe('accepted');
    expect((await face.disable(owner, await give(host))).kind).toBe('accepted');
    expect(await whoIs(await host.signIn('ada'))).toBe('ada');
  });
});

it('R3 one support code that pages and API get in the same instant logs in once', async () => {
  const host = await createHost({ wrapStorage: slowly });
  await host.enrol('ada');
  const code = await give(host);
  const agents = await Promise.all(Array.from({ length: 16 }, () => host.signIn('ada')));
  const outcomes = await atOnce(
    agents.map((agent, index) => [
      index % 2 === 0 ? faces.pages : faces.API,
      agent,
      { does: 'answer', code },
    ]),
  );
  expect(tally(outcomes).accepted).toBe(1);
});

describe('R5 somebody who has heard a support code', () => {
  it('has no form token, no handle and no address of a form with it', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const { service } = host.secondFactor;
    const formatted = await give(host);
    const code = formatted.replaceAll('-', '');
    const agent = await host.signIn('ada');
    for (const token of [formatted, code, `${code}:ada`]) {
      const form = { second_factor_token: token, code: factor.code() };
      expect((await agent.post('/two-factor/challenge').type('form').send(form)).status).toBe(403);
      const call = agent.post('/api/v1/two-factor/verify/me').set('Second-Factor-Token', token);
      expect((await call.send({ code: factor.code() })).status).toBe(403);
      expect(await service.enable('ada', token, factor.code())).toEqual({ kind: 'expired' });
      expect(await service.saveBackupCodes('ada', token)).toBe(false);
    }
    expect(await whoIs(agent)).toBe('nobody');
    const owner = await signInWhole(host, 'ada', factor.code());
    for (const id of [formatted, code])
      expect((await owner.get(`/two-factor/resume/${id}`)).status).toBe(404);
    expect(await whoIs(await signInWhole(host, 'ada', formatted))).toBe('ada');
  });
});

it('R8 a support code stands nowhere: not in the tables, not in sessions, not in the event or the notice', async () => {
  const seen: unknown[] = [];
  const host = await createHost({ options: { notices: { send: (notice) => void seen.push(notice) } } });
  await host.enrol('ada');
  host.secondFactor.on('*', (event) => void seen.push(event));
  const code = await give(host, 'ada', { actor: 'grace' });
  const agent = await host.signIn('ada');
  seen.push(readTables(host), await readSessions(host));
  await faces.pages.answer(agent, code);
  await host.secondFactor.close();
  seen.push(readTables(host), await readSessions(host));
  const all = JSON.stringify(seen).toUpperCase();
  expect(all).toContain('GRACE');
  for (const form of [code, code.replaceAll('-', '')]) expect(all).not.toContain(form);
});

it('R12 links that carry a support code do not use it up', async () => {
  const host = await createHost();
  await host.enrol('ada');
  const code = await give(host);
  const agent = await host.signIn('ada');
  const before = readTables(host);
  for (const path of ['/challenge', '/disable', '/backup-codes/used', '/setup', '/backup-codes'])
    for (const query of [`code=${code}`, `code=${code}&kind=support&return_to=/account&_method=POST`])
      await agent.get(`/two-factor${path}?${query}`);
  for (const path of ['/verify-backup/me', '/session', '/disable/me'])
    await agent.get(`/api/v1/two-factor${path}?code=${code}`).send({ code });
  expect(readTables(host)).toEqual(before);
  const answered = await submit(agent, '/two-factor/challenge', { code });
  expect(answered.headers['location']).toBe(
    '/two-factor/backup-codes/used?return_to=%2Faccount&kind=support',
  );
});
