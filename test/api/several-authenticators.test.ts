import { totpCode } from 'passport-second-factor/testing';
import { describe, expect, it } from 'vitest';
import { call, eachFace, type Face, type OwnFactor, setUp } from '../helpers/faces.js';
import { type Agent, API, createHost, type Host, readTables, whoIs, wrongCodes } from '../helpers/host.js';

const MINUTE = 60_000;
const STEP = 30_000;

/** Ada's session with a fresh proof, her first authenticator, and a second one. */
async function setUpTwo(
  face: Face,
  host: Host,
): Promise<{ owner: Agent; first: OwnFactor; second: OwnFactor }> {
  const owner = await host.signIn('ada');
  const first = await setUp(face, host, owner, { name: 'First' });
  await face.answer(owner, first.code(1));
  const second = await setUp(face, host, owner, { name: 'Second' });
  return { owner, first, second };
}

async function findId(face: Face, agent: Agent, name: string): Promise<string> {
  const found = (await face.readAuthenticators(agent)).find((authenticator) => authenticator.name === name);
  if (!found) throw new Error(`There is no authenticator "${name}".`);
  return found.id;
}

describe.each(eachFace)('over the %s, a second authenticator', (_, face) => {
  it('stands beside the first one: both sign in, and each code works once', async () => {
    const host = await createHost();
    const { owner, first, second } = await setUpTwo(face, host);
    expect(second.backupCodes.filter((code) => !first.backupCodes.includes(code))).toEqual([]);
    // The codes that proved them are used up.
    const thief = await host.signIn('ada');
    for (const code of [first.code(), first.code(1), second.code()])
      expect((await face.answer(thief, code)).kind).toBe('used');
    host.clock.advance(2 * STEP);
    for (const factor of [first, second]) {
      const agent = await face.signInWhole(host, 'ada', factor.code());
      expect(await whoIs(agent)).toBe('ada');
      expect((await face.answer(await host.signIn('ada'), factor.code())).kind).toBe('used');
      expect((await face.answer(owner, factor.code())).kind).toBe('used');
      // A code of the other one makes no older code of this one new.
      expect((await face.answer(owner, factor.code(-1))).kind).toBe('used');
    }
    expect(await whoIs(await face.signInWhole(host, 'ada', first.backupCodes[0]!))).toBe('ada');
  });

  it('comes with no backup codes of its own, and the first ones stay', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const first = await setUp(face, host, owner);
    await face.saveCodes(owner);
    await face.answer(owner, first.code(1));
    const { key } = await face.setup(owner);
    expect((await face.enable(owner, totpCode(key, host.clock()))).backupCodes).toEqual([]);
    expect(await face.readLeft(owner)).toBe('10 of 10');
    expect(await whoIs(await face.signInWhole(host, 'ada', first.backupCodes[0]!))).toBe('ada');
  });

  it('has a name of its own, without control characters; the first one has the usual name', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const first = await setUp(face, host, owner);
    host.clock.advance(STEP);
    await face.answer(owner, first.code());
    await setUp(face, host, owner, { name: 'Work  phone\u0007' });
    const names = (await face.readAuthenticators(owner)).map(({ name }) => name);
    expect(names).toEqual(['Authenticator app', 'Work phone']);
  });

  it('is one of at most five', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const first = await setUp(face, host, owner);
    for (let count = 2; count <= 5; count += 1) {
      host.clock.advance(STEP);
      await face.answer(owner, first.code());
      await setUp(face, host, owner, { name: `Number ${count}` });
    }
    host.clock.advance(STEP);
    await face.answer(owner, first.code());
    const { status, kind, key } = await face.setup(owner);
    expect([status, kind, key]).toEqual([409, 'full', '']);
    expect((await face.enable(owner, '000000')).kind).not.toBe('accepted');
    expect(readTables(host)['two_factor_authenticators']).toHaveLength(5);

    await face.remove(owner, await findId(face, owner, 'Number 3'));
    expect((await face.setup(owner)).kind).toBe('accepted');
  });

  it('cannot be the sixth by a set-up that was open before the fifth', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const first = await setUp(face, host, owner);
    for (let count = 2; count <= 4; count += 1) {
      host.clock.advance(STEP);
      await face.answer(owner, first.code());
      await setUp(face, host, owner);
    }
    host.clock.advance(STEP);
    const other = await face.signInWhole(host, 'ada', first.code(-1));
    await face.answer(other, first.code());
    const { key } = await face.setup(other);
    await face.answer(owner, first.code(1));
    const confirm = await face.prepare(other, { does: 'enable', code: totpCode(key, host.clock()) });
    await setUp(face, host, owner);
    expect((await confirm()).kind).not.toBe('accepted');
    expect(readTables(host)['two_factor_authenticators']).toHaveLength(5);
  });
});

