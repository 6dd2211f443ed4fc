import type { RequestHandler } from 'express';
import type { Strategy } from 'passport';
import { TotpStrategy } from 'passport-second-factor';
import { describe, expect, it } from 'vitest';
import { atOnce, eachFace, faces, setUp, tally } from '../helpers/faces.js';
import {
  answer,
  createHost,
  type Host,
  readTables,
  slowly,
  submitAtOnce,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

const STEP = 30_000;

describe.each(eachFace)('over the %s, R3 somebody who has seen a code and knows the password', (_, face) => {
  it('cannot use it at the next login, step-up or disable, and is told to wait for the next one', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const captured = factor.code();
    const owner = await face.signInWhole(host, 'ada', captured);
    expect(await whoIs(owner)).toBe('ada');

    const thief = await host.signIn('ada');
    const replays = [
      await face.answer(thief, captured),
      await face.answer(owner, captured),
      await face.disable(owner, captured),
    ];
    for (const { status, kind, response } of replays) {
      expect([status, kind]).toEqual([422, 'used']);
      expect(response.text).toMatch(/used already.* next one/);
    }
    expect(await whoIs(thief)).toBe('nobody');

    // The step before would still be in the window, too.
    host.clock.advance(STEP);
    expect((await face.answer(thief, captured)).kind).toBe('used');
    expect((await face.answer(thief, factor.code())).kind).toBe('accepted');
  });

  it('cannot use it after the owner gave it in a step-up', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', factor.code(-1));
    expect((await face.answer(owner, factor.code())).kind).toBe('accepted');
    const thief = await host.signIn('ada');
    expect((await face.answer(thief, factor.code())).kind).toBe('used');
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('cannot use it on the other face either', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const other = face === faces.API ? faces.pages : faces.API;
    const owner = await face.signInWhole(host, 'ada', factor.code());
    const thief = await host.signIn('ada');
    expect((await other.answer(thief, factor.code())).kind).toBe('used');
    expect((await other.answer(owner, factor.code())).kind).toBe('used');
    expect((await other.disable(owner, factor.code())).kind).toBe('used');
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('cannot use it in 16 sessions in the same instant: one login', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agents = await Promise.all(Array.from({ length: 16 }, () => host.signIn('ada')));
    const code = factor.code();
    const outcomes = await atOnce(agents.map((agent) => [face, agent, { does: 'answer', code }]));
    expect(tally(outcomes).accepted).toBe(1);
    const users = await Promise.all(agents.map(whoIs));
    expect(users.filter((user) => user === 'ada')).toHaveLength(1);
  });

  it('cannot use an older code after a newer one', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const older = [factor.code(-1), factor.code()];
    await face.signInWhole(host, 'ada', factor.code(1));
    const thief = await host.signIn('ada');
    for (const code of older) expect((await face.answer(thief, code)).kind).toBe('used');
    expect(await whoIs(thief)).toBe('nobody');
  });

  it('cannot use the code that turned the second factor on', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const factor = await setUp(face, host, owner);
    const thief = await host.signIn('ada');
    expect((await face.answer(thief, factor.code())).kind).toBe('used');
    expect(await whoIs(thief)).toBe('nobody');
    expect((await face.answer(owner, factor.code())).kind).toBe('used');
    expect((await face.disable(owner, factor.code())).kind).toBe('used');
    expect((await face.answer(thief, factor.code(1))).kind).toBe('accepted');
  });

  it('cannot use one code for a login and for turning off in the same instant', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', factor.code(-1));
    const thief = await host.signIn('ada');
    const code = factor.code();
    const outcomes = await atOnce([
      [face, owner, { does: 'disable', code }],
      [face, thief, { does: 'answer', code }],
    ]);
    expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
  });
});

describe.each(eachFace)('over the %s, R3 a code from outside of the window', (_, face) => {
  it.each([
    ['by default', undefined, [-1, 0, 1]],
    ['with the window 0 and 0', { past: 0, future: 0 }, [0]],
    ['with the window 1 and 0', { past: 1, future: 0 }, [-1, 0]],
    ['with the window 2 and 2', { past: 2, future: 2 }, [-2, -1, 0, 1, 2]],
  ])('is refused %s, at the beginning and at the end of a step', async (_name, window, accepted) => {
    const host = await createHost({ options: window ? { totp: { window } } : {} });
    for (const offset of [0, STEP - 1]) {
      const found: number[] = [];
      for (const steps of [-3, -2, -1, 0, 1, 2, 3]) {
        const userId = addUser(host);
        const factor = await host.enrol(userId);
        host.clock.advance(offset);
        const agent = await face.signInWhole(host, userId, factor.code(steps));
        if ((await whoIs(agent)) === userId) found.push(steps);
        host.clock.advance(STEP - offset);
      }
      expect(found).toEqual(accepted);
    }
  });
});

