import { describe, expect, it } from 'vitest';
import { atOnce, eachFace, faces, setUp, tally } from '../helpers/faces.js';
import {
  type Agent,
  createHost,
  readBackupCodes,
  setUpFactor,
  slowly,
  stepUp,
  submit,
  whoIs,
} from '../helpers/host.js';

const MINUTE = 60_000;

/** As the page shows them to the session that they were made for. */
async function readCodes(agent: Agent): Promise<string[]> {
  return readBackupCodes((await agent.get('/two-factor/backup-codes')).text);
}

describe.each(eachFace)('over the %s', (_, face) => {
  describe('R9 somebody who has seen a backup code', () => {
    it('cannot use it after its owner', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const owner = await face.signInWhole(host, 'ada', factor.backupCodes[0]!);
      expect(await whoIs(owner)).toBe('ada');
      const thief = await host.signIn('ada');
      expect((await face.answer(thief, factor.backupCodes[0]!)).kind).toBe('wrong');
      expect((await face.answer(owner, factor.backupCodes[0]!)).kind).toBe('wrong');
      expect((await face.disable(owner, factor.backupCodes[0]!)).kind).toBe('wrong');
      expect(await whoIs(thief)).toBe('nobody');
      expect(await face.readLeft(owner)).toBe('9 of 10');
    });

    it('cannot use it in 16 sessions in the same instant: one login', async () => {
      const host = await createHost({ wrapStorage: slowly });
      const factor = await host.enrol('ada');
      const agents = await Promise.all(Array.from({ length: 16 }, () => host.signIn('ada')));
      const code = factor.backupCodes[3]!;
      const outcomes = await atOnce(agents.map((agent) => [face, agent, { does: 'answer', code }]));
      expect(tally(outcomes).accepted).toBe(1);
      const users = await Promise.all(agents.map(whoIs));
      expect(users.filter((user) => user === 'ada')).toHaveLength(1);
      expect(await face.readLeft(agents[users.indexOf('ada')]!)).toBe('9 of 10');
    });

    it("cannot use it at another user's login", async () => {
      const host = await createHost();
      const eve = await host.enrol('eve');
      await host.enrol('ada');
      const thief = await host.signIn('ada');
      expect((await face.answer(thief, eve.backupCodes[0]!)).kind).toBe('wrong');
      expect(await whoIs(thief)).toBe('nobody');
      // It was not used up either.
      expect(await whoIs(await face.signInWhole(host, 'eve', eve.backupCodes[0]!))).toBe('eve');
    });

    it("cannot make it another user's by moving rows in the database", async () => {
      const host = await createHost();
      const eve = await host.enrol('eve');
      await host.enrol('ada');
      const setOf = "(SELECT id FROM two_factor_backup_sets WHERE user_id = 'ada')";
      host.database.exec(`UPDATE two_factor_backup_codes SET set_id = ${setOf} WHERE set_id <> ${setOf}`);
      const thief = await host.signIn('ada');
      expect((await face.answer(thief, eve.backupCodes[0]!)).kind).toBe('wrong');
      expect(await whoIs(thief)).toBe('nobody');
    });

    it.each([
      ['in lower case', (code: string) => code.toLowerCase()],
      ['without dashes', (code: string) => code.replaceAll('-', '')],
      ['with spaces', (code: string) => ` ${code.replaceAll('-', '  ')} `],
      ['with I, L and O', (code: string) => code.replace('1', 'I').replace('1', 'l').replaceAll('0', 'o')],
    ])('may have it as the owner %s', async (_name, write) => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      for (const code of factor.backupCodes.slice(0, 4)) {
        expect(await whoIs(await face.signInWhole(host, 'ada', write(code)))).toBe('ada');
      }
    });
  });

  describe('R9 the first codes', () => {
    it('work at once, before they are saved, and count down', async () => {
      const host = await createHost();
      const owner = await host.signIn('ada');
      const { backupCodes } = await setUp(face, host, owner);
      expect(backupCodes).toHaveLength(10);
      expect(new Set(backupCodes).size).toBe(10);
      for (const code of backupCodes)
        expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
      expect(await face.readLeft(owner)).toBe('10 of 10');
      expect(await whoIs(await face.signInWhole(host, 'ada', backupCodes[9]!))).toBe('ada');
      expect(await face.readLeft(owner)).toBe('9 of 10');
    });

    it('cannot be read by another session of the same user', async () => {
      const host = await createHost();
      const owner = await host.signIn('ada');
      const { code, backupCodes } = await setUp(face, host, owner);
      const other = await face.signInWhole(host, 'ada', code(1));
      expect(await whoIs(other)).toBe('ada');
      expect((await other.get('/two-factor/backup-codes')).text).not.toContain(backupCodes[0]);
      expect((await face.saveCodes(other)).kind).toBe('proposal-missing');
      expect(await readCodes(owner)).toEqual(backupCodes);
      // Whoever has just proven the factor may have new ones proposed, which are others.
      const proposed = await face.proposeCodes(other);
      expect(proposed.backupCodes).toHaveLength(10);
      expect(proposed.backupCodes).not.toContain(backupCodes[0]);
      expect(await face.readLeft(owner)).toBe('10 of 10');
    });

    it('are the same to whoever asks again before they are saved, and others after', async () => {
      const host = await createHost();
      const owner = await host.signIn('ada');
      const { backupCodes, code } = await setUp(face, host, owner);
      expect((await face.answer(owner, code(1))).kind).toBe('accepted');
      expect((await face.proposeCodes(owner)).backupCodes).toEqual(backupCodes);
      expect((await face.saveCodes(owner)).kind).toBe('accepted');
      // Saving changes nothing but that: the session and the codes live on.
      expect(await whoIs(owner)).toBe('ada');
      expect((await face.answer(owner, backupCodes[0]!)).kind).toBe('accepted');
      const renewed = (await face.proposeCodes(owner)).backupCodes;
      expect(renewed).toHaveLength(10);
      expect(renewed.filter((renewedCode) => backupCodes.includes(renewedCode))).toEqual([]);
    });
  });

  describe('R9 a renewal of backup codes', () => {
    it('lets the old codes work until the new ones are saved, and only the new ones after', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const owner = await face.signInWhole(host, 'ada', factor.code());
      const renewed = (await face.proposeCodes(owner)).backupCodes;
      expect(renewed).toHaveLength(10);
      expect(await whoIs(await face.signInWhole(host, 'ada', renewed[0]!))).toBe('nobody');
      expect(await whoIs(await face.signInWhole(host, 'ada', factor.backupCodes[0]!))).toBe('ada');

      await face.saveCodes(owner);
      expect(await whoIs(owner)).toBe('ada');
      expect(await readCodes(owner)).toEqual([]);
      expect(await whoIs(await face.signInWhole(host, 'ada', factor.backupCodes[1]!))).toBe('nobody');
      expect(await whoIs(await face.signInWhole(host, 'ada', renewed[0]!))).toBe('ada');
      expect(await face.readLeft(owner)).toBe('9 of 10');
    });

    it('that is never saved changes nothing', async () => {
      const host = await createHost();
      const factor = await host.enrol('ada');
      const owner = await face.signInWhole(host, 'ada', factor.code());
      const renewed = (await face.proposeCodes(owner)).backupCodes;
      host.clock.advance(10 * MINUTE);
      expect(await readCodes(owner)).toEqual([]);
      expect((await face.saveCodes(owner)).kind).toBe('proposal-missing');
      expect(await whoIs(await face.signInWhole(host, 'ada', renewed[0]!))).toBe('nobody');
      expect(await whoIs(await face.signInWhole(host, 'ada', factor.backupCodes[0]!))).toBe('ada');
    });

    it('that is asked for 8 times in the same instant shows and saves one set', async () => {
      const host = await createHost({ wrapStorage: slowly });
      const factor = await host.enrol('ada');
      const owner = await face.signInWhole(host, 'ada', factor.code());
      const outcomes = await atOnce(Array.from({ length: 8 }, () => [face, owner, { does: 'proposeCodes' }]));
      expect(tally(outcomes)).toEqual({ accepted: 8 });
      const shown = await readCodes(owner);
      expect(shown).toHaveLength(10);
      if (face.name === 'API') for (const { backupCodes } of outcomes) expect(backupCodes).toEqual(shown);
      // A click that comes late must not replace what the person has just written down.
      expect((await face.proposeCodes(owner)).backupCodes).toEqual(shown);
      await atOnce(Array.from({ length: 4 }, () => [face, owner, { does: 'saveCodes' }]));
      expect(await whoIs(await face.signInWhole(host, 'ada', shown[0]!))).toBe('ada');
      expect(await whoIs(await face.signInWhole(host, 'ada', factor.backupCodes[0]!))).toBe('nobody');
    });
  });
});

