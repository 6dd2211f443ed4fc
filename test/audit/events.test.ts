import type { SecondFactorEvent } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { atOnce, eachFace } from '../helpers/faces.js';
import {
  type Agent,
  API,
  copyAgent,
  createHost,
  failing,
  type Host,
  ORIGIN,
  slowly,
  wrongCodes,
} from '../helpers/host.js';

async function list(host: Host, userId = 'ada'): Promise<SecondFactorEvent[]> {
  return (await host.options.storage.listEvents(userId, 100)).reverse();
}

async function kindsOf(host: Host, userId = 'ada'): Promise<string[]> {
  return (await list(host, userId)).map(({ kind }) => kind);
}

/** Each event on an instant of its own, so that their order is known. */
function passTime(host: Host): void {
  host.clock.advance(30_000);
}

afterEach(() => vi.restoreAllMocks());

describe.each(eachFace)('events over the %s', (_, face) => {
  it('tell the life of a second factor, and listeners hear what was written', async () => {
    const host = await createHost();
    const heard: SecondFactorEvent[] = [];
    host.secondFactor.on('*', (event) => void heard.push(event));
    const owner = await host.signIn('ada');
    const { key } = await face.setup(owner);
    passTime(host);
    const codeOf = (base32: string) => totpCode(base32, host.clock());
    const { backupCodes } = await face.enable(owner, codeOf(key), 'Phone');
    await face.saveCodes(owner);
    passTime(host);

    const visitor = await host.signIn('ada');
    await face.answer(visitor, wrongCodes({ code: () => codeOf(key), secret: key } as never, 1)[0]!);
    passTime(host);
    await face.answer(visitor, codeOf(key));
    passTime(host);
    await face.answer(visitor, codeOf(key));
    passTime(host);
    const [phone] = await face.readAuthenticators(visitor);
    const id = phone?.id ?? '';
    await face.rename(visitor, id, 'Old phone');
    passTime(host);
    const added = await face.setup(visitor);
    await face.enable(visitor, codeOf(added.key), 'Tablet');
    passTime(host);
    await face.remove(visitor, id);
    passTime(host);
    await face.proposeCodes(visitor);
    await face.saveCodes(visitor);
    passTime(host);
    await face.signInWhole(host, 'ada', backupCodes[0]!);
    passTime(host);
    await face.disable(visitor, codeOf(added.key));

    const expected = [
      'factor.enabled',
      'answer.rejected',
      'login.completed',
      'proof.given',
      'authenticator.renamed',
      'authenticator.added',
      'authenticator.removed',
      'backup-codes.renewed',
      'answer.rejected',
      'factor.disabled',
    ];
    expect(await kindsOf(host)).toEqual(expected);
    expect(heard).toEqual(await list(host));
    expect(heard.map(({ details }) => details)).toEqual([
      { authenticator: 'Phone' },
      { factor: 'totp', purpose: 'login' },
      { factor: 'totp' },
      { factor: 'totp' },
      { authenticator: 'Old phone' },
      { authenticator: 'Tablet' },
      { authenticator: 'Old phone' },
      {},
      { factor: 'backup-code', purpose: 'login' },
      { factor: 'totp' },
    ]);
  });

  it('say who it was, from where, and which process wrote it', async () => {
    const host = await createHost({ options: { audit: { node: 'node-7' } } });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    agent.set('User-Agent', `Mozilla/5.0 \u00e9${'x'.repeat(600)}`);
    await face.answer(agent, factor.code());
    const [event] = await list(host);
    expect(event).toMatchObject({ userId: 'ada', kind: 'login.completed', node: 'node-7' });
    expect(event?.address).toMatch(/127\.0\.0\.1$/);
    expect(event?.browser).toMatch(/^Mozilla\/5\.0 [\x20-\x7e]{243}$/);
    expect(event?.at).toBe(host.clock());
  });

  it('tell a backup code that was used, and how many are left', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    await face.signInWhole(host, 'ada', factor.backupCodes[0]!);
    const events = await list(host);
    expect(events.map(({ kind }) => kind).sort()).toEqual(['backup-code.used', 'login.completed']);
    expect(events.find(({ kind }) => kind === 'backup-code.used')?.details).toEqual({ left: 9 });
  });

  it('tell three wrong codes, five, and a suspension, each once', async () => {
    const host = await createHost({ options: { attempts: { cap: 5 } } });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    for (const code of wrongCodes(factor, 5)) {
      host.clock.advance(1);
      await face.answer(agent, code);
    }
    const kinds = await kindsOf(host);
    expect(kinds.filter((kind) => kind === 'answer.rejected')).toHaveLength(5);
    expect(kinds.filter((kind) => kind !== 'answer.rejected').sort()).toEqual([
      'factor.suspended',
      'login.exhausted',
      'login.suspected',
    ]);
    const before = kinds.length;
    await face.answer(await host.signIn('ada'), factor.code());
    expect(await kindsOf(host), 'what is refused unseen writes nothing').toHaveLength(before);
  });

  it('are there once for what happens once, whatever comes at the same time', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agents = await Promise.all(Array.from({ length: 4 }, () => host.signIn('ada')));
    await atOnce(agents.map((agent) => [face, agent, { does: 'answer', code: factor.code() }]));
    const kinds = await kindsOf(host);
    expect(kinds.filter((kind) => kind === 'login.completed')).toHaveLength(1);
    expect(kinds).toHaveLength(4);
  });

  it('are neither written nor heard where the change is not made', async () => {
    const host = await createHost({
      wrapStorage: (storage) => failing(storage, new Set(['renewBackupCodes'])),
    });
    const factor = await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', factor.code());
    const before = await kindsOf(host);
    const heard = vi.fn();
    host.secondFactor.on('*', heard);
    await face.proposeCodes(owner);
    expect((await face.saveCodes(owner)).kind).toBe('unavailable');
    expect(await kindsOf(host)).toEqual(before);
    expect(heard).not.toHaveBeenCalled();
  });

  it('tell no change where a name stays what it was', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', factor.code());
    const [own] = await face.readAuthenticators(owner);
    const before = await kindsOf(host);
    for (let time = 0; time < 3; time += 1)
      expect((await face.rename(owner, own!.id, own!.name)).kind).toBe('accepted');
    expect(await kindsOf(host)).toEqual(before);
    await face.rename(owner, own!.id, 'Another');
    expect(await kindsOf(host)).toHaveLength(before.length + 1);
  });

  it('are heard once where of two changes at once one is made', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', factor.code());
    await face.proposeCodes(owner);
    const heard: string[] = [];
    host.secondFactor.on('backup-codes.renewed', ({ id }) => void heard.push(id));
    const agents = Array.from({ length: 4 }, () => copyAgent(host, owner));
    await atOnce(agents.map((agent) => [face, agent, { does: 'saveCodes' }]));
    expect(heard).toEqual(
      (await list(host)).filter(({ kind }) => kind === 'backup-codes.renewed').map(({ id }) => id),
    );
    expect(heard).toHaveLength(1);
  });

  it('are not held up by a listener that fails, in whatever way', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const host = await createHost();
    const factor = await host.enrol('ada');
    host.secondFactor.on('login.completed', () => {
      throw new Error('at once');
    });
    host.secondFactor.on('login.completed', () => Promise.reject(new Error('later')));
    host.secondFactor.on('login.completed', () => new Promise(() => undefined));
    const off = vi.fn();
    host.secondFactor.on('login.completed', off);
    host.secondFactor.off('login.completed', off);
    const agent = await host.signIn('ada');
    expect((await face.answer(agent, factor.code())).kind).toBe('accepted');
    expect(off).not.toHaveBeenCalled();
    const texts = warn.mock.calls.map(([text]) => String(text));
    expect(texts.filter((text) => text.includes('login.completed'))).toHaveLength(2);
  });
});

