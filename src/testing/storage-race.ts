import type { Pending, Purpose } from '../model.js';
import type { Storage } from '../storage/storage.js';
import * as fixtures from './storage-fixtures.js';

/** A thing that may happen a fixed number of times, tried by many callers in the same moment. */
export interface StorageRace {
  title: string;
  /** Writes what the callers race for; `key` names the records, in every process alike. */
  prepare(storage: Storage, key: string): Promise<void>;
  /** @param caller a number of its own for each caller. @returns whether this caller won. */
  attempt(storage: Storage, key: string, caller: number): Promise<boolean>;
  /** How many of at least 16 callers win: neither more nor fewer. */
  winners: number;
}

const fewRows = 4;

/** Callers share pending rows, few unless told, so that they meet on one row as well as over several. */
export function rowOf(purpose: Purpose, key: string, caller: number, epoch = 1, rows = fewRows): Pending {
  return fixtures.newPending(purpose, key, { handleHash: `${key}-handle-${caller % rows}`, epoch });
}

export async function createRows(
  storage: Storage,
  purpose: Purpose,
  key: string,
  epoch = 1,
  rows = fewRows,
): Promise<void> {
  for (let row = 0; row < rows; row += 1) await storage.createPending(rowOf(purpose, key, row, epoch, rows));
}

export function afterEnrolment(purpose: Purpose, rows = fewRows): StorageRace['prepare'] {
  return async (storage, key) => {
    await fixtures.enrol(storage, key);
    await createRows(storage, purpose, key, 1, rows);
  };
}
