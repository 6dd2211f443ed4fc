import Database from 'libsql';
import { sqlStorage } from 'passport-second-factor';
import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import type { UsableKey } from '../../src/crypto/key-ring.js';
import { call, eachFace, faces, setUp } from '../helpers/faces.js';
import {
  API,
  type Agent,
  answer,
  createHost,
  type Host,
  readSessions,
  readSetupKey,
  readTables,
  setUpFactor,
  signInWhole,
  submit,
  whoIs,
  wrongCodes,
  readFormToken,
} from '../helpers/host.js';

/** Everything that a thief of database and session store has, as text. */
async function readEverything(host: Host): Promise<string> {
  return [JSON.stringify(readTables(host)), ...(await readSessions(host))].join('\n');
}

/** The ways in which a secret could have been written down. */
function spellings(key: string): string[] {
  const bytes = decodeBase32(key);
  return [
    key,
    key.toLowerCase(),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    // Base64 depends on where in a longer text the bytes begin.
    ...[0, 1, 2].map((before) => innerBase64(bytes, before)),
    bytes.toString('base64url'),
    bytes.toString('latin1'),
    JSON.stringify(bytes.toString('latin1')).slice(1, -1),
    JSON.stringify([...bytes]).slice(1, -1),
  ];
}

function innerBase64(bytes: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
  return text.slice(before === 0 ? 0 : 4, 24);
}

/** On its own, so that the package's own encoder cannot hide a fault. */
function decodeBase32(key: string): Buffer {
  const bits = [...key].map((symbol) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(symbol).toString(2).padStart(5, '0'),
  );
  return Buffer.from(
    bits
      .join('')
      .match(/.{8}/g)!
      .map((byte) => parseInt(byte, 2)),
  );
}

async function openSetup(agent: Agent): Promise<string> {
  return readSetupKey((await agent.get('/two-factor/setup')).text);
}

describe.each(eachFace)(
  'over the %s, R8 somebody who has stolen the database and the sessions',
  (_, face) => {
    it('finds no secret while a setup is open', async () => {
      const host = await createHost();
      const { key } = await face.setup(await host.signIn('ada'));
      const everything = await readEverything(host);
      expect(everything).toContain('"purpose":"enrolment"');
      for (const spelling of spellings(key)) expect(everything).not.toContain(spelling);
    });

    it('finds no secret and no backup code when the factor is on, before and after saving', async () => {
      const host = await createHost();
      const agent = await host.signIn('ada');
      const { key, backupCodes, code } = await setUp(face, host, agent);
      const dumps = [await readEverything(host)];
      await face.saveCodes(agent);
      // New codes ask for the factor itself, and the code that turned it on is used up.
      await face.answer(agent, backupCodes[1]!);
      const renewed = (await face.proposeCodes(agent)).backupCodes;
      dumps.push(await readEverything(host));
      await face.answer(await host.signIn('ada'), code(1));
      await face.answer(await host.signIn('ada'), backupCodes[0]!);
      dumps.push(await readEverything(host));
      const secrets = [...backupCodes, ...renewed].flatMap((shown) => [shown, shown.replaceAll('-', '')]);
      expect(secrets).toHaveLength(40);
      for (const dump of dumps) {
        for (const secret of [...spellings(key), ...secrets]) expect(dump).not.toContain(secret);
        expect(dump).not.toContain(code(1));
      }
    });
  },
);

describe('R8 somebody who has stolen the database and the sessions', () => {
  it('finds no handle of a pending login, only its hash', async () => {
    const host = await createHost();
    await host.enrol('ada');
    await host.signIn('ada');
    const [session] = await readSessions(host);
    const { handle } = (JSON.parse(session!) as { secondFactor: { pending: { handle: string } } })
      .secondFactor.pending;
    expect(handle).toMatch(/^[\w-]{43}$/);
    expect(JSON.stringify(readTables(host))).not.toContain(handle);
  });
});

