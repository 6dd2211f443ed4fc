import type { Notice } from 'passport-second-factor';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eachFace } from '../helpers/faces.js';
import { createHost, wrongCodes } from '../helpers/host.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

function collect(language?: 'en' | 'id') {
  const notices: Notice[] = [];
  return {
    notices,
    options: {
      notices: {
        send: (notice: Notice) => void notices.push(notice),
        ...(language && { language: () => language }),
      },
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

afterEach(() => vi.restoreAllMocks());

describe.each(eachFace)('notices over the %s', (_, face) => {
  it('tell the owner of three wrong codes after the right password, once', async () => {
    const { notices, options } = collect();
    const host = await createHost({ options });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    agent.set('User-Agent', FIREFOX);
    const [first, second, ...others] = wrongCodes(factor, 4);
    await face.answer(agent, first!);
    await face.answer(agent, second!);
    expect(notices).toEqual([]);
    for (const code of others) await face.answer(agent, code);
    await settled();
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatchObject({ userId: 'ada', kind: 'login.suspected', language: 'en' });
    expect(notices[0]?.subject).toBe('Somebody may know your password');
    expect(notices[0]?.text).toContain('Three wrong codes were entered after the right password.');
    expect(notices[0]?.text).toContain('Firefox on Linux');
    expect(notices[0]?.text).toContain('http://localhost:3000/two-factor');
    for (const code of wrongCodes(factor, 4)) expect(JSON.stringify(notices)).not.toContain(code);
  });

  it('tell the owner also where the wrong codes are spread over logins, of both kinds, with right ones between', async () => {
    const { notices, options } = collect();
    const host = await createHost({ options });
    const factor = await host.enrol('ada');
    const [first, second] = wrongCodes(factor, 2);
    await face.answer(await host.signIn('ada'), first!);
    await face.answer(await host.signIn('ada'), '0000-0000-0000-0000-0000-0000');
    await face.signInWhole(host, 'ada', factor.code());
    host.clock.advance(86_400_000);
    expect(notices).toEqual([]);
    await face.answer(await host.signIn('ada'), second!);
    await settled();
    expect(notices.map(({ kind }) => kind)).toEqual(['login.suspected']);
  });

  it('warn of few backup codes, in the language of the user', async () => {
    const { notices, options } = collect('id');
    const host = await createHost({ options });
    const factor = await host.enrol('ada');
    for (const code of factor.backupCodes.slice(0, 7)) await face.signInWhole(host, 'ada', code);
    await settled();
    expect(notices).toHaveLength(7);
    expect(notices.slice(0, 6).every(({ text }) => !text.includes('tinggal'))).toBe(true);
    expect(notices[6]?.text).toContain('Kode cadangan Anda tinggal 3.');
    expect(notices[6]?.subject).toBe('Satu kode cadangan dipakai');
    for (const code of factor.backupCodes) expect(JSON.stringify(notices)).not.toContain(code);
  });

  it.each([
    [
      'en',
      ['A support code was given out for your account', 'A support code was used'],
      'change your password',
    ],
    ['id', ['Kode dukungan diberikan untuk akun Anda', 'Kode dukungan dipakai'], 'ganti kata sandi Anda'],
  ] as const)(
    'tell of a support code that was given and of its use (%s)',
    async (language, subjects, advice) => {
      const { notices, options } = collect(language);
      const host = await createHost({ options });
      await host.enrol('ada');
      const wish = { actor: 'grace', reason: 'lost phone' };
      const given = await host.secondFactor.service.issueSupportCode('ada', wish);
      if (given.kind !== 'issued') throw new Error(given.kind);
      await face.signInWhole(host, 'ada', given.code);
      await settled();
      expect(notices.map(({ subject }) => subject)).toEqual(subjects);
      expect(notices[0]?.text).toContain('lost phone');
      for (const { text } of notices) {
        expect(text).toContain(advice);
        expect(text).not.toContain(given.code);
        expect(text).not.toContain('grace');
      }
    },
  );

  it('that cannot be sent hold nothing up', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const send = () => Promise.reject(new Error('no mail today'));
    const host = await createHost({ options: { notices: { send } } });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect((await face.answer(agent, factor.backupCodes[0]!)).kind).toBe('accepted');
    await settled();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('no mail today'), expect.anything());
  });
});
