import assert from 'node:assert/strict';
import type { Storage } from '../storage/storage.js';
import { acceptanceCases } from './storage-contract-acceptance.js';
import { attemptCases } from './storage-contract-attempts.js';
import { authenticatorCases } from './storage-contract-authenticators.js';
import { browserCases } from './storage-contract-browsers.js';
import { budgetCases } from './storage-contract-budget.js';
import { changeCases } from './storage-contract-changes.js';
import { eventCases } from './storage-contract-events.js';
import { importCases } from './storage-contract-imports.js';
import { inspectionCases } from './storage-contract-inspection.js';
import { keyCases } from './storage-contract-keys.js';
import { nameCases } from './storage-contract-names.js';
import { pendingCases } from './storage-contract-pending.js';
import { policyCases } from './storage-contract-policy.js';
import { removalCases } from './storage-contract-removals.js';
import { replacementCases } from './storage-contract-replacements.js';
import { supportCodeCases } from './storage-contract-support-codes.js';
import {
  authenticatorOf,
  begin,
  browserOf,
  check,
  enrol,
  enrolTwo,
  newUser,
  renamingOf,
  revocationOf,
  support,
  tokenOf,
  trust,
} from './storage-fixtures.js';
import {
  secondAuthenticatorOf,
  useStep,
  useSupportCode,
  type StorageContractCase,
} from './storage-fixtures.js';
import type { StorageRace } from './storage-race.js';
import { countWinners, newRaceKey, storageRaces } from './storage-races.js';

export type { StorageContractCase } from './storage-fixtures.js';

const callers = Array.from({ length: 40 }, (_, index) => index);

function raceCase(race: StorageRace): StorageContractCase {
  return check(race.title, async (storage) => {
    for (let round = 0; round < 3; round += 1) {
      const key = newRaceKey();
      await race.prepare(storage, key);
      assert.equal(await countWinners(race, storage, key, callers), race.winners);
    }
  });
}

/** 16 callers, each of which renames thrice, so that they meet what runs beside them at every point. */
async function renameInParallel(storage: Storage, userId: string): Promise<void> {
  const { id } = authenticatorOf(userId);
  await Promise.all(
    callers.slice(0, 16).map(async (caller) => {
      for (let time = 0; time < 3; time += 1)
        await storage.renameAuthenticator(renamingOf(userId, id, `Phone ${caller}.${time}`));
    }),
  );
}

/** 16 callers, each of which seals the secret of the first authenticator anew, six times, with what is there then. */
async function resealInParallel(storage: Storage, userId: string): Promise<void> {
  const { id } = authenticatorOf(userId);
  await Promise.all(
    callers.slice(0, 16).map(async (caller) => {
      // Not in step with each other.
      for (let pause = caller % 3; pause > 0; pause -= 1) await storage.findAccount(userId);
      for (let time = 0; time < 6; time += 1) {
        const [there] = await storage.listAuthenticators(userId);
        const sealed = there?.sealedSecret ?? '';
        await storage.reseal([{ kind: 'authenticator', userId, id, sealed, fresh: `new.${caller}.${time}` }]);
      }
    }),
  );
}

/** 16 callers, each of which hands in three tokens one after the other. */
async function useInParallel(storage: Storage, userId: string): Promise<void> {
  await Promise.all(
    callers.slice(0, 16).map(async () => {
      for (let index = 0; index < 3; index += 1) await storage.useToken(tokenOf(userId, index));
    }),
  );
}

