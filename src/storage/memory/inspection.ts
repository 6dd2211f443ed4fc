import { keyIdOf } from '../../crypto/key-ring.js';
import type { Account, Counter, Lane, Pending } from '../../model.js';
import type { InspectedRecords, SealedRecord, SealedRecords, Storage } from '../storage.js';
import { listRecords } from './sealed.js';
import type { Tables } from './tables.js';

type InspectedAccount = Pick<Account, 'enabledAt'> & {
  lanes: Record<Lane, Counter>;
};

export function inspectionVerbs(tables: Tables) {
  return {
    async inspect(clock, cap) {
      const { accounts, authenticators, pendings, backupCodes, browsers, events, canaries } = tables;
      const maps = { accounts, authenticators, pendings, backupCodes, browsers, events, canaries };
      return {
        clockAhead: undefined,
        schema: { there: 0, known: 0 },
        tables: Object.entries(maps).map(([name, { size }]) => ({ name, rows: size })),
        records: inspectRecords(
          { accounts: [...accounts.values()], pendings: [...pendings.values()], sealed: listRecords(tables) },
          clock(),
          cap,
        ),
      };
    },
  } satisfies Partial<Storage>;
}

/** What `Storage.inspect` tells of records that are all at hand. */
export function inspectRecords(
  records: {
    accounts: readonly InspectedAccount[];
    pendings: readonly Pending[];
    sealed: readonly SealedRecord[];
  },
  now: number,
  cap: number,
): InspectedRecords {
  const enrolled = records.accounts.filter(({ enabledAt }) => enabledAt !== null);
  const count = (test: (lane: InspectedAccount['lanes'][Lane]) => boolean): number =>
    enrolled.filter(({ lanes }) => Object.values(lanes).some(test)).length;
  const logins = records.pendings.filter(({ purpose }) => purpose === 'login');
  const completed = logins.filter(({ completedAt }) => completedAt !== null).length;
  const answers = logins.reduce((sum, { failures }) => sum + failures, 0);
  return {
    users: {
      enrolled: enrolled.length,
      failing: count(({ failures }) => failures > 0),
      delayed: count(({ delayedUntil }) => delayedUntil > now),
      suspended: count(({ failures }) => failures >= cap),
    },
    // The right answer was counted too, before it was looked at.
    logins: { begun: logins.length, completed, wrongAnswers: Math.max(0, answers - completed) },
    sealed: groupByKey(records.sealed),
  };
}

function groupByKey(values: readonly SealedRecord[]): SealedRecords[] {
  const groups = new Map<string, SealedRecords>();
  for (const { kind, ...sample } of values) {
    const keyId = keyIdOf(sample.sealed);
    const group = groups.get(`${kind} ${keyId}`);
    groups.set(`${kind} ${keyId}`, { kind, keyId, count: (group?.count ?? 0) + 1, sample });
  }
  return [...groups.values()];
}
