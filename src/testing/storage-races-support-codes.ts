import type { Storage } from '../storage/storage.js';
import * as fixtures from './storage-fixtures.js';
import { afterEnrolment, rowOf, type StorageRace } from './storage-race.js';

const codeOf = (key: string) => fixtures.supportCodeOf(key, { handleHash: `${key}-support-code` });

function prepare(purpose: 'login' | 'step-up'): StorageRace['prepare'] {
  return async (storage, key) => {
    await afterEnrolment(purpose, 16)(storage, key);
    await storage.issueSupportCode({ pending: codeOf(key), events: [] });
  };
}

async function use(
  storage: Storage,
  purpose: 'login' | 'step-up',
  key: string,
  caller: number,
  effect: 'complete' | 'disable',
): Promise<boolean> {
  const acceptance = fixtures.useSupportCode(rowOf(purpose, key, caller, 1, 16), codeOf(key));
  return (await storage.accept({ ...acceptance, effect })) === 'accepted';
}

export const supportCodeRaces: readonly StorageRace[] = [
  {
    title: 'race: one support code is used once over several pending logins',
    prepare: prepare('login'),
    attempt: (storage, key, caller) => use(storage, 'login', key, caller, 'complete'),
    winners: 1,
  },
  {
    title: 'race: one support code is a fresh proof, or disables the second factor, once',
    prepare: prepare('step-up'),
    attempt: (storage, key, caller) =>
      use(storage, 'step-up', key, caller, caller % 2 === 0 ? 'complete' : 'disable'),
    winners: 1,
  },
];
