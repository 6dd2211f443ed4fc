import * as fixtures from './storage-fixtures.js';
import { createRows, rowOf, type StorageRace } from './storage-race.js';

export const importRaces: readonly StorageRace[] = [
  {
    title: 'race: a user is imported once, or enrolled, and never both',
    prepare: (storage, key) => createRows(storage, 'enrolment', key, 0),
    async attempt(storage, key, caller) {
      const own = {
        authenticator: fixtures.authenticatorOf(key, { id: `${key}-authenticator-${caller}` }),
        backupCodes: fixtures.backupCodesOf(key, `${key}-codes-${caller}`),
      };
      if (caller % 4 === 0) {
        const enabling = fixtures.enablingOf(rowOf('enrolment', key, caller, 0), own);
        return (await storage.enable(enabling)) === 1;
      }
      const [isImported = false] = await storage.importFactors([fixtures.importOf(key, own)]);
      return isImported;
    },
    winners: 1,
  },
];