describe('R9 on the page, the first codes', () => {
  it('can be read again by the session that got them until they are saved, and never after', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const { backupCodes, code } = await setUpFactor(host, owner);
    host.clock.advance(10 * MINUTE - 1);
    expect(await readCodes(owner)).toEqual(backupCodes);
    await submit(owner, '/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
    expect(await readCodes(owner)).toEqual([]);
    // Saving changes nothing but that: the session and the codes live on.
    expect(await whoIs(owner)).toBe('ada');
    expect((await stepUp(owner, code())).headers['location']).toBe('/account');
    expect((await stepUp(owner, backupCodes[0]!)).headers['location']).toBe('/account');
  });

  it('cannot be read when they are 10 minutes old', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    await setUpFactor(host, owner);
    host.clock.advance(10 * MINUTE);
    expect(await readCodes(owner)).toEqual([]);
  });
});

it('R9 on the API, codes cannot be read again by a session whose proof is old, and the first ones not without a proof', async () => {
  const host = await createHost();
  const owner = await host.signIn('ada');
  const { code } = await setUp(faces.API, host, owner);
  expect((await faces.API.proposeCodes(owner)).kind).toBe('proof-required');
  await faces.API.answer(owner, code(1));
  host.clock.advance(5 * MINUTE - 1);
  expect((await faces.API.proposeCodes(owner)).kind).toBe('accepted');
  host.clock.advance(1);
  expect((await faces.API.proposeCodes(owner)).kind).toBe('proof-required');
});