describe('R8 a secret is shown once', () => {
  it('and stands in no later page, in no header and in no URL', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const seen: string[] = [];
    const see = (response: { text: string; headers: unknown }): void => {
      seen.push(response.text, JSON.stringify(response.headers));
    };
    const setup = await agent.get('/two-factor/setup');
    expect(JSON.stringify(setup.headers)).not.toContain(readSetupKey(setup.text));
    const { key, code } = await setUpFactor(host, agent);
    expect(key).toBe(readSetupKey(setup.text));

    const paths = ['', '/setup', '/backup-codes', '/disable', '/challenge', '/challenge?return_to=/account'];
    for (const path of paths) see(await agent.get(`/two-factor${path}`));
    for (const wrong of wrongCodes({ code }, 2))
      see(await submit(agent, '/two-factor/disable', { code: wrong }));
    see(await submit(agent, '/two-factor/setup', { code: code(1) }, '/two-factor/disable'));
    see(await submit(agent, '/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes'));
    for (const path of paths) see(await agent.get(`/two-factor${path}`));
    for (const spelling of spellings(key)) expect(seen.join('\n')).not.toContain(spelling);
  });

  it('and another setup after turning off has another one', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const first = await setUpFactor(host, agent);
    await submit(agent, '/two-factor/disable', { code: first.backupCodes[0]! });
    expect(await openSetup(agent)).not.toBe(first.key);
  });
});

describe('R8 an answer of the API', () => {
  it('shows secret and codes where they were asked for, and nowhere else', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const seen: string[] = [];
    const see = (response: { text?: string; headers: object }): void => {
      seen.push(response.text ?? '', JSON.stringify(response.headers));
    };
    const setup = await agent.get(`${API}/setup/me`);
    expect(JSON.stringify(setup.headers)).not.toContain(setup.body.secret);
    const { key, code, backupCodes } = await setUp(faces.API, host, agent);
    expect(key).toBe(setup.body.secret);

    const gets = ['/session', '/status/me', '/setup/me', '/openapi.json', '/setup/eve', '/nothing'];
    for (const path of gets) see(await agent.get(API + path));
    const [first, second] = wrongCodes({ code }, 2);
    see(await call(agent, '/disable/me', { code: first }));
    see(await call(agent, '/verify/me', { code: second }));
    see(await call(agent, '/verify-backup/me', { code: 'not a code' }));
    see(await call(agent, '/verify/me', { code: code(1) }));
    see(await call(agent, '/enable/me', { code: code(1) }));
    const { authenticators } = (await agent.get(`${API}/status/me`)).body;
    see(await call(agent, '/rename/me', { authenticator_id: authenticators[0].id, name: 'Mine' }));
    see(await call(agent, '/remove/me', { authenticator_id: authenticators[0].id }));
    see(await call(agent, '/backup-codes/me', { saved: true }));
    for (const path of gets) see(await agent.get(API + path));
    const whole = seen.join('\n');
    // The first codes went live with the second factor: not even asking for them again shows them once they are saved.
    const again = (await agent.get(`${API}/backup-codes/me`)).text;
    for (const secret of [...spellings(key), ...backupCodes]) expect(whole + again).not.toContain(secret);
    expect(whole).not.toMatch(/sealed|hash|handle|last_?step|epoch/i);
  });

  it('repeats nothing that was sent, right or wrong', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const agent = await host.signIn('ada');
    const secret = 'my-password-in-the-wrong-field';
    for (const body of [
      { code: secret },
      { [secret]: '123456' },
      { code: [secret] },
      `{"code":"${secret}`,
      `"${secret}"`,
    ]) {
      const response = await call(agent, '/verify/me', body).type('json');
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.text + JSON.stringify(response.headers)).not.toContain(secret);
    }
  });
});

