import assert from 'node:assert/strict';
import { HOUR, SECOND, systemClock } from '../clock.js';
import { randomId } from '../crypto/random.js';
import type { Lane } from '../model.js';
import type { InspectedRecords, Storage } from '../storage/storage.js';
import {
  attemptOn,
  authenticatorOf,
  backupCodesOf,
  begin,
  check,
  enablingOf,
  revocationOf,
} from './storage-fixtures.js';
import { enrol, limits, newUser, now, useStep, type StorageContractCase } from './storage-fixtures.js';

async function inspectRecords(storage: Storage, cap = limits.cap): Promise<InspectedRecords> {
  const { records } = await storage.inspect(() => now, cap);
  assert.ok(records, 'the records of tables that are there are told');
  return records;
}

/** Other cases may have left records behind: what counts is the difference. */
async function difference(
  storage: Storage,
  section: 'users' | 'logins',
  work: () => Promise<void>,
): Promise<Record<string, number>> {
  const before = (await inspectRecords(storage))[section];
  await work();
  const after = Object.entries((await inspectRecords(storage))[section]);
  return Object.fromEntries(
    after.map(([name, count]: [string, number]) => [name, count - Number(Reflect.get(before, name))]),
  );
}

async function failTimes(storage: Storage, userId: string, lane: Lane, times: number): Promise<void> {
  const patient = { ...limits, perPending: 100, delayFrom: 100, delays: [], cap: 100 };
  const pending = await begin(storage, 'step-up', userId);
  for (let time = 0; time < times; time += 1) {
    await storage.spendAttempt(attemptOn(pending, { lane, limits: patient }));
  }
}

export const inspectionCases: readonly StorageContractCase[] = [
  check('inspect counts users, failing, delayed and suspended ones, in either lane', async (storage) => {
    const counts = await difference(storage, 'users', async () => {
      await storage.raiseEpoch(revocationOf(newUser()));
      await enrol(storage);
      await failTimes(storage, await enrol(storage), 'totp', 1);
      await failTimes(storage, await enrol(storage), 'backup-code', limits.cap);
      const late = await begin(storage, 'login', await enrol(storage));
      const harsh = { ...limits, delayFrom: 1 };
      await storage.spendAttempt(attemptOn(late, { limits: harsh }));
    });
    assert.deepEqual(counts, { enrolled: 4, failing: 3, delayed: 1, suspended: 1 });
  }),

  check('inspect counts logins, completed ones and wrong answers', async (storage) => {
    const counts = await difference(storage, 'logins', async () => {
      const userId = await enrol(storage);
      const given = await begin(storage, 'login', userId);
      for (let time = 0; time < 2; time += 1) await storage.spendAttempt(attemptOn(given));
      const completed = await begin(storage, 'login', userId);
      for (let time = 0; time < 2; time += 1) await storage.spendAttempt(attemptOn(completed));
      await storage.accept(useStep(completed, 101));
      await storage.spendAttempt(attemptOn(await begin(storage, 'step-up', userId)));
    });
    assert.deepEqual(counts, { begun: 2, completed: 1, wrongAnswers: 3 });
  }),

  check('inspect tells which keys sealed how much, with one record of each', async (storage) => {
    const [one, two] = [`one-${randomId()}`, `two-${randomId()}`];
    for (const keyId of [one, one, two]) {
      const userId = newUser();
      const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
      await storage.enable(
        enablingOf(enrolment, {
          authenticator: authenticatorOf(userId, { sealedSecret: `${keyId}.secret.of.${userId}` }),
          backupCodes: { ...backupCodesOf(userId), sealedKey: `${one}.key.of.${userId}` },
        }),
      );
    }
    const { sealed } = await inspectRecords(storage);
    const found = sealed.filter(({ keyId }) => keyId === one || keyId === two);
    assert.deepEqual(
      found.map(({ kind, keyId, count }) => [kind, keyId === one ? 'one' : 'two', count]).sort(),
      [
        ['authenticator', 'one', 2],
        ['authenticator', 'two', 1],
        ['backup-codes', 'one', 3],
      ],
    );
    for (const { kind, keyId, sample } of found) {
      const { userId } = sample;
      assert.deepEqual(
        sample,
        kind === 'authenticator'
          ? { userId, id: `${userId}-authenticator`, sealed: `${keyId}.secret.of.${userId}` }
          : { userId, id: `${userId}-codes`, sealed: `${keyId}.key.of.${userId}` },
      );
    }
  }),

  check('inspect finds every table, at the newest version that it knows', async (storage) => {
    await enrol(storage);
    const { schema, tables } = await storage.inspect(() => now, limits.cap);
    assert.equal(schema.there, schema.known);
    assert.ok(tables.length > 0);
    for (const { name, rows } of tables) assert.ok(rows !== null, `${name} is there`);
    assert.ok(tables.some(({ rows }) => rows !== null && rows > 0));
  }),

  check('inspect measures how far a clock of its own is ahead of the given one', async (storage) => {
    const level = (await storage.inspect(systemClock, limits.cap)).clockAhead;
    const late = (await storage.inspect(() => systemClock() - HOUR, limits.cap)).clockAhead;
    assert.equal(level === undefined, late === undefined);
    if (level === undefined || late === undefined) return;
    assert.ok(Math.abs(late - level - HOUR) < SECOND, `${String(late)} is an hour after ${String(level)}`);
  }),
];
