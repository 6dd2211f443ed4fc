import type { Storage } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { answer, createHost, type Host, readCounters, wrongCodes } from '../helpers/host.js';
import { revocationOf } from '../../src/testing/storage-fixtures.js';

/** A host whose accounts change right after a verb was used. */
async function createShifty(
  change: (host: Host) => Promise<unknown>,
): Promise<{ host: Host; after(verb: keyof Storage): void }> {
  let awaited: keyof Storage | undefined;
  const host: Host = await createHost({
    wrapStorage: (storage) =>
      new Proxy(storage, {
        get(target, name: keyof Storage) {
          if (name !== awaited) return target[name];
          return async (...parameters: never[]) => {
            awaited = undefined;
            const result = await (target[name] as (...all: never[]) => Promise<unknown>)(...parameters);
            await change(host);
            return result;
          };
        },
      }),
  });
  return {
    host,
    after: (verb) => {
      awaited = verb;
    },
  };
}

describe('R4 somebody who guesses through the service', () => {
  it('has the same answers as on the pages, also in parallel, and by either way', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const { service } = host.secondFactor;
    const codes = wrongCodes(factor, 24);
    const calls = codes.flatMap((code) => [service.verify('ada', code), service.disable('ada', code)]);
    const kinds = (await Promise.all(calls)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== 'delayed')).toEqual(['wrong', 'wrong', 'wrong', 'wrong', 'wrong']);
    expect(readCounters(host, 'ada').totp).toBe(5);
    expect((await answer(await host.signIn('ada'), factor.code())).status).toBe(429);
  });
});

describe('R11 a host that passes on what a request has brought', () => {
  const hostile: unknown[] = [
    undefined,
    null,
    123456,
    ['123456'],
    { code: '123456' },
    '',
    '１２３４５６',
    'x'.repeat(10_000),
  ];
  it('gets a refusal for every code that is none', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const { service } = host.secondFactor;
    const begun = await service.generate('bob', 'bob');
    const handle = begun.kind === 'pending' ? begun.handle : '';
    for (const code of hostile as string[]) {
      const results = await Promise.all([
        service.verify('ada', code),
        service.disable('ada', code),
        service.generate('ada', 'ada', code),
        service.proposeBackupCodes('ada', code),
        service.enable('bob', handle, code),
      ]);
      expect(results.map(({ kind }) => kind)).toEqual(Array(5).fill('malformed'));
    }
    // What no person types, the host's own arguments, is named as its mistake where it is no text.
    const isText = (value: unknown): boolean => typeof value === 'string';
    for (const name of hostile.filter(isText) as string[]) {
      expect(await service.enable('bob', handle, '000000', name)).toMatchObject({ kind: 'wrong' });
    }
    for (const other of hostile.filter(isText) as string[]) {
      expect(await service.enable('bob', other, '000000')).toEqual({ kind: 'expired' });
      expect(await service.saveBackupCodes('ada', other)).toBe(false);
    }
    for (const other of hostile.filter((value) => !isText(value)) as string[]) {
      const named = { code: 'configuration-invalid' };
      await expect(service.enable('bob', other, '000000')).rejects.toMatchObject(named);
      await expect(service.saveBackupCodes('ada', other)).rejects.toMatchObject(named);
    }
  });

  it('gets a refusal for the handle of another user, and changes neither', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    const begun = await service.generate('bob', 'bob');
    if (begun.kind !== 'pending') throw new Error(begun.kind);
    const code = totpCode(begun.key, host.clock());
    expect(await service.enable('eve', begun.handle, code)).toEqual({ kind: 'expired' });
    expect(await service.enable('bob', begun.handle, code)).toMatchObject({ kind: 'enabled' });
  });
});

describe('R6 somebody whose account changes in the moment of a call', () => {
  it('adds no authenticator without a code to a second factor that was turned on meanwhile', async () => {
    const { host, after } = await createShifty(({ enrol }) => enrol('bob'));
    const { service } = host.secondFactor;
    after('findAccount');
    const begun = await service.generate('bob', 'bob');
    if (begun.kind !== 'pending') throw new Error(begun.kind);
    const added = await service.enable('bob', begun.handle, totpCode(begun.key, host.clock()));
    expect(added).toEqual({ kind: 'expired' });
    expect((await service.status('bob')).authenticators).toHaveLength(1);
  });

  it('gets no backup codes by a code from before a change that ended everything', async () => {
    const { host, after } = await createShifty((shifted) =>
      shifted.options.storage.raiseEpoch(revocationOf('ada')),
    );
    const factor = await host.enrol('ada');
    const { service } = host.secondFactor;
    for (const verb of ['findAccount', 'spendAttempt', 'accept'] as const) {
      host.clock.advance(30_000);
      after(verb);
      const proposed = await service.proposeBackupCodes('ada', factor.code());
      if (proposed.kind === 'proposed')
        expect(await service.saveBackupCodes('ada', proposed.handle)).toBe(false);
    }
    expect((await service.status('ada')).backupCodes?.left).toBe(10);
  });
});
