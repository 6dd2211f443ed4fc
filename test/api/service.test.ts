import { readFile } from 'node:fs/promises';
import { memoryStorage, totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { eachFace, faces } from '../helpers/faces.js';
import {
  copyAgent,
  createHost,
  type Host,
  readCounters,
  readTables,
  signInWhole,
  slowly,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';
import { revocationOf } from '../../src/testing/storage-fixtures.js';

const MINUTE = 60_000;
const STEP = 30_000;

async function begin(host: Host, userId: string, code?: string) {
  const begun = await host.secondFactor.service.generate(userId, `${userId}@service.example`, code);
  if (begun.kind !== 'pending') throw new Error(`Not begun: ${begun.kind}`);
  return { ...begun, code: (steps = 0) => totpCode(begun.key, host.clock() + steps * STEP) };
}

it('the service leads through the whole life of a second factor', async () => {
  const host = await createHost();
  const { service } = host.secondFactor;
  expect(await service.status('ada')).toEqual({
    epoch: 0,
    enabledAt: null,
    enrolBy: null,
    authenticators: [],
    backupCodes: undefined,
    lanes: { totp: { kind: 'open' }, 'backup-code': { kind: 'open' } },
    suspectedAt: null,
  });
  expect(await service.verify('ada', '000000')).toEqual({ kind: 'not-enabled' });
  expect(await service.disable('ada', '000000')).toEqual({ kind: 'not-enabled' });
  expect(await service.proposeBackupCodes('ada', '000000')).toEqual({ kind: 'not-enabled' });

  const begun = await begin(host, 'ada');
  expect(begun.uri).toContain(begun.key);
  expect(decodeURIComponent(begun.uri)).toContain('Test Service:ada@service.example');
  expect((await service.status('ada')).enabledAt).toBeNull();
  const enabled = await service.enable('ada', begun.handle, begun.code(), '  Work\u0000phone ');
  if (enabled.kind !== 'enabled') throw new Error(enabled.kind);
  expect(enabled.backupCodes).toHaveLength(10);
  expect(await service.status('ada')).toMatchObject({
    enabledAt: host.clock(),
    authenticators: [{ name: 'Work phone', lastUsedAt: null }],
    backupCodes: { left: 10, total: 10 },
  });

  // Over the pages, the user signs in with what the service has made.
  expect(await whoIs(await signInWhole(host, 'ada', begun.code(1)))).toBe('ada');
  expect(await service.verify('ada', enabled.backupCodes[0]!.toLowerCase())).toEqual({
    kind: 'accepted',
    lane: 'backup-code',
  });
  host.clock.advance(2 * STEP);
  expect(await service.verify('ada', ` ${begun.code()} `)).toEqual({ kind: 'accepted', lane: 'totp' });

  const second = await begin(host, 'ada', begun.code(1));
  expect(await service.enable('ada', second.handle, second.code())).toMatchObject({ kind: 'added' });
  expect((await service.status('ada')).authenticators.map(({ name }) => name)).toEqual([
    'Work phone',
    'Authenticator app',
  ]);

  const proposal = await service.proposeBackupCodes('ada', second.code(1));
  if (proposal.kind !== 'proposed') throw new Error(proposal.kind);
  expect(proposal.codes).toHaveLength(10);
  expect(await service.verify('ada', proposal.codes[0]!)).toEqual({ kind: 'wrong' });
  expect(await service.saveBackupCodes('ada', proposal.handle)).toBe(true);
  expect(await service.saveBackupCodes('ada', proposal.handle)).toBe(false);
  expect(await service.verify('ada', enabled.backupCodes[1]!)).toEqual({ kind: 'wrong' });
  expect(await service.disable('ada', proposal.codes[0]!)).toEqual({ kind: 'accepted', lane: 'backup-code' });
  expect(await service.status('ada')).toMatchObject({ enabledAt: null, authenticators: [] });
  expect(await whoIs(await host.signIn('ada'))).toBe('ada');
});

describe.each(eachFace)('R3 a code that was given on the %s', (_, face) => {
  it('is used for the service, and the other way round', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    const agent = await face.signInWhole(host, 'ada', factor.code(-1));
    expect(await service.verify('ada', factor.code(-1))).toEqual({ kind: 'used' });
    expect(await service.disable('ada', factor.code(-1))).toEqual({ kind: 'used' });
    expect(await service.generate('ada', 'ada', factor.code(-1))).toEqual({ kind: 'used' });
    expect(await service.proposeBackupCodes('ada', factor.code(-1))).toEqual({ kind: 'used' });

    expect(await service.verify('ada', factor.code())).toEqual({ kind: 'accepted', lane: 'totp' });
    expect((await face.answer(agent, factor.code())).kind).toBe('used');
    expect((await face.answer(await host.signIn('ada'), factor.code())).kind).toBe('used');
    expect((await face.disable(agent, factor.code())).kind).toBe('used');

    expect(await service.verify('ada', factor.backupCodes[0]!)).toMatchObject({ kind: 'accepted' });
    expect((await face.answer(agent, factor.backupCodes[0]!)).kind).toBe('wrong');
  });

  it('is counted in the lane of the service: after five wrong ones both wait', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    const codes = wrongCodes(factor, 5);
    const agent = await host.signIn('ada');
    for (const code of codes.slice(0, 2)) expect((await face.answer(agent, code)).kind).toBe('wrong');
    for (const code of codes.slice(2)) expect(await service.verify('ada', code)).toEqual({ kind: 'wrong' });
    expect(readCounters(host, 'ada').totp).toBe(5);
    const delayed = { kind: 'delayed', until: host.clock() + STEP };
    expect(await service.verify('ada', factor.code())).toMatchObject(delayed);
    expect(await service.disable('ada', factor.code())).toMatchObject(delayed);
    expect(await service.generate('ada', 'ada', factor.code())).toMatchObject(delayed);
    expect(await service.proposeBackupCodes('ada', factor.code())).toMatchObject(delayed);
    expect((await face.answer(agent, factor.code())).kind).toBe('delayed');
    // The other lane is open.
    expect(await service.verify('ada', factor.backupCodes[0]!)).toMatchObject({ kind: 'accepted' });
    host.clock.advance(STEP);
    expect((await face.answer(agent, factor.code())).kind).toBe('accepted');
    expect(readCounters(host, 'ada').totp).toBe(0);
  });

  it('and by the service in the same instant is accepted once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    const agents = await Promise.all(Array.from({ length: 4 }, () => host.signIn('ada')));
    const code = factor.code();
    const sends = await Promise.all(agents.map((agent) => face.prepare(agent, { does: 'answer', code })));
    const outcomes = await Promise.all([
      ...sends.map((send) => send()),
      ...Array.from({ length: 4 }, () => service.verify('ada', code)),
    ]);
    expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
  });
});

