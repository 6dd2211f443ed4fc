import assert from 'node:assert/strict';
import type { Lane, Pending } from '../model.js';
import type { Attempt, AttemptResult, Storage } from '../storage/storage.js';
import {
  accountOf,
  attemptOn,
  begin,
  check,
  enrol,
  eventOf,
  failedOnce,
  failOnce,
  limits,
  minute,
  newPending,
  newUser,
  now,
  freshLane,
  revocationOf,
} from './storage-fixtures.js';
import { snapshot, useCode, type StorageContractCase } from './storage-fixtures.js';

const patient = { ...limits, perPending: 100 };

async function spendTimes(storage: Storage, times: number, attempt: Attempt): Promise<AttemptResult[]> {
  const results: AttemptResult[] = [];
  for (let time = 0; time < times; time += 1) {
    const event = { ...attempt.event, id: eventOf(attempt.userId).id, at: attempt.now };
    results.push(await storage.spendAttempt({ ...attempt, event }));
  }
  return results;
}

/** Raises a lane's failures to `failures` on a pending row without limits, each attempt after the last delay. */
async function fail(storage: Storage, userId: string, lane: Lane, failures: number): Promise<number> {
  const pending = await begin(storage, 'login', userId, { expiresAt: now + 1_000 * minute });
  let time = now;
  for (let failure = 0; failure < failures; failure += 1) {
    time += 10 * minute;
    const { kind } = await storage.spendAttempt(attemptOn(pending, { lane, now: time, limits: patient }));
    assert.equal(kind, 'spent');
  }
  return time;
}

/** Refused, and nothing counted: the row is as it was, and the lane can still take as many as before. */
function refuses(
  title: string,
  expected: AttemptResult['kind'],
  fields: Partial<Pending>,
  attempt: (userId: string) => Partial<Attempt> = () => ({}),
): StorageContractCase {
  return check(title, async (storage) => {
    const userId = await enrol(storage);
    const pending = await begin(storage, 'login', userId, fields);
    const before = await snapshot(storage, userId, pending);
    for (const result of await spendTimes(storage, limits.cap, attemptOn(pending, attempt(userId)))) {
      assert.deepEqual(result, { kind: expected });
    }
    assert.deepEqual(await snapshot(storage, userId, pending), before);
    const fresh = await begin(storage, 'login', userId);
    const spent = await spendTimes(storage, limits.delayFrom, attemptOn(fresh, { limits: patient }));
    assert.ok(spent.every(({ kind }) => kind === 'spent'));
  });
}

