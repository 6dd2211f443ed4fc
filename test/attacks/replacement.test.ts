import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  API,
  createHost,
  type Host,
  ORIGIN,
  readCounters,
  readSetupKey,
  readTables,
  signInWhole,
  slowly,
  stepUp,
  submit,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';

interface Row {
  id: string;
  user_id: string;
  name: string;
}

function listRows(host: Host, userId = 'ada'): Row[] {
  return (readTables(host)['two_factor_authenticators'] as Row[]).filter(({ user_id }) => user_id === userId);
}

/** Begins a replacement and confirms it; each returns the status of the answer. */
interface Face {
  begin(agent: Agent, replaces: string): Promise<{ status: number; key: string }>;
  confirm(agent: Agent, replaces: string, code: string): Promise<number>;
  done: number;
}

const faces: Record<string, Face> = {
  pages: {
    done: 303,
    async begin(agent, replaces) {
      const { status, text } = await agent.get(`/two-factor/setup?replaces=${replaces}`);
      return { status, key: status === 200 ? readSetupKey(text) : '' };
    },
    async confirm(agent, replaces, code) {
      const page = '/two-factor/setup';
      return (await submit(agent, page, { code, replaces })).status;
    },
  },
  API: {
    done: 200,
    async begin(agent, replaces) {
      const { status, body } = await agent.get(`${API}/setup/me`).query({ replaces });
      return { status, key: body.secret as string };
    },
    async confirm(agent, replaces, code) {
      return (await agent.post(`${API}/enable/me`).set('Origin', ORIGIN).send({ code, replaces })).status;
    },
  },
};

describe.each(Object.entries(faces))('R10 over the %s, a replaced authenticator', (_name, face) => {
  it('works until the new one is proven, and never after', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    const old = listRows(host)[0]!;
    const { key } = await face.begin(owner, old.id);
    expect(await face.confirm(owner, old.id, wrongCodes(factor, 1)[0]!)).toBe(422);
    expect(listRows(host)).toEqual([old].map((row) => expect.objectContaining({ id: row.id })));
    const meanwhile = await signInWhole(host, 'ada', factor.code(1));
    expect(await whoIs(meanwhile)).toBe('ada');

    expect(await face.confirm(owner, old.id, totpCode(key, host.clock()))).toBe(face.done);
    expect(listRows(host)).toMatchObject([{ name: old.name }]);
    expect(listRows(host)[0]!.id).not.toBe(old.id);
    expect([await whoIs(owner), await whoIs(meanwhile)]).toEqual(['ada', 'nobody']);
    host.clock.advance(60_000);
    expect((await answer(await host.signIn('ada'), factor.code())).status).toBe(422);
    expect(await whoIs(await signInWhole(host, 'ada', totpCode(key, host.clock())))).toBe('ada');
  });

  it('needs a fresh proof of the factor, and is the own one', async () => {
    const host = await createHost();
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const thief = await signInWhole(host, 'eve', eve.code());
    const theirs = listRows(host)[0]!;
    expect((await face.begin(thief, theirs.id)).status).toBe(404);
    const { key } = await face.begin(thief, listRows(host, 'eve')[0]!.id);
    expect(await face.confirm(thief, theirs.id, totpCode(key, host.clock()))).toBe(404);
    expect(listRows(host)).toEqual([theirs]);

    const owner = await signInWhole(host, 'ada', ada.code());
    host.clock.advance(5 * 60_000);
    expect([303, 401]).toContain((await face.begin(owner, theirs.id)).status);
  });

  it('is replaced once by two requests at once', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    const old = listRows(host)[0]!;
    const { key } = await face.begin(owner, old.id);
    const code = totpCode(key, host.clock());
    await Promise.all([face.confirm(owner, old.id, code), face.confirm(owner, old.id, code)]);
    expect(listRows(host)).toHaveLength(1);
    expect(listRows(host)[0]!.id).not.toBe(old.id);
  });

  it('lifts the suspension of TOTP codes for whoever came in with a backup code', async () => {
    const host = await createHost({ options: { attempts: { cap: 5 } } });
    const factor = await host.enrol('ada');
    const guesser = await host.signIn('ada');
    for (const code of wrongCodes(factor, 5)) await answer(guesser, code);
    expect(readCounters(host, 'ada').totp).toBe(5);
    const owner = await signInWhole(host, 'ada', factor.backupCodes[0]!);
    const { key } = await face.begin(owner, listRows(host)[0]!.id);
    expect(await face.confirm(owner, listRows(host)[0]!.id, totpCode(key, host.clock()))).toBe(face.done);
    expect(readCounters(host, 'ada').totp).toBe(0);
    expect(await whoIs(await signInWhole(host, 'ada', totpCode(key, host.clock() + 30_000)))).toBe('ada');
  });
});

it('R6 R10 a proof that is asked for on the way to a replacement does not make an addition of it', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const owner = await signInWhole(host, 'ada', factor.code());
  const path = `/two-factor/setup?replaces=${listRows(host)[0]!.id}`;
  host.clock.advance(5 * 60_000);
  const asked = await owner.get(path);
  expect(asked.headers['location']).toBe(`/two-factor/challenge?return_to=${encodeURIComponent(path)}`);
  const back = (await stepUp(owner, factor.code(), path)).headers['location'] as string;
  expect(back).toBe(path);
  expect((await owner.get(back)).text).toContain('Replace an authenticator app');
});