describe.each(eachFace)('over the %s, R3 a code that was used', (_, face) => {
  it('stays used for as long as the widest window would accept it, and after', async () => {
    const host = await createHost({ options: { totp: { window: { past: 2, future: 2 } } } });
    const factor = await host.enrol('ada');
    // From a clock that is ahead: of all codes the one that could be used longest.
    const code = factor.code(2);
    expect(await whoIs(await face.signInWhole(host, 'ada', code))).toBe('ada');
    for (let steps = 0; steps <= 5; steps += 1) {
      const agent = await host.signIn('ada');
      const { kind } = await face.answer(agent, code);
      expect([kind, await whoIs(agent)]).toEqual([steps <= 4 ? 'used' : 'wrong', 'nobody']);
      // Not the delay is looked at here: an owner's success lifts it.
      await face.answer(agent, factor.backupCodes[steps]!);
      host.database.prepare('UPDATE two_factor_auth SET totp_failures = 0, totp_delayed_until = 0').run();
      host.clock.advance(STEP);
    }
  });
});

it.each(eachFace)(
  'R3 four right codes in the same instant complete one login once and use up one code, over the %s',
  async (_, face) => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    const codes = [factor.code(-1), factor.code(), factor.code(1), factor.backupCodes[0]!];
    const outcomes = await atOnce(codes.map((code) => [face, agent, { does: 'answer', code }]));
    const winners = outcomes.flatMap(({ kind }, index) => (kind === 'accepted' ? [index] : []));
    expect(winners).toHaveLength(1);

    const tables = readTables(host) as {
      two_factor_authenticators: { last_step: number }[];
      two_factor_backup_codes: { used_at: number | null }[];
      two_factor_pending: { purpose: string; completed_at: number | null }[];
    };
    const winner = winners[0]!;
    const step = Math.floor(host.clock() / STEP);
    expect(tables.two_factor_authenticators[0]!.last_step).toBe(winner < 3 ? step + winner - 1 : 0);
    const used = tables.two_factor_backup_codes.filter(({ used_at }) => used_at !== null);
    expect(used).toHaveLength(winner === 3 ? 1 : 0);
    const completed = tables.two_factor_pending.filter(({ completed_at }) => completed_at !== null);
    expect(completed).toHaveLength(1);
  },
);

it.each(eachFace)(
  'R3 two people who answer in the same instant do not get each other’s outcome, over the %s',
  async (_, face) => {
    const host = await createHost({ wrapStorage: slowly });
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const [owner, thief] = [await host.signIn('ada'), await host.signIn('eve')];
    const outcomes = await atOnce([
      [face, owner, { does: 'answer', code: ada.code() }],
      [face, thief, { does: 'answer', code: wrongCodes(eve, 1)[0]! }],
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'wrong']);
    expect([await whoIs(owner), await whoIs(thief)]).toEqual(['ada', 'nobody']);
    // The thief's session still waits for the thief's own second factor, and for nobody else's.
    await face.answer(thief, ada.code(1));
    expect(await whoIs(thief)).toBe('nobody');
    await face.answer(thief, eve.code());
    expect(await whoIs(thief)).toBe('eve');
  },
);

describe('R3 two people who answer in the same instant', () => {
  it.each([
    ['on the pages', '/two-factor/challenge'],
    ["through a host's route that passes a strategy object", '/code'],
  ])('do not get each other’s outcome %s', async (_, path) => {
    const host = await createHost({
      wrapStorage: slowly,
      routes(app, { passport, secondFactor }) {
        const strategy: Strategy = new TotpStrategy(secondFactor);
        const options = { successRedirect: '/account', failureRedirect: '/wrong' };
        app.post('/code', passport.authenticate(strategy, options) as RequestHandler);
      },
    });
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const [owner, thief] = [await host.signIn('ada'), await host.signIn('eve')];
    const page = '/two-factor/challenge';
    const [right, wrong] = await submitAtOnce([
      { agent: owner, path, page, fields: { code: ada.code() } },
      { agent: thief, path, page, fields: { code: wrongCodes(eve, 1)[0]! } },
    ]);
    expect(right!.headers['location']).toBe('/account');
    expect(wrong!.headers['location']).not.toBe('/account');
    expect([await whoIs(owner), await whoIs(thief)]).toEqual(['ada', 'nobody']);
    // The thief's session still waits for the thief's own second factor, and for nobody else's.
    await answer(thief, ada.code(1));
    expect(await whoIs(thief)).toBe('nobody');
    await answer(thief, eve.code());
    expect(await whoIs(thief)).toBe('eve');
  });
});

let count = 0;

function addUser(host: Host): string {
  count += 1;
  const id = `user${count}`;
  host.users.set(id, { id, password: `${id}-password` });
  return id;
}
