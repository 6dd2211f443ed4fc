import type { Storage } from '../storage.js';
import { acceptanceVerbs } from './acceptance.js';
import { accountVerbs } from './accounts.js';
import { attemptVerbs } from './attempts.js';
import { changeVerbs } from './changes.js';
import { eventVerbs } from './events.js';
import { inspectionVerbs } from './inspection.js';
import { pendingVerbs } from './pending.js';
import { sealedVerbs } from './sealed.js';
import { Tables } from './tables.js';
import { trustedBrowserVerbs } from './trusted-browsers.js';

/** Keeps everything in this process, for tests and for trying out: a restart turns every second factor off. */
export function memoryStorage(): Storage {
  const tables = new Tables();
  // No verb awaits anything, so each is one step that no other caller can see half of.
  return {
    async migrate() {},
    ...accountVerbs(tables),
    ...pendingVerbs(tables),
    ...attemptVerbs(tables),
    ...acceptanceVerbs(tables),
    ...changeVerbs(tables),
    ...trustedBrowserVerbs(tables),
    ...eventVerbs(tables),
    ...sealedVerbs(tables),
    ...inspectionVerbs(tables),
  };
}