describe('R3 R4 somebody who calls the service often', () => {
  it('has one code accepted once in 16 calls at once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    for (const code of [factor.code(), factor.backupCodes[0]!]) {
      const outcomes = await Promise.all(Array.from({ length: 16 }, () => service.verify('ada', code)));
      expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
      host.clock.advance(60 * MINUTE);
    }
  });

  it('has it turned off once in 16 calls at once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    const calls = Array.from({ length: 16 }, () => service.disable('ada', factor.code()));
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
    expect(readTables(host)['two_factor_auth']).toMatchObject([{ epoch: 2, enabled_at: null }]);
  });

  it('has five of 40 wrong codes looked at, and leaves no rows behind', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    const before = readTables(host)['two_factor_pending'];
    const outcomes = await Promise.all(wrongCodes(factor, 40).map((code) => service.verify('ada', code)));
    expect(outcomes.filter(({ kind }) => kind === 'wrong').length).toBeLessThanOrEqual(5);
    expect(readCounters(host, 'ada').totp).toBe(5);
    expect(readTables(host)['two_factor_pending']).toEqual(before);
  });

  it('is refused by a suspended lane, also with the right code', async () => {
    const host = await createHost({ options: { attempts: { cap: 5 } } });
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    for (const code of wrongCodes(factor, 5)) {
      await service.verify('ada', code);
      host.clock.advance(60 * MINUTE);
    }
    expect(await service.verify('ada', factor.code())).toEqual({ kind: 'suspended' });
    expect((await service.status('ada')).lanes).toEqual({
      totp: { kind: 'suspended' },
      'backup-code': { kind: 'open' },
    });
  });

  it('pays nothing for what is no code', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    const typo = factor.backupCodes[0]!.replace(/.$/, (symbol) => (symbol === '0' ? '1' : '0'));
    for (const input of [
      '',
      '12345',
      '１２３４５６',
      'x'.repeat(100_000),
      null,
      undefined,
      123_456,
      ['000000'],
      {},
    ])
      expect(await service.verify('ada', input as string)).toEqual({ kind: 'malformed' });
    expect(await service.verify('ada', typo)).toEqual({ kind: 'mistyped' });
    expect(readCounters(host, 'ada')).toEqual({ totp: 0, backupCode: 0, until: 0 });
  });
});

