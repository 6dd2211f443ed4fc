import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { createKeyRing } from '../../src/crypto/key-ring.js';
import { sealSecret } from '../../src/totp/secret.js';
import { call, eachFace, setUp } from '../helpers/faces.js';
import { API, createHost, readTables, submit, whoIs } from '../helpers/host.js';

/** What an attacker would have the account enrolled with. */
const OWN = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const names = ['secret', 'key', 'uri', 'sealed_secret', 'authenticator', 'payload'];

describe('R10 somebody who brings a secret along', () => {
  it('sets it up with no field and no query of the pages', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const query = names.map((name) => `${name}=${OWN}`).join('&');
    expect((await agent.get(`/two-factor/setup?${query}`)).text.replaceAll(' ', '')).not.toContain(OWN);
    const fields = Object.fromEntries(names.map((name) => [name, OWN]));
    const code = totpCode(OWN, host.clock());
    const refused = await submit(agent, '/two-factor/setup', { ...fields, code });
    expect(refused.status).toBe(422);
    expect(readTables(host)['two_factor_authenticators']).toEqual([]);
  });

  it('sets it up with no field and no query of the API', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const code = totpCode(OWN, host.clock());
    for (const name of names) {
      const { body } = await agent.get(`${API}/setup/me?${name}=${OWN}`);
      expect(body.secret).toMatch(/^[A-Z2-7]{32}$/);
      expect(body.secret).not.toBe(OWN);
      const refused = await call(agent, '/enable/me', { code, [name]: OWN });
      expect([refused.status, refused.body.code]).toEqual([400, 'request-invalid']);
    }
    expect((await call(agent, '/enable/me', { code })).body.code).toBe('code-wrong');
    expect(readTables(host)['two_factor_authenticators']).toEqual([]);
  });
});

describe.each(eachFace)('over the %s, an authenticator whose secret was emptied', (_, face) => {
  it('lets nobody in, neither with the code of no secret nor with the old one', async () => {
    const host = await createHost();
    const owner = await setUp(face, host, await host.signIn('ada'));
    const [{ id } = { id: '' }] = readTables(host)['two_factor_authenticators'] as { id: string }[];
    const empty = sealSecret(
      createKeyRing(host.options.keys as never),
      { userId: 'ada', id },
      new Uint8Array(0),
    );
    host.database.prepare('UPDATE two_factor_authenticators SET sealed_secret = ?').run([empty]);
    host.clock.advance(30_000);
    const codes = [owner.code(), '000000', totpCode(new Uint8Array(16), host.clock())];
    for (const code of codes) {
      const agent = await host.signIn('ada');
      // HMAC pads a short key with zeros, so the last of these is the code of no secret at all.
      expect((await face.answer(agent, code)).kind).toBe('unavailable');
      expect(await whoIs(agent)).toBe('nobody');
    }
  });
});