export const attemptCases: readonly StorageContractCase[] = [
  check('spendAttempt counts down what is left to the pending row, then says exhausted', async (storage) => {
    const pending = await begin(storage, 'login', await enrol(storage));
    const attempt = attemptOn(pending, { limits: { ...limits, delays: [] } });
    assert.deepEqual(await spendTimes(storage, 6, attempt), [
      { kind: 'spent', left: 4, failures: 1, answers: 1 },
      { kind: 'spent', left: 3, failures: 2, answers: 2 },
      { kind: 'spent', left: 2, failures: 3, answers: 3 },
      { kind: 'spent', left: 1, failures: 4, answers: 4 },
      { kind: 'spent', left: 0, failures: 5, answers: 5 },
      { kind: 'exhausted' },
    ]);
    assert.deepEqual(await storage.findPending(pending.handleHash), { ...pending, failures: 5 });
  }),

  refuses('spendAttempt refuses a pending row whose answers are used up', 'exhausted', { failures: 5 }),
  refuses('spendAttempt refuses a completed login', 'completed', { completedAt: now }),
  refuses('spendAttempt refuses an expired row, at that very instant', 'gone', { expiresAt: now }),
  refuses('spendAttempt refuses a row of an older epoch', 'gone', { epoch: 0 }),
  refuses('spendAttempt refuses an epoch that is not the account’s', 'gone', { epoch: 2 }),
  refuses('spendAttempt refuses an epoch that is not the row’s', 'gone', {}, () => ({ epoch: 2 })),
  refuses('spendAttempt refuses a row of another purpose', 'gone', {}, () => ({ purpose: 'step-up' })),
  refuses('spendAttempt refuses a handle nobody has', 'gone', {}, () => ({ handleHash: newUser() })),
  refuses(
    'spendAttempt refuses a row of another user',
    'gone',
    { userId: 'contract-somebody-else' },
    (userId) => ({
      userId,
    }),
  ),

  check('spendAttempt counts nothing at another user who has the row’s epoch', async (storage) => {
    const [owner, attacker] = [await enrol(storage), await enrol(storage)];
    const pending = await begin(storage, 'login', owner);
    assert.deepEqual(await storage.spendAttempt(attemptOn({ ...pending, userId: attacker })), {
      kind: 'gone',
    });
    assert.deepEqual(await storage.findPending(pending.handleHash), pending);
  }),

  check(
    'spendAttempt refuses a lane of a user without a second factor, but counts a first factor',
    async (storage) => {
      const userId = newUser();
      for (const epoch of [0, 1]) {
        const pending = await begin(storage, 'step-up', userId, { epoch });
        const before = await storage.findAccount(userId);
        assert.deepEqual(await storage.spendAttempt(attemptOn(pending)), { kind: 'gone' });
        const spent = await storage.spendAttempt(attemptOn(pending, { lane: null }));
        assert.deepEqual(spent, { kind: 'spent', left: 4, failures: 0, answers: 0 });
        assert.deepEqual(await storage.findAccount(userId), before);
        await storage.raiseEpoch(revocationOf(userId));
      }
    },
  ),

  check('spendAttempt without a lane compares the epoch with the account’s', async (storage) => {
    const userId = await enrol(storage);
    const stale = await begin(storage, 'step-up', userId, { epoch: 0 });
    assert.deepEqual(await storage.spendAttempt(attemptOn(stale, { lane: null })), { kind: 'gone' });
    assert.deepEqual(await storage.findPending(stale.handleHash), stale);
  }),

  check('spendAttempt without a lane touches no lane, delayed or not', async (storage) => {
    const userId = await enrol(storage);
    const time = await fail(storage, userId, 'totp', limits.delayFrom);
    const pending = await begin(storage, 'step-up', userId, { expiresAt: time + minute });
    const results = await spendTimes(storage, 6, attemptOn(pending, { lane: null, now: time }));
    assert.deepEqual(
      results.map(({ kind }) => kind),
      ['spent', 'spent', 'spent', 'spent', 'spent', 'exhausted'],
    );
    const code = await begin(storage, 'login', userId);
    assert.equal((await storage.spendAttempt(attemptOn(code, { lane: 'backup-code' }))).kind, 'spent');
  }),

  check('spendAttempt arms the ladder of delays, the last one for every further failure', async (storage) => {
    const userId = await enrol(storage);
    const pending = await begin(storage, 'login', userId, { expiresAt: now + 1_000 * minute });
    const spend = (time: number) => storage.spendAttempt(attemptOn(pending, { now: time, limits: patient }));
    for (let failure = 1; failure < limits.delayFrom; failure += 1)
      assert.equal((await spend(now)).kind, 'spent');
    let time = now;
    for (const delay of [30_000, minute, minute]) {
      assert.equal((await spend(time)).kind, 'spent');
      assert.deepEqual(await spend(time), { kind: 'delayed', until: time + delay });
      assert.deepEqual(await spend(time + delay - 1), { kind: 'delayed', until: time + delay });
      time += delay;
    }
    const spent = limits.delayFrom + 2;
    assert.deepEqual(await storage.findPending(pending.handleHash), { ...pending, failures: spent });
  }),

  check('spendAttempt holds a delay for every pending row of the user, new ones too', async (storage) => {
    const userId = await enrol(storage);
    const time = await fail(storage, userId, 'totp', limits.delayFrom);
    const pending = await begin(storage, 'login', userId, { expiresAt: time + minute });
    const result = await storage.spendAttempt(attemptOn(pending, { now: time }));
    assert.deepEqual(result, { kind: 'delayed', until: time + 30_000 });
  }),

  check('spendAttempt suspends a lane at the cap, however long one waits', async (storage) => {
    const userId = await enrol(storage);
    const time = await fail(storage, userId, 'totp', limits.cap);
    const later = newPending('login', userId, { expiresAt: time + 1_000 * minute });
    await storage.createPending(later);
    for (const instant of [time, time + 900 * minute]) {
      assert.deepEqual(await storage.spendAttempt(attemptOn(later, { now: instant })), { kind: 'suspended' });
    }
    assert.deepEqual(await storage.findPending(later.handleHash), later);
  }),

  check('spendAttempt tells of a dead pending row before it tells of the lane', async (storage) => {
    const userId = await enrol(storage);
    const time = await fail(storage, userId, 'totp', limits.delayFrom);
    const rows = { exhausted: { failures: 5 }, completed: { completedAt: now }, gone: { expiresAt: now } };
    for (const [kind, fields] of Object.entries(rows)) {
      const pending = await begin(storage, 'login', userId, { expiresAt: time + minute, ...fields });
      assert.deepEqual(await storage.spendAttempt(attemptOn(pending, { now: time })), { kind });
    }
  }),

  ...(['totp', 'backup-code'] as const).map((lane) =>
    check(`spendAttempt counts the lane ${lane} apart from the other`, async (storage) => {
      const userId = await enrol(storage);
      const other = lane === 'totp' ? 'backup-code' : 'totp';
      const time = await fail(storage, userId, lane, limits.cap);
      const pending = await begin(storage, 'login', userId, { expiresAt: time + minute });
      assert.equal((await storage.spendAttempt(attemptOn(pending, { lane, now: time }))).kind, 'suspended');
      const attempt = attemptOn(pending, { lane: other, now: time });
      const answers = limits.cap + 1;
      const spent = { kind: 'spent', left: 4, failures: 1, answers };
      assert.deepEqual(await storage.spendAttempt(attempt), spent);
    }),
  ),

  check('findAccount tells the failures and the delay of each lane', async (storage) => {
    const userId = await enrol(storage);
    await failOnce(storage, userId, 1);
    const login = await begin(storage, 'login', userId);
    assert.equal((await storage.spendAttempt(attemptOn(login))).kind, 'delayed');
    await storage.spendAttempt(attemptOn(login, { lane: null }));
    assert.deepEqual(await storage.findAccount(userId), accountOf(userId, { lanes: failedOnce }));
    assert.equal(await storage.accept(useCode(login, 0)), 'accepted');
    const lanes = { ...failedOnce, 'backup-code': freshLane };
    assert.deepEqual(await storage.findAccount(userId), accountOf(userId, { lanes }));
  }),
];