describe('R6 R10 somebody who wants a change by the service', () => {
  it('gets no enrolment of a user who has a second factor without a right code', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    expect(await service.generate('ada', 'ada')).toEqual({ kind: 'malformed' });
    expect(await service.generate('ada', 'ada', '')).toEqual({ kind: 'malformed' });
    expect(await service.generate('ada', 'ada', wrongCodes(factor, 1)[0])).toEqual({ kind: 'wrong' });
    expect(await service.proposeBackupCodes('ada', '')).toEqual({ kind: 'malformed' });
    expect(await service.disable('ada', '')).toEqual({ kind: 'malformed' });
    expect(await service.generate('ada', 'ada', factor.code())).toMatchObject({ kind: 'pending' });
  });

  it('gets none by asking in the very moment in which the user turns it on', async () => {
    let turnOn: (() => Promise<unknown>) | undefined;
    const host = await createHost({
      wrapStorage: (storage) => ({
        ...storage,
        async findAccount(userId) {
          const account = await storage.findAccount(userId);
          const now = turnOn;
          turnOn = undefined;
          await now?.();
          return account;
        },
      }),
    });
    const { service } = host.secondFactor;
    turnOn = () => host.enrol('ada');
    const begun = await begin(host, 'ada');
    expect(await service.enable('ada', begun.handle, begun.code())).toEqual({ kind: 'expired' });
    expect((await service.status('ada')).authenticators).toHaveLength(1);
  });

  it('gets no new codes when the password changes between the proof and the proposal', async () => {
    let isArmed = false;
    const host = await createHost({
      wrapStorage: (storage) => ({
        ...storage,
        async accept(acceptance) {
          const result = await storage.accept(acceptance);
          if (isArmed) await storage.raiseEpoch(revocationOf(acceptance.userId));
          return result;
        },
      }),
    });
    const { service } = host.secondFactor;
    const factor = await host.enrol('ada');
    isArmed = true;
    const proposal = await service.proposeBackupCodes('ada', factor.code());
    if (proposal.kind !== 'proposed') throw new Error(proposal.kind);
    expect(await service.saveBackupCodes('ada', proposal.handle)).toBe(false);
    const begun = await begin(host, 'ada', factor.code(1));
    expect(await service.enable('ada', begun.handle, begun.code())).toEqual({ kind: 'expired' });
    expect(await service.status('ada')).toMatchObject({ backupCodes: { left: 10 }, authenticators: [{}] });
  });

  it('gets nothing by the handle of another user, an old one or a made-up one', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    const [mine, other] = [await begin(host, 'ada'), await begin(host, 'eve')];
    expect(await service.enable('eve', mine.handle, mine.code())).toEqual({ kind: 'expired' });
    expect(await service.enable('ada', other.handle, other.code())).toEqual({ kind: 'expired' });
    for (const handle of ['', 'made-up', mine.handle.slice(1), `${mine.handle} `])
      expect(await service.enable('ada', handle, mine.code())).toEqual({ kind: 'expired' });

    // Nor is a code told right from wrong by what is over.
    await host.secondFactor.passwordChanged('ada');
    for (const code of [mine.code(), mine.code(10)])
      expect(await service.enable('ada', mine.handle, code)).toEqual({ kind: 'expired' });
    const late = await begin(host, 'ada');
    host.clock.advance(10 * MINUTE);
    for (const code of [late.code(), late.code(10)])
      expect(await service.enable('ada', late.handle, code)).toEqual({ kind: 'expired' });
    expect(readTables(host)['two_factor_authenticators']).toEqual([]);

    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const proposals = [
      await service.proposeBackupCodes('ada', ada.code()),
      await service.proposeBackupCodes('eve', eve.code()),
    ];
    const [adas, eves] = proposals.map((proposal) => (proposal.kind === 'proposed' ? proposal.handle : ''));
    expect(await service.saveBackupCodes('ada', eves!)).toBe(false);
    expect(await service.saveBackupCodes('eve', adas!)).toBe(false);
    await host.secondFactor.passwordChanged('ada');
    expect(await service.saveBackupCodes('ada', adas!)).toBe(false);
    host.clock.advance(10 * MINUTE);
    expect(await service.saveBackupCodes('eve', eves!)).toBe(false);
  });

  it('cannot enable with a handle of a session of the pages, and the pages not with one of the service', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    const agent = await host.signIn('ada');
    const { key } = await faces.API.setup(agent);
    const begun = await begin(host, 'ada');
    expect(await service.enable('ada', begun.handle, totpCode(key, host.clock()))).toMatchObject({
      kind: 'wrong',
    });
    expect((await faces.API.enable(agent, begun.code())).kind).toBe('wrong');
    // Both may be open side by side; the first that is proven ends the other.
    expect(await service.enable('ada', begun.handle, begun.code())).toMatchObject({ kind: 'enabled' });
    expect((await faces.API.enable(agent, totpCode(key, host.clock()))).kind).toBe('login-required');
    expect(await service.enable('ada', begun.handle, begun.code(1))).toEqual({ kind: 'expired' });
  });

  it('has one enrolment turned on once in 16 calls at once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const { service } = host.secondFactor;
    const begun = await begin(host, 'ada');
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, () => service.enable('ada', begun.handle, begun.code())),
    );
    expect(outcomes.filter(({ kind }) => kind === 'enabled')).toHaveLength(1);
    expect(readTables(host)['two_factor_authenticators']).toHaveLength(1);
  });
});

