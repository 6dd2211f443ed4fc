import type { Storage } from '../storage/storage.js';
import * as fixtures from './storage-fixtures.js';
import type { StorageRace } from './storage-race.js';

async function trustOne(storage: Storage, key: string): Promise<void> {
  await fixtures.enrol(storage, key);
  await fixtures.trust(storage, fixtures.browserOf(key));
}

async function useTwice(storage: Storage, key: string): Promise<void> {
  await trustOne(storage, key);
  for (const index of [0, 1]) await storage.useToken(fixtures.tokenOf(key, index));
}

export const browserRaces: readonly StorageRace[] = [
  {
    title: 'race: one token of a trusted browser is rotated once',
    prepare: trustOne,
    attempt: async (storage, key) => (await storage.useToken(fixtures.tokenOf(key, 0))) === 'rotated',
    winners: 1,
  },
  {
    title: 'race: a used token of a trusted browser is told stolen once',
    prepare: useTwice,
    attempt: async (storage, key) => (await storage.useToken(fixtures.tokenOf(key, 0))) === 'stolen',
    winners: 1,
  },
  {
    title: 'race: deleteTrustedBrowsers counts a browser once',
    prepare: trustOne,
    attempt: async (storage, key, caller) => {
      const id = caller % 2 === 0 ? null : fixtures.browserOf(key).id;
      return (await storage.deleteTrustedBrowsers({ userId: key, id, events: [] })) === 1;
    },
    winners: 1,
  },
];
