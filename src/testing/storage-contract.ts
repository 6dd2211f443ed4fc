import assert from 'node:assert/strict';
import { acceptanceCases } from './storage-contract-acceptance.js';
import { attemptCases } from './storage-contract-attempts.js';
import { changeCases } from './storage-contract-changes.js';
import { inspectionCases } from './storage-contract-inspection.js';
import { nameCases } from './storage-contract-names.js';
import { pendingCases } from './storage-contract-pending.js';
import { check, newUser, type StorageContractCase } from './storage-fixtures.js';
import { countWinners, newRaceKey, storageRaces, type StorageRace } from './storage-races.js';

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

const raceCases: readonly StorageContractCase[] = [
  ...storageRaces.map(raceCase),

  check('race: raiseEpoch loses none of 16 parallel calls', async (storage) => {
    const userId = newUser();
    const epochs = await Promise.all(callers.slice(0, 16).map(() => storage.raiseEpoch(userId)));
    assert.deepEqual(
      epochs.sort((a, b) => a - b),
      Array.from({ length: 16 }, (_, index) => index + 1),
    );
    assert.equal((await storage.findAccount(userId))?.epoch, 16);
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
  ...acceptanceCases,
  ...changeCases,
  ...inspectionCases,
  ...raceCases,
];