describe.each(eachFace)('events of a support code over the %s', (_, face) => {
  const issue = (host: Host) =>
    host.secondFactor.service.issueSupportCode('ada', { actor: 'grace', reason: 'lost phone' });

  it('tell who gave it and why, and that it was used', async () => {
    const host = await createHost();
    const heard: SecondFactorEvent[] = [];
    host.secondFactor.on('*', (event) => void heard.push(event));
    await host.enrol('ada');
    const given = await issue(host);
    if (given.kind !== 'issued') throw new Error(given.kind);
    passTime(host);
    await face.signInWhole(host, 'ada', given.code);
    const expected = [
      ['support-code.issued', { actor: 'grace', reason: 'lost phone', expiresAt: given.expiresAt }],
      ['login.completed', { factor: 'backup-code' }],
      ['support-code.used', {}],
    ];
    expect(heard.map(({ kind, details }) => [kind, details])).toEqual(expected);
    expect(await kindsOf(host)).toEqual(expect.arrayContaining(expected.map(([kind]) => kind)));
    expect(await list(host)).toHaveLength(3);
  });

  it('are not there where it was not issued, and tell no use where it was not used', async () => {
    const faults = new Set<keyof Host['options']['storage']>(['issueSupportCode']);
    const host = await createHost({ wrapStorage: (storage) => failing(storage, faults) });
    await host.enrol('ada');
    await expect(issue(host)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(await kindsOf(host)).toEqual([]);
    faults.clear();
    const given = await issue(host);
    faults.add('accept');
    const agent = await host.signIn('ada');
    expect((await face.answer(agent, given.kind === 'issued' ? given.code : '')).kind).toBe('unavailable');
    expect((await kindsOf(host)).sort()).toEqual(['answer.rejected', 'support-code.issued']);
  });
});

describe('secondFactor.close', () => {
  it('waits for listeners that are under way', async () => {
    const host = await createHost();
    let isDone = false;
    host.secondFactor.on('sessions.revoked', async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      isDone = true;
    });
    await host.secondFactor.revoke('ada');
    expect(isDone).toBe(false);
    await host.secondFactor.close();
    expect(isDone).toBe(true);
  });
});

describe('events of calls without a face', () => {
  it('tell revocations and their reasons, and a reset by whom', async () => {
    const host = await createHost({
      options: { api: { authorize: () => true } },
    });
    await host.enrol('ada');
    await host.secondFactor.revoke('ada');
    passTime(host);
    await host.secondFactor.passwordChanged('ada');
    passTime(host);
    const admin: Agent = await host.signIn('bob');
    await admin.post(`${API}/disable/ada`).set('Origin', ORIGIN).send({}).expect(200);
    expect((await list(host)).map(({ kind, details, address }) => [kind, details, address !== null])).toEqual(
      [
        ['sessions.revoked', { reason: 'host' }, false],
        ['sessions.revoked', { reason: 'password-changed' }, false],
        ['factor.reset', { actor: 'bob', reason: null }, true],
      ],
    );
  });

  it('go with the user, and with their age', async () => {
    const host = await createHost();
    await host.enrol('ada');
    await host.secondFactor.revoke('ada');
    await host.secondFactor.revoke('bob');
    await host.secondFactor.forget('ada');
    expect(await kindsOf(host)).toEqual([]);
    expect(await kindsOf(host, 'bob')).toHaveLength(1);
  });
});
