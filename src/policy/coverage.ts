import type { Settings } from '../settings.js';
import type { AccountSummary, Storage } from '../storage/storage.js';
import { findDeadline } from './grace.js';
import { isFactorRequired } from './rule.js';

/** How one user stands with the policy. */
export interface Coverage {
  userId: string;
  label: string;
  /** Whether this user must have a second factor. */
  required: boolean;
  /** `overdue`: the next login leads to the set-up and nowhere else. */
  state: 'on' | 'in-grace' | 'overdue' | 'not-required';
  /** Until when there is time, of `in-grace` and `overdue`; `null` where that is decided at the next login. */
  enrolBy: number | null;
  enabledAt: number | null;
  /** When a code of either kind was last used; `null` for never. */
  lastUsedAt: number | null;
}

/** The host's users, perhaps more than memory holds. */
export type UserList = Iterable<Express.User> | AsyncIterable<Express.User>;

/** How a user is called. */
type NameOf = (user: Express.User) => Pick<Coverage, 'userId' | 'label'>;

/** Users that are read at once. */
const BATCH = 500;

/** One row for each user, in the order of the list, which is read as it is needed. */
export async function* listCoverage(
  settings: Settings,
  storage: Storage,
  nameOf: NameOf,
  users: UserList,
): AsyncGenerator<Coverage, void, undefined> {
  for await (const batch of inBatches(users)) {
    const named = batch.map((user) => ({ user, ...nameOf(user) }));
    const found = await storage.summarise(named.map(({ userId }) => userId));
    const accounts = new Map(found.map((account) => [account.userId, account]));
    for (const { user, ...name } of named)
      yield { ...name, ...(await judge(settings, user, accounts.get(name.userId))) };
  }
}

async function judge(
  settings: Settings,
  user: Express.User,
  { enabledAt, enrolBy, lastUsedAt }: Omit<AccountSummary, 'userId'> = nothing,
): Promise<Omit<Coverage, 'userId' | 'label'>> {
  const required = await isFactorRequired(settings, user);
  const rest = { required, enabledAt, lastUsedAt };
  if (enabledAt !== null) return { ...rest, state: 'on', enrolBy: null };
  if (!required) return { ...rest, state: 'not-required', enrolBy: null };
  return { ...rest, ...foresee(settings, enrolBy) };
}

const nothing = { enabledAt: null, enrolBy: null, lastUsedAt: null };

/** As the next login would decide; nothing is stored. */
function foresee({ clock, policy }: Settings, stored: number | null): Pick<Coverage, 'state' | 'enrolBy'> {
  const now = clock();
  const deadline = policy ? findDeadline(policy, now) : Infinity;
  const enrolBy = Math.min(stored ?? Infinity, deadline);
  const isFixed = stored !== null || (policy?.grace !== undefined && 'until' in policy.grace);
  return { state: enrolBy > now ? 'in-grace' : 'overdue', enrolBy: isFixed ? enrolBy : null };
}

async function* inBatches<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T[], void, undefined> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
