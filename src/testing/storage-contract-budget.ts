import assert from 'node:assert/strict';
import type { Attempt, AttemptResult, Storage } from '../storage/storage.js';
import * as fixtures from './storage-fixtures.js';
import { attemptOn, begin, check, enrol, limits, minute, now } from './storage-fixtures.js';
import type { StorageContractCase } from './storage-fixtures.js';

/** Nothing but the budget refuses. */
const generous = {
  ...limits,
  perPending: 1_000,
  delays: [],
  cap: 1_000,
  budget: { answers: 3, within: minute },
};

const spentTimes = (kinds: AttemptResult[]) => kinds.filter(({ kind }) => kind === 'spent').length;

/** One attempt after the other on a login of its own. */
async function spend(
  storage: Storage,
  userId: string,
  times: number,
  fields: Partial<Attempt> = {},
): Promise<AttemptResult[]> {
  const { epoch = 1 } = (await storage.findAccount(userId)) ?? {};
  const login = await begin(storage, 'login', userId, { epoch, expiresAt: now + 1_000 * minute });
  const results: AttemptResult[] = [];
  for (let time = 0; time < times; time += 1)
    results.push(await storage.spendAttempt(attemptOn(login, { limits: generous, ...fields })));
  return results;
}

export const budgetCases: readonly StorageContractCase[] = [
  check('spendAttempt refuses once the budget is used up, on both lanes, for ever', async (storage) => {
    const userId = await enrol(storage);
    const answers = [
      ...(await spend(storage, userId, 2)),
      ...(await spend(storage, userId, 1, { lane: 'backup-code' })),
    ];
    assert.deepEqual(
      answers.map((result) => (result.kind === 'spent' ? result.answers : result.kind)),
      [1, 2, 3],
    );
    assert.equal((await storage.findAccount(userId))?.suspectedAt, now);
    for (const lane of ['totp', 'backup-code'] as const) {
      for (const instant of [now, now + 500 * minute]) {
        assert.deepEqual(await spend(storage, userId, 1, { lane, now: instant }), [{ kind: 'suspected' }]);
      }
    }
  }),

  check('the budget counts by time and not by successes', async (storage) => {
    const userId = await enrol(storage);
    await spend(storage, userId, 2);
    const login = await begin(storage, 'login', userId);
    const right = attemptOn(login, { limits: { ...generous, budget: { answers: 5, within: minute } } });
    await storage.spendAttempt(right);
    const completed = fixtures.eventOf(userId, {
      id: right.event.id,
      kind: 'login.completed',
      details: { factor: 'totp' },
    });
    assert.equal(await storage.accept({ ...fixtures.useStep(login, 101), events: [completed] }), 'accepted');
    assert.equal(spentTimes(await spend(storage, userId, 3)), 1, 'two wrong ones and one more');
    const other = await enrol(storage);
    await spend(storage, other, 2);
    assert.equal(spentTimes(await spend(storage, other, 3, { now: now + minute - 1 })), 1);
    const third = await enrol(storage);
    await spend(storage, third, 2);
    assert.equal(
      spentTimes(await spend(storage, third, 4, { now: now + minute })),
      3,
      'they are over a minute old',
    );
  }),

  check('a right answer that was the last of the budget gives it back', async (storage) => {
    const userId = await enrol(storage);
    await spend(storage, userId, 2);
    const login = await begin(storage, 'login', userId);
    const right = attemptOn(login, { limits: generous });
    assert.equal((await storage.spendAttempt(right)).kind, 'spent');
    const completed = fixtures.eventOf(userId, {
      id: right.event.id,
      kind: 'login.completed',
      details: { factor: 'totp' },
    });
    assert.equal(await storage.accept({ ...fixtures.useStep(login, 101), events: [completed] }), 'accepted');
    assert.equal((await storage.findAccount(userId))?.suspectedAt, null);
    assert.equal(spentTimes(await spend(storage, userId, 3)), 1);
  }),

  check(
    'raiseEpoch begins the budget anew where the password was changed, and only there',
    async (storage) => {
      const userId = await enrol(storage);
      await spend(storage, userId, 3);
      await storage.raiseEpoch(fixtures.revocationOf(userId));
      assert.deepEqual(await spend(storage, userId, 1), [{ kind: 'suspected' }]);
      await storage.raiseEpoch(fixtures.revocationOf(userId, { passwordChangedAt: now }));
      assert.equal((await storage.findAccount(userId))?.suspectedAt, null);
      assert.equal(spentTimes(await spend(storage, userId, 4, { now: now + 1 })), 3);
    },
  ),

  check('a budget that has become smaller counts at once', async (storage) => {
    const userId = await enrol(storage);
    await spend(storage, userId, 2);
    const smaller = { ...generous, budget: { answers: 2, within: minute } };
    assert.deepEqual(await spend(storage, userId, 1, { limits: smaller }), [{ kind: 'suspected' }]);
    assert.equal(spentTimes(await spend(storage, userId, 2)), 1);
  }),

  check('turning off and on again gives no new budget', async (storage) => {
    const userId = await enrol(storage);
    await spend(storage, userId, 3);
    await storage.reset(userId, []);
    const enrolment = await begin(storage, 'enrolment', userId, { epoch: 2 });
    assert.equal(await storage.enable(fixtures.enablingOf(enrolment)), 3);
    assert.deepEqual(await spend(storage, userId, 1), [{ kind: 'suspected' }]);
  }),

  check('the budget is not touched by passwords and by what is refused', async (storage) => {
    const userId = await enrol(storage);
    await spend(storage, userId, 5, { lane: null });
    await spend(storage, userId, 5, { epoch: 7 });
    assert.equal(spentTimes(await spend(storage, userId, 4)), 3);
  }),

  check('a known browser has a delay of its own', async (storage) => {
    const userId = await enrol(storage);
    const patient = { ...limits, perPending: 1_000 };
    const attempts = await spend(storage, userId, limits.delayFrom + 1, { limits: patient });
    assert.deepEqual(attempts.at(-1), { kind: 'delayed', until: now + 30_000 });
    const known = { limits: patient, isKnown: true };
    assert.deepEqual(await spend(storage, userId, 1, known), [
      { kind: 'spent', left: 999, failures: limits.delayFrom + 1, answers: limits.delayFrom + 1 },
    ]);
    assert.deepEqual((await storage.findAccount(userId))?.lanes.totp, {
      failures: limits.delayFrom + 1,
      delayedUntil: now + 30_000,
      known: { failures: 1, delayedUntil: 0 },
    });
  }),

  check('guesses in known browsers delay known browsers, and no others', async (storage) => {
    const userId = await enrol(storage);
    const patient = { ...limits, perPending: 1_000 };
    const known = { limits: patient, isKnown: true };
    const attempts = await spend(storage, userId, limits.delayFrom + 1, known);
    assert.deepEqual(attempts.at(-1), { kind: 'delayed', until: now + 30_000 });
    assert.equal(spentTimes(await spend(storage, userId, 1, { limits: patient })), 1);
  }),

  check('known browsers share the cap, and a success resets both', async (storage) => {
    const userId = await enrol(storage);
    const capped = { ...generous, cap: 4, budget: { answers: 100, within: minute } };
    await spend(storage, userId, 2, { limits: capped });
    assert.equal(spentTimes(await spend(storage, userId, 5, { limits: capped, isKnown: true })), 2);
    assert.deepEqual(await spend(storage, userId, 1, { limits: capped }), [{ kind: 'suspended' }]);
    const login = await begin(storage, 'login', userId);
    assert.equal(await storage.accept(fixtures.useStep(login, 101)), 'accepted');
    assert.deepEqual((await storage.findAccount(userId))?.lanes.totp, fixtures.freshLane);
  }),
];
