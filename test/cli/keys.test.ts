import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { createSecondFactor, type KeyOption, sqlStorage } from 'passport-second-factor';
import { enrolUser } from 'passport-second-factor/testing';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KeyStatus } from '../../src/keys/status.js';
import type { UsableKey } from '../../src/crypto/key-ring.js';
import { runCommand } from '../helpers/program.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const index = new URL('../../dist/index.js', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'second-factor-keys-'));
const makeKey = (id: string): UsableKey => ({ id, secret: randomBytes(32) });
const [oldKey, newKey] = [makeKey('old'), makeKey('new')];

let count = 0;
let file = '';
let database: Database.Database;

afterEach(() => {
  database.close();
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const optionsOf = (keys: readonly KeyOption[]) => ({
  ...{ issuer: 'A', origin: 'http://a.example', storage: sqlStorage.sqlite(database), keys },
  user: { id: () => 'ada', label: () => 'ada' },
});

async function start(keys: readonly KeyOption[]): Promise<void> {
  const secondFactor = createSecondFactor(optionsOf(keys));
  await secondFactor.ready();
  await secondFactor.close();
}

/** The command with these keys in its configuration, and no terminal. @param then what it does after its second batch. */
async function launch(keys: readonly KeyOption[], args: readonly string[], then = '') {
  const config = join(folder, `config-${String((count += 1))}.mjs`);
  const ring = keys.map((key) => ('secret' in key ? { ...key, secret: toBase64(key.secret) } : key));
  writeFileSync(
    config,
    `import Database from ${JSON.stringify(import.meta.resolve('libsql'))};
     import { sqlStorage } from ${JSON.stringify(index)};
     const database = new Database(${JSON.stringify(file)});
     const storage = sqlStorage.sqlite(database);
     let batches = 0;
     const reseal = async (resealings) => {
       const done = await storage.reseal(resealings);
       batches += 1;
       if (batches === 2) { ${then} }
       return done;
     };
     export default { issuer: 'A', origin: 'http://a.example', storage: { ...storage, reseal },
       keys: ${JSON.stringify(ring)}, user: { id: () => 'ada', label: () => 'ada' } };
     export const close = () => database.close();`,
  );
  return runCommand({}, 'keys', ...args, '--config', config);
}

const run = (keys: readonly KeyOption[], ...args: string[]) => launch(keys, args);

const toBase64 = (secret: string | Uint8Array): string =>
  Buffer.from(secret as Uint8Array).toString('base64');

async function statusOf(keys: readonly KeyOption[]): Promise<[code: number | null, ...rows: unknown[][]]> {
  const { code, out } = await run(keys, 'status', '--json');
  const rows = JSON.parse(out) as KeyStatus[];
  return [
    code,
    ...rows.map(({ id, state, authenticators, backupCodes }) => [id, state, authenticators, backupCodes]),
  ];
}

function countUnder(keyId: string): number {
  const [row] = database
    .prepare("select count(*) as count from two_factor_authenticators where sealed_secret like ? || '.%'")
    .all(keyId) as { count: number }[];
  return row?.count ?? 0;
}

beforeEach(() => {
  file = join(folder, `second-factor-${String((count += 1))}.db`);
  database = new Database(file);
  database.pragma('journal_mode = WAL');
});

describe('second-factor keys', () => {
  it('goes with a rotation from its first step to its last', async () => {
    await start([oldKey]);
    const factor = await enrolUser(optionsOf([oldKey]), 'ada');
    expect(await statusOf([oldKey])).toEqual([0, ['old', 'active', 1, 1]]);

    const refused = await run([newKey, oldKey], 'reseal');
    expect([refused.code, refused.out]).toEqual([2, '']);
    expect(refused.err).toContain('No application has started with the key "new" yet');
    expect(await statusOf([newKey, oldKey])).toEqual([0, ['new', 'unused', 0, 0], ['old', 'known', 1, 1]]);

    await start([oldKey, newKey]);
    await start([newKey, oldKey]);
    const done = await run([newKey, oldKey], 'reseal');
    expect(done).toMatchObject({
      code: 0,
      out: '2 records were sealed with the key "new".\nNothing is sealed with another key.\n',
    });
    expect(await run([newKey, oldKey], 'reseal', '--json')).toMatchObject({
      code: 0,
      out: '{"resealed":0,"unreadable":0,"left":0}\n',
    });
    const { code, out } = await run([newKey, oldKey], 'status');
    expect(code).toBe(0);
    expect(out).toMatch(/^new +active +1 +1 +seals$/m);
    expect(out).toMatch(/^old +known +0 +0 +can be taken out, 10 minutes after/m);

    await start([newKey]);
    const secondFactor = createSecondFactor(optionsOf([newKey]));
    await secondFactor.ready();
    for (const answer of [factor.code(), factor.backupCodes[0]!])
      expect(await secondFactor.service.verify('ada', answer)).toMatchObject({ kind: 'accepted' });
    await secondFactor.close();
  });

  it('tells a key that is missing, wrong or lost, and seals the others anew', async () => {
    await start([oldKey]);
    await enrolUser(optionsOf([oldKey]), 'ada');
    await start([newKey, oldKey]);
    await enrolUser(optionsOf([newKey]), 'eve');
    expect(await statusOf([newKey])).toEqual([1, ['new', 'active', 1, 1], ['old', 'missing', 1, 1]]);
    expect(await statusOf([newKey, { ...oldKey, secret: randomBytes(32) }])).toEqual([
      1,
      ['new', 'active', 1, 1],
      ['old', 'wrong', 1, 1],
    ]);
    const missing = await run([newKey], 'reseal');
    expect([missing.code, missing.out]).toEqual([2, '']);
    expect(missing.err).toContain('the key "old", which');
    const lost = [newKey, { id: 'old', lost: true }] as const;
    expect(await statusOf(lost)).toEqual([1, ['new', 'active', 1, 1], ['old', 'lost', 1, 1]]);
    const third = makeKey('third');
    await start([third, ...lost]);
    const { code, out } = await run([third, ...lost], 'reseal');
    expect(code).toBe(1);
    expect(out).toContain('2 records were sealed with the key "third".\n2 do not open');
    expect(await statusOf([third, ...lost])).toEqual([
      1,
      ['third', 'active', 1, 1],
      ['new', 'known', 0, 0],
      ['old', 'lost', 1, 1],
    ]);
  });

  it('shows nothing of a value that no key has sealed', async () => {
    await start([oldKey]);
    await enrolUser(optionsOf([oldKey]), 'ada');
    database.exec("update two_factor_authenticators set sealed_secret = 'JBSWY3DPEHPK3PXP'");
    expect(await statusOf([oldKey])).toEqual([1, ['old', 'active', 0, 1], ['?', 'missing', 1, 0]]);
    expect((await run([oldKey], 'status')).out).toMatch(/^\? +missing +1 +0 +sealed with no key/m);
  });

  it('goes on where it was killed in the middle, beside another run', async () => {
    await start([oldKey]);
    const options = optionsOf([oldKey]);
    const users = 400;
    database.pragma('synchronous = OFF');
    for (let user = 0; user < users; user += 1) await enrolUser(options, `user-${String(user)}`);
    await start([newKey, oldKey]);
    const killed = await launch([newKey, oldKey], ['reseal'], "process.kill(process.pid, 'SIGKILL')");
    expect(killed.code).toBeNull();
    const before = countUnder('new');
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(users);
    const runs = await Promise.all([1, 2].map(() => run([newKey, oldKey], 'reseal', '--json')));
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    const resealed = runs.map(({ out }) => (JSON.parse(out) as { resealed: number }).resealed);
    expect(resealed.reduce((sum, each) => sum + each, 0)).toBe(2 * users - before);
    // A line for each tenth, where there is no terminal.
    const told = runs.map(({ err }) => err).join('');
    expect(told).toMatch(/^\d+ %, \d+ of \d+$/m);
    expect(told).not.toContain('\r');
    expect(await statusOf([newKey, oldKey])).toEqual([
      0,
      ['new', 'active', users, users],
      ['old', 'known', 0, 0],
    ]);
  });
});

describe('second-factor keys rotate', () => {
  it('says what to do with the keys that are there, and shows no secret', async () => {
    await start([oldKey]);
    const { code, out, err } = await run([oldKey], 'rotate');
    expect([code, err]).toEqual([0, '']);
    const id = /id: '(\d{4}-\d\d-\d\d)', secret: …/.exec(out)?.[1] ?? '';
    expect(out).toContain(`keys: [{ id: 'old', … }, { id: '${id}', secret: … }]`);
    expect(out).toContain(`keys: [{ id: '${id}', secret: … }, { id: 'old', … }]`);
    expect(out).not.toMatch(/[A-Za-z0-9+/]{43}=/);
    expect(await statusOf([oldKey])).toEqual([0, ['old', 'active', 0, 0]]);
  });

  it('makes a key where it is told to, alone on stdout, with an id that no key has', async () => {
    await start([oldKey]);
    const [one, two] = await Promise.all([1, 2].map(() => run([oldKey], 'rotate', '--show-secret')));
    const made = [one, two].map((printed) => JSON.parse(printed!.out) as { id: string; secret: string });
    expect(Buffer.from(made[0]!.secret, 'base64')).toHaveLength(32);
    expect(made[0]!.secret).not.toBe(made[1]!.secret);
    expect(one!.err).not.toContain(made[0]!.secret);
    await start([made[0]!, oldKey]);
    const next = JSON.parse((await run([made[0]!, oldKey], 'rotate', '--show-secret')).out) as { id: string };
    expect(next.id).toBe(`${made[0]!.id}-2`);
  });

  it.each([[[]], [['turn']], [['status', 'ada']], [['rotate', '--secret', 'a']]])(
    'explains itself where it cannot: %j',
    async (args) => {
      const { code, out, err } = await run([oldKey], ...args);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain('second-factor keys status|rotate|reseal');
    },
  );

  it.each(['status', 'reseal', 'rotate'])('%s says where there are no tables yet', async (name) => {
    const { code, out, err } = await run([oldKey], name);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('second-factor migrate');
  });
});
