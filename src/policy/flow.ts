import type { Account } from '../model.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';
import { findDeadline } from './grace.js';

export interface PolicyFlow {
  /**
   * Until when a user has to set a second factor up who is asked for one at this moment and has none. The first such moment is what
   * counts; a policy that has become stricter since then brings the date forward, and none puts it off. Writes only where it changes.
   */
  findEnrolBy(userId: string, account: Account | undefined): Promise<number | undefined>;
}

export function createPolicyFlow({ clock, policy }: Settings, storage: Storage): PolicyFlow {
  return {
    async findEnrolBy(userId, account) {
      if (!policy) return undefined;
      const stored = account?.enrolBy ?? Infinity;
      const deadline = findDeadline(policy, clock());
      return stored <= deadline ? stored : storage.setEnrolBy(userId, deadline);
    },
  };
}
