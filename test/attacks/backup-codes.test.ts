import { describe, expect, it } from 'vitest';
import {
  type Agent,
  answer,
  createHost,
  readBackupCodes,
  setUpFactor,
  signInWhole,
  slowly,
  stepUp,
  submit,
  submitAtOnce,
  whoIs,
} from '../helpers/host.js';

const MINUTE = 60_000;

async function readCodes(agent: Agent): Promise<string[]> {
  return readBackupCodes((await agent.get('/two-factor/backup-codes')).text);
}

async function readLeft(agent: Agent): Promise<string | undefined> {
  return /<strong>(\d+ of \d+)<\/strong> left/.exec((await agent.get('/two-factor')).text)?.[1];
}

describe('R9 somebody who has seen a backup code', () => {
  it('cannot use it after its owner', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.backupCodes[0]!);
    expect(await whoIs(owner)).toBe('ada');
    const thief = await host.signIn('ada');
    expect((await answer(thief, factor.backupCodes[0]!)).status).toBe(422);
    expect((await stepUp(owner, factor.backupCodes[0]!)).status).toBe(422);
    expect((await submit(owner, '/two-factor/disable', { code: factor.backupCodes[0]! })).status).toBe(422);
    expect(await whoIs(thief)).toBe('nobody');
    expect(await readLeft(owner)).toBe('9 of 10');
  });

  it('cannot use it in 16 sessions in the same instant: one login', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const agents = await Promise.all(Array.from({ length: 16 }, () => host.signIn('ada')));
    const fields = { code: factor.backupCodes[3]! };
    await submitAtOnce(agents.map((agent) => ({ agent, path: '/two-factor/challenge', fields })));
    const users = await Promise.all(agents.map(whoIs));
    expect(users.filter((user) => user === 'ada')).toHaveLength(1);
    expect(await readLeft(agents[users.indexOf('ada')]!)).toBe('9 of 10');
  });

  it("cannot use it at another user's login", async () => {
    const host = await createHost();
    const eve = await host.enrol('eve');
    await host.enrol('ada');
    const thief = await host.signIn('ada');
    expect((await answer(thief, eve.backupCodes[0]!)).status).toBe(422);
    expect(await whoIs(thief)).toBe('nobody');
    // It was not used up either.
    expect(await whoIs(await signInWhole(host, 'eve', eve.backupCodes[0]!))).toBe('eve');
  });

  it("cannot make it another user's by moving rows in the database", async () => {
    const host = await createHost();
    const eve = await host.enrol('eve');
    await host.enrol('ada');
    const setOf = "(SELECT id FROM two_factor_backup_sets WHERE user_id = 'ada')";
    host.database.exec(`UPDATE two_factor_backup_codes SET set_id = ${setOf} WHERE set_id <> ${setOf}`);
    const thief = await host.signIn('ada');
    expect((await answer(thief, eve.backupCodes[0]!)).status).toBe(422);
    expect(await whoIs(thief)).toBe('nobody');
  });

  it.each([
    ['in lower case', (code: string) => code.toLowerCase()],
    ['without dashes', (code: string) => code.replaceAll('-', '')],
    ['with spaces', (code: string) => ` ${code.replaceAll('-', '  ')} `],
    ['with I, L and O', (code: string) => code.replace('1', 'I').replace('1', 'l').replaceAll('0', 'o')],
  ])('may have it as the owner %s', async (_, write) => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    for (const code of factor.backupCodes.slice(0, 4)) {
      expect(await whoIs(await signInWhole(host, 'ada', write(code)))).toBe('ada');
    }
  });
});

describe('R9 the first codes', () => {
  it('work at once, before they are saved, and count down', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const { backupCodes } = await setUpFactor(host, owner);
    expect(backupCodes).toHaveLength(10);
    expect(new Set(backupCodes).size).toBe(10);
    for (const code of backupCodes)
      expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(await readLeft(owner)).toBe('10 of 10');
    expect(await whoIs(await signInWhole(host, 'ada', backupCodes[9]!))).toBe('ada');
    expect(await readLeft(owner)).toBe('9 of 10');
    expect(await readCodes(owner)).toEqual(backupCodes);
  });

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

  it('cannot be read by another session of the same user', async () => {
    const host = await createHost();
    const owner = await host.signIn('ada');
    const { code } = await setUpFactor(host, owner);
    const other = await signInWhole(host, 'ada', code(1));
    expect(await whoIs(other)).toBe('ada');
    expect(await readCodes(other)).toEqual([]);
    const posted = await submit(other, '/two-factor/backup-codes/saved', {}, '/two-factor/disable');
    expect(posted.status).toBe(303);
    expect(await readCodes(owner)).toHaveLength(10);
  });
});

describe('R9 a renewal of backup codes', () => {
  it('lets the old codes work until the new ones are saved, and only the new ones after', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    await submit(owner, '/two-factor/backup-codes', {});
    const renewed = await readCodes(owner);
    expect(renewed).toHaveLength(10);
    expect(await whoIs(await signInWhole(host, 'ada', renewed[0]!))).toBe('nobody');
    expect(await whoIs(await signInWhole(host, 'ada', factor.backupCodes[0]!))).toBe('ada');

    await submit(owner, '/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
    expect(await whoIs(owner)).toBe('ada');
    expect(await readCodes(owner)).toEqual([]);
    expect(await whoIs(await signInWhole(host, 'ada', factor.backupCodes[1]!))).toBe('nobody');
    expect(await whoIs(await signInWhole(host, 'ada', renewed[0]!))).toBe('ada');
    expect(await readLeft(owner)).toBe('9 of 10');
  });

  it('that is never saved changes nothing', async () => {
    const host = await createHost();
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    await submit(owner, '/two-factor/backup-codes', {});
    const renewed = await readCodes(owner);
    host.clock.advance(10 * MINUTE);
    expect(await readCodes(owner)).toEqual([]);
    const saved = await submit(owner, '/two-factor/backup-codes/saved', {}, '/two-factor/backup-codes');
    expect(saved.headers['location']).toBe('/two-factor/backup-codes');
    expect(await whoIs(await signInWhole(host, 'ada', renewed[0]!))).toBe('nobody');
    expect(await whoIs(await signInWhole(host, 'ada', factor.backupCodes[0]!))).toBe('ada');
  });

  it('that is asked for 8 times in the same instant shows and saves one set', async () => {
    const host = await createHost({ wrapStorage: slowly });
    const factor = await host.enrol('ada');
    const owner = await signInWhole(host, 'ada', factor.code());
    const path = '/two-factor/backup-codes';
    await submitAtOnce(Array.from({ length: 8 }, () => ({ agent: owner, path, fields: {} })));
    const shown = [await readCodes(owner)];
    // A click that comes late must not replace what the person has just written down.
    await submitAtOnce([{ agent: owner, path, page: '/two-factor/disable', fields: {} }]);
    shown.push(await readCodes(owner));
    expect(shown[1]).toEqual(shown[0]);
    await submitAtOnce(
      Array.from({ length: 4 }, () => ({ agent: owner, path: `${path}/saved`, page: path, fields: {} })),
    );
    expect(await whoIs(await signInWhole(host, 'ada', shown[0]![0]!))).toBe('ada');
  });
});
