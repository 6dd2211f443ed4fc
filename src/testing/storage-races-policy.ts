import * as fixtures from './storage-fixtures.js';
import { createRows, rowOf, type StorageRace } from './storage-race.js';

export const policyRaces: readonly StorageRace[] = [
  {
    title: 'race: a login that has to enrol is completed once, by its first code or without',
    async prepare(storage, key) {
      await createRows(storage, 'enrolment', key, 0);
      await storage.createPending(loginOf(key));
    },
    async attempt(storage, key, caller) {
      const login = loginOf(key);
      if (caller % 2 === 0) return storage.deletePending(login.handleHash);
      const enabling = fixtures.enablingOf(rowOf('enrolment', key, caller, 0), {
        login: { ...fixtures.keyOf(login), purpose: 'login-enrolment' },
        authenticator: fixtures.authenticatorOf(key, { id: `${key}-authenticator-${caller}` }),
        backupCodes: fixtures.backupCodesOf(key, `${key}-codes-${caller}`),
      });
      return (await storage.enable(enabling)) === 1;
    },
    winners: 1,
  },
];

function loginOf(key: string) {
  return fixtures.newPending('login-enrolment', key, { handleHash: `${key}-login`, epoch: 0 });
}