describe.each(eachFace)('over the %s, the name of an authenticator', (_, face) => {
  it.each([
    ['a letter', 'x', 'x'],
    ['64 letters', 'x'.repeat(64), 'x'.repeat(64)],
    ['64 letters of two halves', '😀'.repeat(64), '😀'.repeat(64)],
    ['control characters', ' My\u0000\r\nPhone\u001b[31m\u202e ', 'My Phone [31m'],
    ['umlauts and quotes', 'Müller’s phone', 'Müller’s phone'],
  ])('may be %s', async (_name, name, kept) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await face.signInWhole(host, 'ada', factor.code());
    const [authenticator] = await face.readAuthenticators(agent);
    expect((await face.rename(agent, authenticator!.id, name)).kind).toBe('accepted');
    expect(await face.readAuthenticators(agent)).toEqual([{ id: authenticator!.id, name: kept }]);
  });

  it.each([
    ['nothing', ''],
    ['white space', ' \t\u00a0\u200b '],
    ['65 letters', 'x'.repeat(65)],
    ['two thousand letters', 'x'.repeat(2_000)],
  ])('may not be %s', async (_name, name) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const agent = await face.signInWhole(host, 'ada', factor.code());
    const before = readTables(host);
    const [authenticator] = await face.readAuthenticators(agent);
    const { status } = await face.rename(agent, authenticator!.id, name);
    expect(status).toBe(face.name === 'pages' ? 422 : 400);
    expect(readTables(host)).toEqual(before);
  });

  it('changes without a proof, but not before the second step, nor by another user', async () => {
    const host = await createHost();
    const [ada, eve] = [await host.enrol('ada'), await host.enrol('eve')];
    const agent = await face.signInWhole(host, 'ada', ada.code());
    const thief = await face.signInWhole(host, 'eve', eve.code());
    const pending = await host.signIn('ada');
    const id = await findId(face, agent, 'Authenticator app');
    expect((await face.rename(thief, id, 'Stolen')).kind).toBe('not-found');
    expect((await face.rename(pending, id, 'Stolen')).kind).toBe('second-factor-required');
    host.clock.advance(60 * MINUTE);
    expect((await face.rename(agent, id, 'Mine')).kind).toBe('accepted');
    expect((await face.readAuthenticators(agent)).map(({ name }) => name)).toEqual(['Mine']);
    // Nothing else changes: the session and the code lane are what they were.
    expect(await whoIs(agent)).toBe('ada');
  });
});

it('markup in the name of an authenticator is shown as text', async () => {
  const host = await createHost();
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  await call(agent, '/verify/me', { code: factor.code() });
  const { authenticators } = (await agent.get(`${API}/status/me`)).body;
  const name = '"><script>alert(1)</script>';
  await call(agent, '/rename/me', { authenticator_id: authenticators[0].id, name });
  const pages = [
    '',
    `/authenticators/${authenticators[0].id}/name`,
    `/authenticators/${authenticators[0].id}/remove`,
  ];
  for (const path of pages) {
    const { status, text } = await agent.get(`/two-factor${path}`);
    expect(status).toBe(200);
    expect(text).not.toContain('<script>');
    expect(text).toContain('&lt;script&gt;');
  }
});

