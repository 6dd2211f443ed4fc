import { describe, expect, it } from 'vitest';
import { faces } from '../helpers/faces.js';
import { createHost, setUpFactor, whoIs } from '../helpers/host.js';
import { revocationOf } from '../../src/testing/storage-fixtures.js';

const MINUTE = 60_000;
const reason = 'lost phone, ID seen';

describe('the page after a login with a support code', () => {
  it('says what is to be done now, leads there, and goes on to where the login was going', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const given = await host.secondFactor.service.issueSupportCode('ada', { reason });
    const agent = await host.signIn('ada');
    expect((await agent.get('/two-factor/challenge?use=backup-code')).text).toContain(
      'or the code that support gave you',
    );
    const { response } = await faces.pages.answer(agent, given.kind === 'issued' ? given.code : '');
    const { text } = await agent.get(String(response.headers['location']));
    expect(text).toContain('<h1>You used a support code</h1>');
    expect(text).toContain('Do it now: for 5 minutes you are asked for no other code.');
    expect(text).toContain('<a class="sf-button" href="/two-factor">');
    expect(text).toContain('<a href="/account">');
    expect(text).not.toContain('backup codes are left');
    // It leads somewhere: the lost authenticator is replaced without another code.
    const [lost] = await faces.pages.readAuthenticators(agent);
    expect((await agent.get(`/two-factor/setup?replaces=${lost?.id ?? ''}`)).status).toBe(200);
    await setUpFactor(host, agent);
    expect(await whoIs(agent)).toBe('ada');
  });
});

describe('service.issueSupportCode', () => {
  it('gives a code for 15 minutes, or for as long as it is told', async () => {
    const host = await createHost();
    const { service } = host.secondFactor;
    await host.enrol('ada');
    const code = expect.stringMatching(/^([0-9A-Z]{4}-){5}[0-9A-Z]{4}$/) as string;
    expect(await service.issueSupportCode('ada', { reason })).toEqual({
      kind: 'issued',
      code,
      expiresAt: host.clock() + 15 * MINUTE,
    });
    for (const lifetime of [MINUTE, 24 * 60 * MINUTE])
      expect(await service.issueSupportCode('ada', { reason, lifetime })).toMatchObject({
        expiresAt: host.clock() + lifetime,
      });
  });

  it('gives none where there is no second factor, and none to an account that changes in that moment', async () => {
    let isArmed = false;
    const host = await createHost({
      wrapStorage: (storage) => ({
        ...storage,
        async issueSupportCode(issue) {
          if (isArmed) await storage.raiseEpoch(revocationOf(issue.pending.userId));
          return storage.issueSupportCode(issue);
        },
      }),
    });
    const { service } = host.secondFactor;
    expect(await service.issueSupportCode('ada', { reason })).toEqual({ kind: 'not-enabled' });
    await host.enrol('ada');
    isArmed = true;
    expect(await service.issueSupportCode('ada', { reason })).toEqual({ kind: 'expired' });
    expect(await host.options.storage.listEvents('ada', 10)).toEqual([]);
  });

  it.each([
    { reason, lifetime: 0 },
    { reason, lifetime: MINUTE - 1 },
    { reason, lifetime: 24 * 60 * MINUTE + 1 },
    { reason, lifetime: Infinity },
    { reason, lifetime: MINUTE + 0.5 },
    { reason, lifetime: '15m' },
    { reason, actor: 7 },
    { lifetime: MINUTE },
    { reason: undefined },
  ])('is told what is wrong with %j', async (options) => {
    const host = await createHost();
    await host.enrol('ada');
    const call = host.secondFactor.service.issueSupportCode('ada', options as never);
    await expect(call).rejects.toMatchObject({ code: 'configuration-invalid' });
    expect(await host.options.storage.findSupportCode('ada')).toBeUndefined();
  });
});
