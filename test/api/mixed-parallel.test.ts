import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it, vi } from 'vitest';
import { atOnce, type Face, faces, type Move, type Outcome, setUp, tally } from '../helpers/faces.js';
import {
  type Agent,
  copyAgent,
  createHost,
  type Host,
  readCounters,
  readTables,
  signInWhole,
  slowly,
  stolenSession,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

vi.setConfig({ testTimeout: 60_000 });

/** How many calls at once; every other one is a page's. */
const CALLS = 16;

function faceOf(index: number): Face {
  return index % 2 === 0 ? faces.pages : faces.API;
}

/** One move of one session, sent often by both faces in the same instant, each in a copy of the session. */
async function sendOften(
  host: Host,
  agent: Agent,
  move: Move,
  calls = CALLS,
): Promise<{ outcomes: Outcome[]; agents: Agent[] }> {
  const agents = Array.from({ length: calls }, () => copyAgent(host, agent));
  const outcomes = await atOnce(agents.map((copy, index) => [faceOf(index), copy, move]));
  return { outcomes, agents };
}

function readAccount(host: Host): { epoch: number; enabled_at: number | null } {
  return readTables(host)['two_factor_auth']![0] as { epoch: number; enabled_at: number | null };
}

function countUsers(users: string[]): number {
  return users.filter((user) => user === 'ada').length;
}

describe('R3 R5 16 calls in the same instant, half of them pages and half of them the API', () => {
  it('with one code log one of 16 sessions in', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agents = await Promise.all(Array.from({ length: CALLS }, () => host.signIn('ada')));
    const code = factor.code();
    const outcomes = await atOnce(
      agents.map((agent, index) => [faceOf(index), agent, { does: 'answer', code }]),
    );
    expect(tally(outcomes).accepted).toBe(1);
    const users = await Promise.all(agents.map(whoIs));
    expect(countUsers(users)).toBe(1);
    for (const [index, { kind }] of outcomes.entries())
      expect(users[index]).toBe(kind === 'accepted' ? 'ada' : 'nobody');
  });

  it('with one backup code log one of 16 sessions in', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agents = await Promise.all(Array.from({ length: CALLS }, () => host.signIn('ada')));
    const code = factor.backupCodes[0]!;
    const outcomes = await atOnce(
      agents.map((agent, index) => [faceOf(index), agent, { does: 'answer', code }]),
    );
    expect(tally(outcomes).accepted).toBe(1);
    const users = await Promise.all(agents.map(whoIs));
    expect(countUsers(users)).toBe(1);
    expect(await faces.API.readLeft(agents[users.indexOf('ada')]!)).toBe('9 of 10');
  });

  it('with a code each complete one pending login once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const agents = Array.from({ length: CALLS }, () => copyAgent(host, agent));
    const codes = [...factor.backupCodes, factor.code(-1), factor.code(), factor.code(1)];
    const outcomes = await atOnce(
      agents.map((copy, index) => [
        faceOf(index),
        copy,
        { does: 'answer', code: codes[index % codes.length]! },
      ]),
    );
    expect(tally(outcomes).accepted).toBe(1);
    expect(countUsers(await Promise.all(agents.map(whoIs)))).toBe(1);
    const { two_factor_backup_codes: rows } = readTables(host) as {
      two_factor_backup_codes: { used_at: number | null }[];
    };
    expect(rows.filter(({ used_at }) => used_at !== null).length).toBeLessThanOrEqual(1);
  });

  it('prove one code at most once in a step-up', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    const { outcomes, agents } = await sendOften(host, agent, { does: 'answer', code: factor.code() });
    // A session takes five answers at once; the sixth ends it, and perhaps the one that was right, too.
    expect(tally(outcomes).accepted ?? 0).toBeLessThanOrEqual(1);
    expect(countUsers(await Promise.all(agents.map(whoIs)))).toBeLessThanOrEqual(1);
    expect((await faces.API.answer(await host.signIn('ada'), factor.code())).kind).toBe('used');
  });

  it('turn it off once with one code', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code(-1));
    const { epoch } = readAccount(host);
    const { outcomes, agents } = await sendOften(host, agent, { does: 'disable', code: factor.code() });
    expect(outcomes.filter(({ response }) => response.body.enabled === false).length).toBeLessThanOrEqual(1);
    expect(readAccount(host)).toMatchObject({ epoch: epoch + 1, enabled_at: null });
    expect(countUsers(await Promise.all(agents.map(whoIs)))).toBeLessThanOrEqual(1);
  });

  it.each(['answer', 'disable'] as const)(
    'of which five %s with one code: one session goes on',
    async (does) => {
      const host = await createHost({ wrapStorage: slowly });
      const factor = await host.enrol('ada');
      const agent = await signInWhole(host, 'ada', factor.code(-1));
      const { outcomes, agents } = await sendOften(host, agent, { does, code: factor.code() }, 5);
      expect(outcomes.some(({ kind }) => kind === 'accepted')).toBe(true);
      const users = await Promise.all(agents.map(whoIs));
      expect(countUsers(users)).toBe(1);
      expect(outcomes[users.indexOf('ada')]!.kind).toBe('accepted');
      if (does === 'answer') expect(tally(outcomes).accepted).toBe(1);
    },
  );

  it('use one code for a login, a step-up or for turning off', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code(-1));
    const elsewhere = await signInWhole(host, 'ada', factor.backupCodes[0]!);
    const code = factor.code();
    const moves: [Face, Agent, Move][] = [];
    for (let index = 0; index < 6; index += 1) {
      const face = faceOf(index);
      moves.push([face, await host.signIn('ada'), { does: 'answer', code }]);
      moves.push([face, copyAgent(host, owner), { does: 'answer', code }]);
      moves.push([face, copyAgent(host, elsewhere), { does: 'disable', code }]);
    }
    const outcomes = await atOnce(moves);
    expect(tally(outcomes).accepted).toBe(1);
  });

  it('turn one enrolment on once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const agent = await host.signIn('ada');
    const { key } = await faces.API.setup(agent);
    const code = totpCode(key, host.clock());
    const { outcomes, agents } = await sendOften(host, agent, { does: 'enable', code });
    expect(outcomes.filter(({ response }) => Array.isArray(response.body.backup_codes)).length).toBeLessThan(
      2,
    );
    const tables = readTables(host);
    expect(readAccount(host).epoch).toBe(1);
    expect(tables['two_factor_authenticators']).toHaveLength(1);
    expect(tables['two_factor_backup_codes']).toHaveLength(10);
    expect(countUsers(await Promise.all(agents.map(whoIs)))).toBe(1);
    // That code is used up.
    expect((await faces.pages.answer(await host.signIn('ada'), code)).kind).toBe('used');
  });

  it('add one authenticator once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const { key } = await faces.API.setup(agent);
    const { epoch } = readAccount(host);
    const move: Move = { does: 'enable', code: totpCode(key, host.clock()) };
    const { agents } = await sendOften(host, agent, move);
    expect(readTables(host)['two_factor_authenticators']).toHaveLength(2);
    expect(readAccount(host).epoch).toBe(epoch + 1);
    expect(countUsers(await Promise.all(agents.map(whoIs)))).toBe(1);
  });

  it('save one proposal once, and propose one', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    const { epoch } = readAccount(host);
    const proposals = await sendOften(host, agent, { does: 'proposeCodes' });
    expect(tally(proposals.outcomes)).toEqual({ accepted: CALLS });
    const { backupCodes } = await faces.pages.proposeCodes(agent);
    for (const { backupCodes: shown } of proposals.outcomes.filter((_, index) => index % 2 === 1))
      expect(shown).toEqual(backupCodes);

    const { outcomes, agents } = await sendOften(host, agent, { does: 'saveCodes' });
    expect(tally(outcomes).accepted).toBe(1);
    expect(readAccount(host).epoch).toBe(epoch + 1);
    expect(readTables(host)['two_factor_backup_codes']).toHaveLength(10);
    expect(countUsers(await Promise.all(agents.map(whoIs)))).toBe(1);
    expect(await whoIs(await signInWhole(host, 'ada', backupCodes[0]!))).toBe('ada');
  });

  it('remove one of two authenticators, whichever they name', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await signInWhole(host, 'ada', factor.code());
    await setUp(faces.API, host, agent, { name: 'Second' });
    await faces.API.answer(agent, factor.code(1));
    const ids = (await faces.API.readAuthenticators(agent)).map(({ id }) => id);
    const agents = Array.from({ length: CALLS }, () => copyAgent(host, agent));
    const outcomes = await atOnce(
      agents.map((copy, index) => [faceOf(index), copy, { does: 'remove', id: ids[index % 4 < 2 ? 0 : 1]! }]),
    );
    expect(tally(outcomes).accepted).toBe(1);
    expect(readTables(host)['two_factor_authenticators']).toHaveLength(1);
    expect(countUsers(await Promise.all(agents.map(whoIs)))).toBe(1);
  });
});

it('R4 32 wrong codes in the same instant, by pages and API, login and step-up, count five', async () => {
  const host = await createHost({ wrapStorage: slowly });
  const factor = await host.enrol('ada');
  const owner = stolenSession(host, await signInWhole(host, 'ada', factor.code()));
  const parked = [await host.signIn('ada'), await host.signIn('ada')];
  const codes = wrongCodes(factor, 32);
  const moves = codes.map((code, index): [Face, Agent, Move] => {
    const agent = [owner, ...parked][index % 3]!;
    const does = agent === owner && index % 2 === 0 ? 'disable' : 'answer';
    return [faceOf(Math.floor(index / 2)), copyAgent(host, agent), { does, code }];
  });
  const outcomes = await atOnce(moves);
  expect(readCounters(host, 'ada').totp).toBe(5);
  expect(tally(outcomes).wrong ?? 0).toBeLessThanOrEqual(5);
  expect(tally(outcomes).accepted).toBeUndefined();
});