describe.each(eachFace)('over the %s, somebody who removes an authenticator', (_, face) => {
  it('needs a fresh proof of the factor: the password is none', async () => {
    const host = await createHost();
    const { owner, first, second } = await setUpTwo(face, host);
    const id = await findId(face, owner, 'First');
    host.clock.advance(5 * MINUTE);
    expect((await face.remove(owner, id)).kind).toBe('proof-required');
    expect((await face.provePassword(owner, 'ada-password')).kind).not.toBe('accepted');
    expect((await face.remove(owner, id)).kind).toBe('proof-required');
    expect(await face.readAuthenticators(owner)).toHaveLength(2);

    expect((await face.answer(owner, second.code())).kind).toBe('accepted');
    expect((await face.remove(owner, id)).kind).toBe('accepted');
    expect((await face.readAuthenticators(owner)).map(({ name }) => name)).toEqual(['Second']);
    expect(await whoIs(await face.signInWhole(host, 'ada', first.code()))).toBe('nobody');
    expect(await whoIs(await face.signInWhole(host, 'ada', second.code(1)))).toBe('ada');
    expect(await whoIs(await face.signInWhole(host, 'ada', first.backupCodes[0]!))).toBe('ada');
  });

  it('cannot remove the last one', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await face.signInWhole(host, 'ada', factor.code());
    const id = await findId(face, owner, 'Authenticator app');
    const before = readTables(host);
    const { status, kind } = await face.remove(owner, id);
    expect([status, kind]).toEqual([409, 'last']);
    expect(readTables(host)).toEqual(before);
    expect(await whoIs(await face.signInWhole(host, 'ada', factor.code(1)))).toBe('ada');
  });

  it('cannot remove another user’s, which is answered like one that does not exist', async () => {
    const host = await createHost();
    const { owner, first } = await setUpTwo(face, host);
    const evesFactor = await host.enrol('eve');
    const eve = await face.signInWhole(host, 'eve', evesFactor.code());
    const adas = await findId(face, owner, 'First');
    const before = readTables(host);
    const [another, unknown] = [await face.remove(eve, adas), await face.remove(eve, 'who-is-this')];
    expect([another.status, another.kind]).toEqual([404, 'not-found']);
    expect(another.response.text.replaceAll(adas, '')).toBe(
      unknown.response.text.replaceAll('who-is-this', ''),
    );
    expect((await face.rename(eve, adas, 'Stolen')).kind).toBe('not-found');
    expect(readTables(host)).toEqual(before);
    host.clock.advance(2 * STEP);
    expect(await whoIs(await face.signInWhole(host, 'ada', first.code()))).toBe('ada');
  });

  it('is not let in by one before the second step', async () => {
    const host = await createHost();
    const { owner } = await setUpTwo(face, host);
    const id = await findId(face, owner, 'First');
    const pending = await host.signIn('ada');
    expect((await face.remove(pending, id)).kind).toBe('second-factor-required');
    expect(await face.readAuthenticators(owner)).toHaveLength(2);
  });
});

describe.each(eachFace)('over the %s, a first code from a clock that is wrong', (_, face) => {
  it.each([
    [4, '2 minutes', 'fast'],
    [16, '8 minutes', 'fast'],
    [20, '10 minutes', 'fast'],
    [-3, '90 seconds', 'slow'],
    [-20, '10 minutes', 'slow'],
  ])('by %d steps is told so and is not accepted', async (steps, span, direction) => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const { key } = await face.setup(agent);
    const refused = await face.enable(agent, totpCode(key, host.clock() + steps * STEP));
    expect(refused.kind).toBe('wrong');
    expect(refused.response.text).toContain(`about ${span} ${direction}`);
    if (face.name === 'API') expect(refused.response.body.clock_offset).toBe(steps * 30);
    expect(readTables(host)['two_factor_authenticators']).toEqual([]);
    expect((await face.enable(agent, totpCode(key, host.clock()))).kind).toBe('accepted');
  });

  it('is told nothing where no time within ten minutes has that code', async () => {
    const host = await createHost();
    const agent = await host.signIn('ada');
    const { key } = await face.setup(agent);
    const near = Array.from({ length: 43 }, (_step, index) =>
      totpCode(key, host.clock() + (index - 21) * STEP),
    );
    for (const code of [totpCode(key, host.clock() + 22 * STEP), '000000'].filter(
      (far) => !near.includes(far),
    )) {
      const refused = await face.enable(agent, code);
      expect(refused.kind).toBe('wrong');
      expect(refused.response.text).not.toMatch(/clock_offset|fast|slow/);
    }
  });

  it('is never told at a login, in a step-up, when turning off, nor of another authenticator of the user', async () => {
    const host = await createHost();
    const { owner, first } = await setUpTwo(face, host);
    await face.setup(owner);
    const early = first.code(10);
    const refusals = [
      await face.answer(await host.signIn('ada'), early),
      await face.answer(owner, early),
      await face.disable(owner, early),
      // A set-up that is open: the code is of the authenticator that is on.
      await face.enable(owner, wrongCodes(first, 1)[0]!),
      await face.enable(owner, early),
    ];
    for (const { kind, response } of refusals) {
      expect(kind).toBe('wrong');
      expect(response.text).not.toMatch(/clock_offset|seconds (fast|slow)|minutes (fast|slow)/);
    }
  });
});
