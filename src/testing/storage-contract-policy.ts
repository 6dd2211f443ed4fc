import assert from 'node:assert/strict';
import type { Pending } from '../model.js';
import type { Enabling, Storage } from '../storage/storage.js';
import {
  accountOf,
  begin,
  check,
  enablingOf,
  enrol,
  failedOnce,
  failOnce,
  keyOf,
  minute,
  newUser,
  now,
  snapshot,
  type StorageContractCase,
  useCode,
  useStep,
} from './storage-fixtures.js';

async function beginEnrolment(
  storage: Storage,
  row: Partial<Pending> = {},
): Promise<{ login: Pending; enrolment: Pending; enabling: Enabling }> {
  const userId = newUser();
  const login = await begin(storage, 'login-enrolment', userId, { epoch: 0, ...row });
  const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
  const key = { ...keyOf(login), userId, epoch: 0, purpose: 'login-enrolment' } as const;
  return { login, enrolment, enabling: enablingOf(enrolment, { login: key }) };
}

function refusesWithLogin(title: string, row: Partial<Pending>): StorageContractCase {
  return check(`enable refuses for a login ${title}`, async (storage) => {
    const { login, enrolment, enabling } = await beginEnrolment(storage, row);
    const before = await snapshot(storage, enrolment.userId, login, enrolment);
    assert.equal(await storage.enable(enabling), undefined);
    assert.deepEqual(await snapshot(storage, enrolment.userId, login, enrolment), before);
  });
}

export const policyCases: readonly StorageContractCase[] = [
  check('setEnrolBy keeps the date of a user without a row, and turns nothing on', async (storage) => {
    const userId = newUser();
    assert.equal(await storage.setEnrolBy(userId, now), now);
    assert.deepEqual(
      await storage.findAccount(userId),
      accountOf(userId, { enabledAt: null, epoch: 0, enrolBy: now }),
    );
  }),

  check('setEnrolBy lowers a date and never raises it', async (storage) => {
    const userId = newUser();
    await storage.setEnrolBy(userId, now);
    assert.equal(await storage.setEnrolBy(userId, now + 1), now);
    assert.equal(await storage.setEnrolBy(userId, now), now);
    assert.equal(await storage.setEnrolBy(userId, now - 1), now - 1);
    assert.equal((await storage.findAccount(userId))?.enrolBy, now - 1);
  }),

  check('setEnrolBy changes nothing else, and nobody else', async (storage) => {
    const [userId, other] = [await enrol(storage), await enrol(storage)];
    await failOnce(storage, userId, 1);
    const login = await begin(storage, 'login', userId);
    const before = await snapshot(storage, other);
    await storage.setEnrolBy(userId, now);
    assert.deepEqual(
      await storage.findAccount(userId),
      accountOf(userId, { lanes: failedOnce, enrolBy: now }),
    );
    assert.deepEqual(await storage.findPending(login.handleHash), login);
    assert.deepEqual(await snapshot(storage, other), before);
  }),

  check('the date stays over enable, reset and raiseEpoch; forget takes it away', async (storage) => {
    const userId = newUser();
    await storage.setEnrolBy(userId, now);
    await enrol(storage, userId);
    assert.equal((await storage.findAccount(userId))?.enrolBy, now);
    await storage.reset(userId, []);
    await storage.raiseEpoch({ userId, epoch: null, passwordChangedAt: now, events: [] });
    assert.equal((await storage.findAccount(userId))?.enrolBy, now);
    await storage.forget(userId);
    assert.equal((await storage.findAccount(userId))?.enrolBy, null);
    const enrolled = await enrol(storage);
    await storage.setEnrolBy(enrolled, now);
    await storage.forget(enrolled);
    assert.equal(await storage.setEnrolBy(enrolled, now + minute), now + minute);
  }),

  check('enable completes the login that has to enrol: it and the enrolment go', async (storage) => {
    const { login, enrolment, enabling } = await beginEnrolment(storage);
    assert.equal(await storage.enable(enabling), 1);
    const { account, pendings } = (await snapshot(storage, enrolment.userId, login, enrolment)) as {
      account: unknown;
      pendings: unknown[];
    };
    assert.deepEqual(account, accountOf(enrolment.userId));
    assert.deepEqual(pendings, [undefined, undefined]);
  }),

  refusesWithLogin('that is expired', { expiresAt: now }),
  refusesWithLogin('of another epoch', { epoch: 1 }),
  refusesWithLogin('of another user', { userId: newUser() }),
  refusesWithLogin('of another purpose', { purpose: 'login' }),

  check('enable refuses for a login that is no longer there', async (storage) => {
    const { login, enrolment, enabling } = await beginEnrolment(storage);
    await storage.deletePending(login.handleHash);
    assert.equal(await storage.enable(enabling), undefined);
    assert.deepEqual(await storage.findPending(enrolment.handleHash), enrolment);
    assert.equal(await storage.findAccount(enrolment.userId), undefined);
  }),

  check('summarise tells of each user when codes were used, and leaves strangers out', async (storage) => {
    const [fresh, step, code, asked] = [
      await enrol(storage),
      await enrol(storage),
      await enrol(storage),
      newUser(),
    ];
    await storage.accept(useStep(await begin(storage, 'login', step), 101));
    const later = { now: now + minute };
    await storage.accept({ ...useCode(await begin(storage, 'login', step), 0), ...later });
    await storage.accept(useCode(await begin(storage, 'login', code), 0));
    await storage.accept({ ...useStep(await begin(storage, 'login', code), 101), ...later });
    await storage.setEnrolBy(asked, now);
    const on = { enabledAt: now, enrolBy: null };
    const found = await storage.summarise([asked, newUser(), fresh, step, code]);
    assert.deepEqual(
      new Map(found.map(({ userId, ...rest }) => [userId, rest])),
      new Map<string, unknown>([
        [fresh, { ...on, lastUsedAt: null }],
        [step, { ...on, lastUsedAt: now + minute }],
        [code, { ...on, lastUsedAt: now + minute }],
        [asked, { enabledAt: null, enrolBy: now, lastUsedAt: null }],
      ]),
    );
    assert.deepEqual(await storage.summarise([]), []);
  }),

  check('summarise takes 500 users, and finds them by their own bytes only', async (storage) => {
    const userId = await enrol(storage);
    const others = Array.from({ length: 497 }, () => newUser());
    const found = await storage.summarise([userId.toUpperCase(), ...others, `${userId} `, userId]);
    assert.deepEqual(
      found.map((row) => row.userId),
      [userId],
    );
  }),
];
