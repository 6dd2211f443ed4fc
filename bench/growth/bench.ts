import { randomUUID } from 'node:crypto';
import type { Storage } from 'passport-second-factor';
import { draw } from '../counting.js';
import type { Effort, Table } from '../main.js';
import { medianOf } from '../rounds.js';
import { createPostgres, createSqlite, type Store } from './databases.js';
import type { Filled, Order } from './fill.js';

const NOW = 1_800_000_000_000;
const SAMPLES = 2_000;
const STEP = NOW / 30_000;

/** What a login costs in the database when there are many users, beside what it costs when there are few (goal D). */
export async function benchGrowth({ isShort }: Effort): Promise<Table[]> {
  const [few, many] = isShort ? [200, 1_000] : [1_000, 1_000_000];
  const samples = isShort ? 50 : SAMPLES;
  const [times, sizes, parts]: [Table['rows'], Table['rows'], Table['rows']] = [[], [], []];
  const orderOf =
    (users: number) =>
    (storage: Storage): Order => ({
      users,
      kept: samples * Object.keys(acts).length,
      // Who is enrolled has logged in.
      use: (user) => acceptTotp(storage, user, STEP - 1).then(() => undefined),
    });
  for (const kind of [createSqlite(), await createPostgres()]) {
    try {
      const small = await kind.open(orderOf(few));
      const start = performance.now();
      const large = await kind.open(orderOf(many));
      const seconds = (performance.now() - start) / 1_000;
      for (const [place, [what, act]] of Object.entries(acts).entries()) {
        const [ofSmall, ofLarge]: [number[], number[]] = [[], []];
        for (let n = 0; n < samples; n += 1) {
          const user = place * samples + n;
          // Now the one first and now the other.
          if (n % 2 === 0) ofSmall.push(await act(small, user));
          ofLarge.push(await act(large, user));
          if (n % 2 === 1) ofSmall.push(await act(small, user));
        }
        times.push({
          ...{ database: kind.name, what },
          [`µs at ${String(few)} users`]: medianOf(ofSmall).median.toFixed(1),
          [`µs at ${String(many)} users`]: medianOf(ofLarge).median.toFixed(1),
          'ratio [95 %]': draw(medianOf(ofLarge.map((time, n) => time / (ofSmall[n] ?? NaN)))),
        });
      }
      sizes.push({ ...drawSize(kind.name, many, large.sizes), 'filled in, s': seconds.toFixed(0) });
      parts.push(...drawParts(kind.name, many, large.sizes));
    } finally {
      await kind.close();
    }
  }
  return [
    { title: 'Growth: one call of storage after the other, another user of all times each', rows: times },
    { title: 'Size of tables and indexes', rows: sizes },
    { title: 'What takes it', rows: parts },
  ];
}

/** Each prepares what it needs for the user at that place and times one call, in microseconds. */
const acts: Record<string, (store: Store, place: number) => Promise<number>> = {
  'account and authenticators read': async ({ storage, users }, place) => {
    const { userId } = pick(users, place);
    return time(async () => {
      await storage.findAccount(userId);
      await storage.listAuthenticators(userId);
    });
  },
  'TOTP code accepted': ({ storage, users }, place) => acceptTotp(storage, pick(users, place), STEP + place),
  'backup code accepted': ({ storage, users }, place) => {
    const user = pick(users, place);
    // A code that was not used yet, where there are fewer users than places.
    const codeHash = user.codeHashes[Math.floor(place / users.length)] ?? '';
    return accept(storage, user, { lane: 'backup-code', setId: user.setId, codeHash });
  },
};

function pick(users: readonly Filled[], place: number): Filled {
  const user = users[place % users.length];
  if (!user) throw new Error('There are no users.');
  return user;
}

const acceptTotp = (storage: Storage, user: Filled, step: number): Promise<number> =>
  accept(storage, user, { lane: 'totp', authenticatorId: user.authenticatorId, step });

/** @returns the time of the acceptance alone. */
async function accept(
  storage: Storage,
  { userId }: Filled,
  proof: Parameters<Storage['accept']>[0]['proof'],
): Promise<number> {
  const login = { handleHash: randomUUID(), purpose: 'login', userId, epoch: 1 } as const;
  const times = { createdAt: NOW, expiresAt: NOW + 600_000, completedAt: null };
  await storage.createPending({ ...login, payload: null, failures: 0, ...times });
  return time(async () => {
    const result = await storage.accept({ ...login, proof, effect: 'complete', now: NOW, events: [] });
    if (result !== 'accepted') throw new Error(`An answer of the bench was ${result}.`);
  });
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1_000;
}

const CODES = 'two_factor_backup_codes';
const CODES_OF_USER = 10;

function drawSize(database: string, users: number, sizes: Store['sizes']): Record<string, string> {
  const sum = (isOfCodes: boolean): number =>
    Object.entries(sizes).reduce(
      (all, [name, bytes]) => all + (name.includes(CODES) === isOfCodes ? bytes : 0),
      0,
    );
  return {
    ...{ database, users: String(users) },
    'bytes a user, one authenticator': (sum(false) / users).toFixed(0),
    'bytes a backup code': (sum(true) / users / CODES_OF_USER).toFixed(0),
  };
}

/** Of what takes a byte or more. */
function drawParts(database: string, users: number, sizes: Store['sizes']): Record<string, string>[] {
  return Object.entries(sizes)
    .filter(([, bytes]) => bytes >= users)
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([name, bytes]) => {
      const each = name.includes(CODES) ? bytes / users / CODES_OF_USER : bytes / users;
      return { database, 'table or index': name, 'bytes a user or code': each.toFixed(0) };
    });
}