it('R7 every change by the service ends the user’s sessions and pending logins, and nobody else’s', async () => {
  const host = await createHost();
  const { service } = host.secondFactor;
  const bob = await host.signIn('bob');
  const expectEnded = async (code: string | undefined, change: () => Promise<unknown>): Promise<void> => {
    const session = await host.signIn('ada');
    if (code !== undefined) await faces.API.answer(session, code);
    const parked = code === undefined ? undefined : await host.signIn('ada');
    expect(await whoIs(session)).toBe('ada');
    const copy = copyAgent(host, session);
    await change();
    expect([await whoIs(session), await whoIs(copy), await whoIs(bob)]).toEqual(['nobody', 'nobody', 'bob']);
    if (parked) expect((await faces.API.answer(parked, '000000')).kind).toBe('expired');
  };
  const begun = await begin(host, 'ada');
  await expectEnded(undefined, () => service.enable('ada', begun.handle, begun.code()));
  const second = await begin(host, 'ada', begun.code(1));
  host.clock.advance(2 * STEP);
  await expectEnded(begun.code(), () => service.enable('ada', second.handle, second.code()));
  const proposal = await service.proposeBackupCodes('ada', begun.code(1));
  if (proposal.kind !== 'proposed') throw new Error(proposal.kind);
  await expectEnded(second.code(1), () => service.saveBackupCodes('ada', proposal.handle));
  await expectEnded(proposal.codes[0], () => service.disable('ada', proposal.codes[1]!));
});