describe('R8 a browser or a proxy', () => {
  it('may keep no answer of the API, whatever it was', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    await host.enrol('bob');
    const pending = await host.signIn('bob');
    const responses = [];
    for (const path of [
      '/session',
      '/openapi.json',
      '/status/me',
      '/setup/me',
      '/backup-codes/me',
      '/nothing',
    ]) {
      for (const who of [agent, pending, host.agent()]) responses.push(await who.get(API + path));
      responses.push(await agent.head(API + path), await agent.put(API + path));
    }
    responses.push(
      await call(agent, '/enable/me', { code: '000000' }),
      await call(agent, '/enable/me', { code: 'x'.repeat(10_000) }),
      await call(agent, '/enable/me', 'text').type('text'),
      await agent.post(`${API}/enable/me`).send({}),
      await agent.get(`${API}/setup/%zz`),
      await call(pending, '/verify/me', { code: '000000' }),
      await call(host.agent(), '/verify/me', { code: '000000' }),
    );
    host.database.exec(
      "UPDATE two_factor_authenticators SET sealed_secret = 'test.AAAA' WHERE user_id = 'bob'",
    );
    responses.push(await call(pending, '/verify/me', { code: '000001' }));
    expect(responses.at(-1)!.status).toBe(503);
    for (const { status, headers } of responses) {
      expect([status, headers['cache-control']]).toEqual([status, 'no-store']);
      expect([status, headers['x-content-type-options']]).toEqual([status, 'nosniff']);
    }
  });

  it('may keep nothing but the stylesheet', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    await host.enrol('bob');
    const pending = await host.signIn('bob');
    const token = readFormToken((await agent.get('/two-factor/setup')).text);
    const post = (path: string, fields: object) => agent.post(`/two-factor${path}`).type('form').send(fields);
    const login = { username: 'bob', password: 'bob-password' };
    const responses = [
      await host.agent().get('/two-factor/challenge'),
      await host.agent().get('/two-factor/setup'),
      await pending.get('/two-factor/challenge'),
      await pending.get('/two-factor'),
      await answer(pending, '000000'),
      await host.agent().post('/login').type('form').send(login),
      await agent.get('/two-factor'),
      await agent.get('/two-factor/setup'),
      await agent.get('/two-factor/nothing'),
      await post('/setup', {}),
      await post('/setup', { second_factor_token: token, code: '' }),
      await post('/setup', { second_factor_token: token, code: 'x'.repeat(10_000) }),
      await agent.post('/two-factor/setup').send({}),
      await agent.head('/two-factor/setup'),
    ];
    await setUpFactor(host, agent);
    for (const path of ['', '/backup-codes', '/disable', '/challenge?return_to=/account']) {
      responses.push(await agent.get(`/two-factor${path}`));
    }
    host.database.exec(
      "UPDATE two_factor_authenticators SET sealed_secret = 'test.AAAA' WHERE user_id = 'bob'",
    );
    responses.push(await answer(pending, '000001'));
    expect(responses.at(-1)!.status).toBe(503);
    for (const response of responses) {
      expect([response.status, response.headers['cache-control']]).toEqual([response.status, 'no-store']);
    }
    expect((await agent.get('/two-factor/style.css')).headers['cache-control']).toBe('public, max-age=3600');
  });
});

