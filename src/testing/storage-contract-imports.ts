import assert from 'node:assert/strict';
import type { FactorImport, Storage } from '../storage/storage.js';
import {
  accountOf,
  authenticatorOf,
  backupCodesOf,
  begin,
  check,
  enablingOf,
  enrol,
  eventOf,
  importOf,
  keyOf,
  newUser,
  now,
  revocationOf,
  snapshot,
  type StorageContractCase,
  useCode,
  useStep,
} from './storage-fixtures.js';

async function refuses(storage: Storage, userId: string): Promise<void> {
  const before = await snapshot(storage, userId);
  const other = importOf(userId, { authenticator: authenticatorOf(userId, { id: `${userId}-imported` }) });
  assert.deepEqual(await storage.importFactors([other]), [false]);
  assert.deepEqual(await snapshot(storage, userId), before);
}

export const importCases: readonly StorageContractCase[] = [
  check(
    'importFactors turns the second factor on, deletes what was pending and writes the events',
    async (storage) => {
      const userId = newUser();
      const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
      const event = eventOf(userId, { kind: 'factor.imported', details: { authenticator: 'Phone' } });
      assert.deepEqual(await storage.importFactors([importOf(userId, { events: [event] })]), [true]);
      assert.deepEqual(await storage.findAccount(userId), accountOf(userId));
      assert.deepEqual(await storage.listAuthenticators(userId), [authenticatorOf(userId)]);
      assert.equal((await storage.findBackupCodeSet(userId))?.left, 10);
      assert.equal(await storage.findPending(enrolment.handleHash), undefined);
      assert.deepEqual(await storage.listEvents(userId, 10), [event]);
      const login = await begin(storage, 'login', userId);
      assert.equal(await storage.accept(useStep(login, 101)), 'accepted');
      assert.equal(await storage.accept(useCode(await begin(storage, 'login', userId), 0)), 'accepted');
    },
  ),

  check('importFactors works without backup codes, and keeps every parameter', async (storage) => {
    const userId = newUser();
    const unusual = { algorithm: 'sha256', digits: 8, period: 60 } as const;
    const authenticator = authenticatorOf(userId, unusual);
    assert.deepEqual(await storage.importFactors([importOf(userId, { authenticator, backupCodes: null })]), [
      true,
    ]);
    assert.deepEqual(await storage.listAuthenticators(userId), [authenticator]);
    assert.equal(await storage.findBackupCodeSet(userId), undefined);
  }),

  check(
    'importFactors raises the epoch from where it is, and keeps the date of the policy',
    async (storage) => {
      const userId = newUser();
      await storage.raiseEpoch(revocationOf(userId));
      await storage.setEnrolBy(userId, now);
      assert.deepEqual(await storage.importFactors([importOf(userId)]), [true]);
      assert.deepEqual(await storage.findAccount(userId), accountOf(userId, { epoch: 2, enrolBy: now }));
    },
  ),

  check('importFactors leaves a second factor that is there alone', async (storage) => {
    await refuses(storage, await enrol(storage));
  }),

  check('importFactors brings nothing back that was turned off', async (storage) => {
    const [reset, disabled] = [await enrol(storage), await enrol(storage)];
    await storage.reset(reset, []);
    const login = await begin(storage, 'step-up', disabled);
    await storage.accept({ ...useStep(login, 101), effect: 'disable' });
    for (const userId of [reset, disabled]) {
      assert.equal((await storage.findAccount(userId))?.wasOn, true);
      await refuses(storage, userId);
    }
  }),

  check(
    'a user may enrol after turning off; an id that was forgotten may be imported again',
    async (storage) => {
      const userId = await enrol(storage);
      await storage.reset(userId, []);
      const enrolment = await begin(storage, 'enrolment', userId, { epoch: 2 });
      assert.equal(await storage.enable(enablingOf(enrolment)), 3);
      await storage.forget(userId);
      assert.deepEqual(await storage.importFactors([importOf(userId)]), [true]);
      assert.equal((await storage.findAccount(userId))?.wasOn, false);
    },
  ),

  check(
    'importFactors takes 50 users, does the others where one is refused, and the first of two for one',
    async (storage) => {
      const [taken, twice] = [await enrol(storage), newUser()];
      const others = Array.from({ length: 47 }, () => importOf(newUser()));
      const again = importOf(twice, {
        authenticator: authenticatorOf(twice, { id: `${twice}-second` }),
        backupCodes: backupCodesOf(twice, `${twice}-second-codes`),
      });
      const refused = importOf(taken, { authenticator: authenticatorOf(taken, { id: `${taken}-imported` }) });
      const outcomes = await storage.importFactors([refused, importOf(twice), again, ...others]);
      assert.deepEqual(outcomes, [false, true, false, ...others.map(() => true)]);
      assert.deepEqual(await storage.listAuthenticators(twice), [authenticatorOf(twice)]);
      assert.deepEqual(await storage.importFactors([]), []);
    },
  ),

  check(
    'importFactors never takes over the authenticator of another user, and then changes nothing',
    async (storage) => {
      const [owner, userId, third] = [await enrol(storage), newUser(), newUser()];
      const before = await snapshot(storage, owner);
      const stolen: FactorImport = importOf(userId, {
        authenticator: authenticatorOf(userId, { id: authenticatorOf(owner).id }),
      });
      await assert.rejects(storage.importFactors([importOf(third), stolen]));
      assert.deepEqual(await snapshot(storage, owner), before);
      assert.deepEqual(
        [await storage.findAccount(userId), await storage.findAccount(third)],
        [undefined, undefined],
      );
    },
  ),

  check('an enrolment that was begun before an import turns nothing on', async (storage) => {
    const userId = newUser();
    const enrolment = await begin(storage, 'enrolment', userId, { epoch: 0 });
    await storage.importFactors([importOf(userId)]);
    const authenticator = authenticatorOf(userId, { id: `${userId}-own` });
    assert.equal(
      await storage.enable({
        ...enablingOf(enrolment, { authenticator }),
        ...keyOf(enrolment),
        purpose: 'enrolment',
      }),
      undefined,
    );
  }),
];
