import type { Storage } from '../storage/storage.js';
import * as fixtures from './storage-fixtures.js';
import { afterEnrolment, createRows, rowOf, type StorageRace } from './storage-race.js';

const manyRows = 16;

async function prepareTwo(storage: Storage, key: string): Promise<void> {
  await fixtures.enrolTwo(storage, key);
}

/** Epoch 4. */
async function prepareFour(storage: Storage, key: string): Promise<void> {
  await fixtures.enrolTwo(storage, key);
  for (const epoch of [2, 3]) {
    const enrolment = await fixtures.begin(storage, 'enrolment', key, { epoch });
    const authenticator = fixtures.authenticatorOf(key, { id: `${key}-authenticator-${epoch + 1}` });
    await storage.addAuthenticator(fixtures.addingOf(enrolment, { authenticator, most: 4 }));
  }
}

/** How many authenticators a winner leaves, whatever the losers try. */
async function leaves(storage: Storage, key: string, count: number): Promise<boolean> {
  return (await storage.listAuthenticators(key)).length === count;
}

async function add(storage: Storage, key: string, caller: number, row: number): Promise<boolean> {
  const authenticator = fixtures.authenticatorOf(key, { id: `${key}-authenticator-of-${caller}` });
  const enrolment = rowOf('enrolment', key, row, 1, manyRows);
  const epoch = await storage.addAuthenticator(fixtures.addingOf(enrolment, { authenticator, most: 100 }));
  return epoch === 2 && leaves(storage, key, 2);
}

/** Callers take turns with the one and the other. */
async function remove(storage: Storage, key: string, caller: number, there = 2): Promise<boolean> {
  const { id } = caller % 2 === 0 ? fixtures.authenticatorOf(key) : fixtures.secondAuthenticatorOf(key);
  const epoch = await storage.removeAuthenticator({
    userId: key,
    epoch: there,
    authenticatorId: id,
    events: [],
  });
  return epoch === there + 1 && leaves(storage, key, there - 1);
}

async function disable(storage: Storage, key: string, caller: number): Promise<boolean> {
  const acceptance = fixtures.useCode(rowOf('step-up', key, caller, 2), caller % 10);
  const result = await storage.accept({ ...acceptance, effect: 'disable' });
  return result === 'accepted' && leaves(storage, key, 0);
}

export const authenticatorRaces: readonly StorageRace[] = [
  {
    title: 'race: addAuthenticator uses one pending enrolment once',
    prepare: afterEnrolment('enrolment', 1),
    attempt: (storage, key, caller) => add(storage, key, caller, 0),
    winners: 1,
  },
  {
    title: 'race: addAuthenticator adds once over sixteen pending enrolments of one epoch',
    prepare: afterEnrolment('enrolment', manyRows),
    attempt: (storage, key, caller) => add(storage, key, caller, caller),
    winners: 1,
  },
  {
    title: 'race: removeAuthenticator removes one of two and leaves the other',
    prepare: prepareTwo,
    attempt: (storage, key, caller) => remove(storage, key, caller),
    winners: 1,
  },
  {
    title: 'race: removeAuthenticator removes one of four at one epoch',
    prepare: prepareFour,
    attempt: (storage, key, caller) => remove(storage, key, caller, 4),
    winners: 1,
  },
  {
    title: 'race: either removeAuthenticator removes one of two or accept disables the second factor',
    prepare: async (storage, key) => {
      await prepareTwo(storage, key);
      await createRows(storage, 'step-up', key, 2);
    },
    attempt: (storage, key, caller) => (caller % 4 < 2 ? remove : disable)(storage, key, caller),
    winners: 1,
  },
  {
    title: 'race: reset turns the second factor off once',
    prepare: prepareTwo,
    attempt: async (storage, key) => (await storage.reset(key, [])) === 3 && leaves(storage, key, 0),
    winners: 1,
  },
];
