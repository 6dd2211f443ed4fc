import { randomId } from '../crypto/random.js';
import type { AttemptLimits, Storage } from '../storage/storage.js';
import * as fixtures from './storage-fixtures.js';
import { afterEnrolment, createRows, rowOf, type StorageRace } from './storage-race.js';
import { authenticatorRaces } from './storage-races-authenticators.js';
import { browserRaces } from './storage-races-browsers.js';
import { importRaces } from './storage-races-imports.js';
import { keyRaces } from './storage-races-keys.js';
import { policyRaces } from './storage-races-policy.js';
import { supportCodeRaces } from './storage-races-support-codes.js';

function spendOn(
  row: (caller: number) => number,
  limits: AttemptLimits,
  lane: 'totp' | null,
  isKnown: (caller: number) => boolean = () => false,
): StorageRace['attempt'] {
  return async (storage, key, caller) => {
    const pending = rowOf(lane === null ? 'step-up' : 'login', key, row(caller));
    const attempt = fixtures.attemptOn(pending, { limits, lane, isKnown: isKnown(caller) });
    return (await storage.spendAttempt(attempt)).kind === 'spent';
  };
}

const unlimited: AttemptLimits = {
  perPending: 1_000,
  delayFrom: 1_000,
  delays: [1_000],
  cap: 1_000,
  budget: { answers: 1_000, within: 1_000 },
};

export const storageRaces: readonly StorageRace[] = [
  {
    title: 'race: one time step is accepted once over several pending logins',
    prepare: afterEnrolment('login'),
    attempt: async (storage, key, caller) =>
      (await storage.accept(fixtures.useStep(rowOf('login', key, caller), 101))) === 'accepted',
    winners: 1,
  },
  {
    title: 'race: four different steps complete one pending login once',
    prepare: afterEnrolment('login'),
    attempt: async (storage, key, caller) =>
      (await storage.accept(fixtures.useStep(rowOf('login', key, 0), 101 + (caller % 4)))) === 'accepted',
    winners: 1,
  },
  {
    title: 'race: four different steps settle one step-up once',
    prepare: afterEnrolment('step-up'),
    attempt: async (storage, key, caller) =>
      (await storage.accept(fixtures.useStep(rowOf('step-up', key, 0), 101 + (caller % 4)))) === 'accepted',
    winners: 1,
  },
  {
    title: 'race: one backup code is used once over several pending logins',
    prepare: afterEnrolment('login'),
    attempt: async (storage, key, caller) =>
      (await storage.accept(fixtures.useCode(rowOf('login', key, caller), 0))) === 'accepted',
    winners: 1,
  },
  {
    title: 'race: ten backup codes disable the second factor once',
    prepare: afterEnrolment('step-up'),
    attempt: async (storage, key, caller) => {
      const acceptance = fixtures.useCode(rowOf('step-up', key, caller), caller % 10);
      return (await storage.accept({ ...acceptance, effect: 'disable' })) === 'accepted';
    },
    winners: 1,
  },
  {
    title: 'race: attempts over several pending logins stop at the delay',
    prepare: afterEnrolment('login'),
    attempt: spendOn((caller) => caller, { ...unlimited, delayFrom: 5 }, 'totp'),
    winners: 5,
  },
  {
    title: 'race: attempts over several pending logins stop at the cap',
    prepare: afterEnrolment('login'),
    attempt: spendOn((caller) => caller, { ...unlimited, cap: 7 }, 'totp'),
    winners: 7,
  },
  {
    title: 'race: attempts of known and other browsers stop at one cap',
    prepare: afterEnrolment('login'),
    attempt: spendOn(
      (caller) => caller,
      { ...unlimited, cap: 7 },
      'totp',
      (caller) => caller % 2 === 0,
    ),
    winners: 7,
  },
  {
    title: 'race: attempts over several pending logins stop at the budget',
    prepare: afterEnrolment('login'),
    attempt: spendOn((caller) => caller, { ...unlimited, budget: { answers: 6, within: 1_000 } }, 'totp'),
    winners: 6,
  },
  {
    title: 'race: attempts on one pending login stop at its limit',
    prepare: afterEnrolment('login'),
    attempt: spendOn(() => 0, { ...unlimited, perPending: 3 }, 'totp'),
    winners: 3,
  },
  {
    title: 'race: attempts at the first factor stop at the limit of the pending row',
    prepare: afterEnrolment('step-up'),
    attempt: spendOn(() => 0, { ...unlimited, perPending: 3 }, null),
    winners: 3,
  },
  {
    title: 'race: openPending hands every caller the one payload that was first',
    prepare: async () => {},
    attempt: async (storage, key, caller) => {
      const pending = { ...rowOf('enrolment', key, 0), payload: `sealed-${caller}` };
      return (await storage.openPending(pending, fixtures.now)).payload === pending.payload;
    },
    winners: 1,
  },
  {
    title: 'race: enable turns the second factor on once',
    prepare: (storage, key) => createRows(storage, 'enrolment', key, 0),
    attempt: async (storage, key, caller) => {
      const enabling = fixtures.enablingOf(rowOf('enrolment', key, caller, 0), {
        authenticator: fixtures.authenticatorOf(key, { id: `${key}-authenticator-${caller}` }),
        backupCodes: fixtures.backupCodesOf(key, `${key}-codes-${caller}`),
      });
      return (await storage.enable(enabling)) === 1;
    },
    winners: 1,
  },
  {
    title: 'race: renewBackupCodes replaces the set once',
    prepare: afterEnrolment('backup-codes'),
    attempt: async (storage, key, caller) => {
      const proposal = fixtures.keyOf(rowOf('backup-codes', key, caller));
      const backupCodes = fixtures.backupCodesOf(key, `${key}-codes-${caller}`);
      const epoch = await storage.renewBackupCodes({
        ...proposal,
        purpose: 'backup-codes',
        backupCodes,
        now: fixtures.now,
        events: [],
      });
      return epoch === 2;
    },
    winners: 1,
  },
  {
    title: 'race: raiseEpoch at one epoch raises it once',
    prepare: async () => {},
    attempt: async (storage, key) =>
      (await storage.raiseEpoch(fixtures.revocationOf(key, { epoch: 0 }))) !== undefined,
    winners: 1,
  },
  {
    title: 'race: raiseEpoch gives no epoch to two callers',
    prepare: async () => {},
    attempt: async (storage, key) => (await storage.raiseEpoch(fixtures.revocationOf(key))) === 1,
    winners: 1,
  },
  {
    title: 'race: deletePending finds a row once',
    prepare: afterEnrolment('login'),
    attempt: (storage, key) => storage.deletePending(rowOf('login', key, 0).handleHash),
    winners: 1,
  },
  ...authenticatorRaces,
  ...browserRaces,
  ...keyRaces,
  ...policyRaces,
  ...importRaces,
  ...supportCodeRaces,
];

export function newRaceKey(): string {
  return `race-${randomId()}`;
}

/** Lets the callers of one process start in the same moment. @returns how many won. */
export async function countWinners(
  race: StorageRace,
  storage: Storage,
  key: string,
  callers: readonly number[],
): Promise<number> {
  const outcomes = await Promise.all(callers.map((caller) => race.attempt(storage, key, caller)));
  return outcomes.filter((won) => won).length;
}