const raceCases: readonly StorageContractCase[] = [
  ...storageRaces.map(raceCase),

  check('race: raiseEpoch loses none of 16 parallel calls', async (storage) => {
    const userId = newUser();
    const epochs = await Promise.all(
      callers.slice(0, 16).map(() => storage.raiseEpoch(revocationOf(userId))),
    );
    assert.deepEqual(
      epochs.sort((a = 0, b = 0) => a - b),
      Array.from({ length: 16 }, (_, index) => index + 1),
    );
    assert.equal((await storage.findAccount(userId))?.epoch, 16);
  }),

  check('race: setEnrolBy keeps the earliest of 16 dates', async (storage) => {
    // The earliest is neither the first nor the last to be written.
    const dates = callers.slice(0, 16).map((caller) => 1_000 + ((caller + 8) % 16));
    for (let round = 0; round < 5; round += 1) {
      const userId = newUser();
      const answers = await Promise.all(dates.map((date) => storage.setEnrolBy(userId, date)));
      assert.ok(answers.every((answer, index) => answer >= 1_000 && answer <= (dates[index] ?? 0)));
      assert.equal(await storage.setEnrolBy(userId, 2_000), 1_000);
      assert.equal((await storage.findAccount(userId))?.enrolBy, 1_000);
    }
  }),

  check('race: issueSupportCode leaves one of 16 codes', async (storage) => {
    for (let round = 0; round < 3; round += 1) {
      const userId = await enrol(storage);
      const codes = await Promise.all(callers.slice(0, 16).map(() => support(storage, userId)));
      const logins = await Promise.all(codes.map(() => begin(storage, 'login', userId)));
      const results: string[] = [];
      for (const [index, code] of codes.entries())
        results.push(await storage.accept(useSupportCode(logins[index] ?? code, code)));
      assert.equal(results.filter((result) => result === 'accepted').length, 1);
    }
  }),

  check('race: renameAuthenticator gives no used step back', async (storage) => {
    for (let round = 0; round < 3; round += 1) {
      const login = await begin(storage, 'login', await enrol(storage));
      const accept = storage.accept(useStep(login, 101));
      const [result] = await Promise.all([accept, renameInParallel(storage, login.userId)]);
      assert.equal(result, 'accepted');
      assert.equal((await storage.listAuthenticators(login.userId))[0]?.lastStep, 101);
    }
  }),

  check('race: reseal gives no used step back', async (storage) => {
    for (let round = 0; round < 8; round += 1) {
      const login = await begin(storage, 'login', await enrol(storage));
      const accept = storage.accept(useStep(login, 101));
      const [result] = await Promise.all([accept, resealInParallel(storage, login.userId)]);
      assert.equal(result, 'accepted');
      const [authenticator] = await storage.listAuthenticators(login.userId);
      assert.equal(authenticator?.lastStep, 101);
      assert.match(authenticator.sealedSecret, /^new\./);
    }
  }),

  check('race: reseal brings no removed authenticator back', async (storage) => {
    for (let round = 0; round < 3; round += 1) {
      const userId = await enrolTwo(storage);
      const { id } = authenticatorOf(userId);
      const remove = storage.removeAuthenticator({ userId, epoch: 2, authenticatorId: id, events: [] });
      const [epoch] = await Promise.all([remove, resealInParallel(storage, userId)]);
      assert.equal(epoch, 3);
      assert.deepEqual(await storage.listAuthenticators(userId), [secondAuthenticatorOf(userId)]);
    }
  }),

  check('race: useToken brings no browser back whose trust was ended', async (storage) => {
    for (let round = 0; round < 3; round += 1) {
      const userId = await enrol(storage);
      await trust(storage, browserOf(userId));
      await Promise.all([
        storage.deleteTrustedBrowsers({ userId, id: null, events: [] }),
        useInParallel(storage, userId),
      ]);
      assert.deepEqual(await storage.listTrustedBrowsers(userId), []);
    }
  }),

  check('race: renameAuthenticator brings no removed authenticator back', async (storage) => {
    for (let round = 0; round < 3; round += 1) {
      const userId = await enrolTwo(storage);
      const { id } = authenticatorOf(userId);
      const remove = storage.removeAuthenticator({ userId, epoch: 2, authenticatorId: id, events: [] });
      const [epoch] = await Promise.all([remove, renameInParallel(storage, userId)]);
      assert.equal(epoch, 3);
      assert.deepEqual(await storage.listAuthenticators(userId), [secondAuthenticatorOf(userId)]);
    }
  }),
];

/**
 * What every implementation of `Storage` must do, for people who write one: call `run` of each case in a test of
 * any framework. `raceAcrossProcesses` adds the races that only several processes can run.
 */
export const storageContract: readonly StorageContractCase[] = [
  ...pendingCases,
  ...nameCases,
  ...attemptCases,
  ...budgetCases,
  ...acceptanceCases,
  ...changeCases,
  ...authenticatorCases,
  ...removalCases,
  ...replacementCases,
  ...browserCases,
  ...eventCases,
  ...keyCases,
  ...inspectionCases,
  ...policyCases,
  ...importCases,
  ...supportCodeCases,
  ...raceCases,
];