describe.each(eachFace)('over the %s, R8 somebody who can write into the database', (_, face) => {
  const SEALED = 'UPDATE two_factor_authenticators SET sealed_secret =';

  it("cannot let ada's login take eve's codes by copying eve's sealed secret", async () => {
    const host = await createHost();
    await host.enrol('ada');
    const eve = await host.enrol('eve');
    host.database.exec(
      `${SEALED} (SELECT sealed_secret FROM two_factor_authenticators WHERE user_id = 'eve') WHERE user_id = 'ada'`,
    );
    await expectRefused(host, eve.code());
  });

  it("cannot by giving eve's whole authenticator to ada", async () => {
    const host = await createHost();
    await host.enrol('ada');
    const eve = await host.enrol('eve');
    host.database.exec("DELETE FROM two_factor_authenticators WHERE user_id = 'ada'");
    host.database.exec("UPDATE two_factor_authenticators SET user_id = 'ada' WHERE user_id = 'eve'");
    await expectRefused(host, eve.code());
  });

  it("cannot by giving eve's whole set of backup codes to ada", async () => {
    const host = await createHost();
    await host.enrol('ada');
    const eve = await host.enrol('eve');
    host.database.exec("DELETE FROM two_factor_backup_sets WHERE user_id = 'ada'");
    host.database.exec("UPDATE two_factor_backup_sets SET user_id = 'ada' WHERE user_id = 'eve'");
    await expectRefused(host, eve.backupCodes[0]!);
  });

  it('cannot make a secret live that was never proven', async () => {
    const host = await createHost();
    await host.enrol('ada');
    const eve = await host.signIn('eve');
    const { key } = await face.setup(eve);
    const payload = "(SELECT payload FROM two_factor_pending WHERE purpose = 'enrolment')";
    host.database.exec(`${SEALED} ${payload} WHERE user_id = 'ada'`);
    await expectRefused(host, totpCode(key, host.clock()));
  });

  it("cannot have eve's open setup confirmed as ada's", async () => {
    const host = await createHost();
    const [ada, eve] = [await host.signIn('ada'), await host.signIn('eve')];
    await face.setup(ada);
    await face.setup(eve);
    const confirm = await face.prepare(ada, { does: 'enable', code: '000000' });
    host.database.exec(
      "UPDATE two_factor_pending SET payload = (SELECT payload FROM two_factor_pending WHERE user_id = 'eve')",
    );
    const [shown, confirmed] = [await face.setup(ada), await confirm()];
    expect([shown.status, confirmed.status]).toEqual([503, 503]);
    expect(readTables(host)['two_factor_auth']).toEqual([]);
  });

  it("cannot read ada's proposed backup codes in a session of eve", async () => {
    const host = await createHost();
    const [ada, eve] = [await host.signIn('ada'), await host.signIn('eve')];
    const factors = [await setUp(face, host, ada), await setUp(face, host, eve)];
    host.database.exec(
      "UPDATE two_factor_pending SET payload = (SELECT payload FROM two_factor_pending WHERE user_id = 'ada') " +
        "WHERE purpose = 'backup-codes'",
    );
    await face.answer(eve, factors[1]!.code(1));
    const page = await eve.get('/two-factor/backup-codes');
    const answered = await eve.get(`${API}/backup-codes/me`);
    expect([page.status, answered.status]).toEqual([503, 503]);
    for (const code of factors[0]!.backupCodes) expect(page.text + answered.text).not.toContain(code);
  });

  it('learns nothing about the key ring from the refusal', async () => {
    const host = await createHost();
    const { code } = await host.enrol('ada');
    host.database.exec(`${SEALED} 'other' || substr(sealed_secret, 5)`);
    const refused = await face.answer(await host.signIn('ada'), code());
    expect(refused.status).toBe(503);
    const secret = Buffer.from((host.options.keys as [UsableKey])[0].secret);
    for (const text of [secret.toString('hex'), secret.toString('base64')])
      expect(refused.response.text).not.toContain(text);
  });

  async function expectRefused(host: Host, code: string): Promise<void> {
    const agent = await host.signIn('ada');
    expect((await face.answer(agent, code)).status).toBe(503);
    expect(await whoIs(agent)).toBe('nobody');
  }
});

describe('R8 the key ring', () => {
  it('can be rotated: old secrets open with the old key, and are sealed anew by being used', async () => {
    const [oldKey, newKey] = ['old', 'new'].map((id, index) => ({
      id,
      secret: Buffer.from(Array.from({ length: 32 }, (_, byte) => (byte * 7 + index) % 256)),
    })) as [{ id: string; secret: Buffer }, { id: string; secret: Buffer }];
    const database = new Database(':memory:');
    const storage = sqlStorage.sqlite(database);
    const before = await createHost({ options: { storage, keys: [oldKey] } });
    const factor = await before.enrol('ada');

    const both = await createHost({ options: { storage, keys: [newKey, oldKey] } });
    expect(await whoIs(await signInWhole(both, 'ada', factor.code(-1)))).toBe('ada');
    expect(await whoIs(await signInWhole(both, 'ada', factor.backupCodes[0]!))).toBe('ada');

    // What was used is sealed with the new key by now, so that the old one can go.
    const after = await createHost({ options: { storage, keys: [newKey] } });
    expect(await whoIs(await signInWhole(after, 'ada', factor.code()))).toBe('ada');
    expect(await whoIs(await signInWhole(after, 'ada', factor.backupCodes[1]!))).toBe('ada');
    database.close();
  });
});