describe('the service rejects', () => {
  it('every call for what is no user id', async () => {
    const { secondFactor } = await createHost();
    const { service } = secondFactor;
    for (const value of ['', '\ud800', 'a'.repeat(256), 7, null, undefined, {}, ['ada']]) {
      const userId = value as string;
      for (const call of [
        () => service.status(userId),
        () => service.generate(userId, 'label'),
        () => service.enable(userId, 'handle', '000000'),
        () => service.verify(userId, '000000'),
        () => service.disable(userId, '000000'),
        () => service.proposeBackupCodes(userId, '000000'),
        () => service.saveBackupCodes(userId, 'handle'),
      ])
        await expect(call()).rejects.toMatchObject({ code: 'configuration-invalid' });
    }
  });

  it('what is no text where one is needed', async () => {
    const { secondFactor } = await createHost();
    const { service } = secondFactor;
    for (const value of [7, null, undefined, {}, ['a']]) {
      const text = value as string;
      const calls = [
        () => service.generate('ada', text),
        () => service.enable('ada', text, '000000'),
        () => service.saveBackupCodes('ada', text),
        ...(value === null || value === undefined
          ? []
          : [() => service.enable('ada', 'handle', '000000', text)]),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'configuration-invalid' });
    }
  });

  it('every call before ready()', async () => {
    const { secondFactor } = await createHost({ isReady: false, options: { storage: memoryStorage() } });
    const { service } = secondFactor;
    for (const call of [
      () => service.status('ada'),
      () => service.generate('ada', 'label'),
      () => service.enable('ada', 'handle', '000000'),
      () => service.verify('ada', '000000'),
      () => service.disable('ada', '000000'),
      () => service.proposeBackupCodes('ada', '000000'),
      () => service.saveBackupCodes('ada', 'handle'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'not-ready' });
  });

  it('what storage cannot say', async () => {
    const storage = { ...memoryStorage(), findAccount: () => Promise.reject(new Error('away')) };
    const { secondFactor } = await createHost({ options: { storage } });
    await expect(secondFactor.service.verify('ada', '000000')).rejects.toMatchObject({
      code: 'storage-unavailable',
    });
  });
});

it('R4 the service has no way to skip the counting: no verb but those of the challenge looks at a code', async () => {
  const text = await readFile(new URL('../../src/service.ts', import.meta.url), 'utf8');
  expect(text).not.toMatch(/matchStep|hashCode|openSecret/);
});

it('the service turns off without a code for an administrator, once, and writes down who and why', async () => {
  const host = await createHost({ wrapStorage: slowly });
  const factor = await host.enrol('ada');
  const owner = await signInWhole(host, 'ada', factor.code());
  const { service } = host.secondFactor;
  for (const reason of [undefined as never, ' \n', 'x'.repeat(201)])
    await expect(service.reset('ada', 'grace', reason)).rejects.toMatchObject({
      code: 'configuration-invalid',
    });
  expect(await whoIs(owner)).toBe('ada');
  const resets = Array.from({ length: 4 }, () => service.reset('ada', 'grace', 'lost phone'));
  expect((await Promise.all(resets)).sort()).toEqual([false, false, false, true]);
  expect(await whoIs(owner)).toBe('nobody');
  const events = await host.options.storage.listEvents('ada', 10);
  expect(events.filter(({ kind }) => kind === 'factor.reset').map(({ details }) => details)).toEqual([
    { actor: 'grace', reason: 'lost phone' },
  ]);
});
