import * as fixtures from './storage-fixtures.js';
import { afterEnrolment, type StorageRace } from './storage-race.js';

export const keyRaces: readonly StorageRace[] = [
  {
    title: 'race: reseal replaces one sealed value once',
    prepare: afterEnrolment('login'),
    attempt: async (storage, key, caller) => {
      const { id, sealedSecret: sealed } = fixtures.authenticatorOf(key);
      const fresh = `new.${caller}`;
      return (await storage.reseal([{ kind: 'authenticator', userId: key, id, sealed, fresh }])) === 1;
    },
    winners: 1,
  },
  {
    title: 'race: keepCanary hands every caller the one that was first',
    prepare: async () => {},
    attempt: async (storage, key, caller) =>
      (await storage.keepCanary(key, `canary-${caller}`)) === `canary-${caller}`,
    winners: 1,
  },
];
