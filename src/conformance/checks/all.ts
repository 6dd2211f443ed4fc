import type { Check } from '../check.js';
import type { Manifest } from '../manifest.js';
import { api } from './api.js';
import { backupCodes } from './backup-codes.js';
import { changes } from './changes.js';
import { doorChecks } from './doors.js';
import { forgery } from './forgery.js';
import { guessing } from './guessing.js';
import { halfWay } from './half-way.js';
import { hostileCodes } from './hostile-codes.js';
import { pages } from './pages.js';
import { replay } from './replay.js';
import { required } from './required.js';
import { sessions } from './sessions.js';
import { stepUp } from './step-up.js';
import { stories } from './stories.js';
import { trust } from './trust.js';

/** Every check, in the order of the table. */
export function allChecks({ doors }: Manifest): Check[] {
  const checks = [
    ...stories,
    ...halfWay,
    ...doorChecks(doors),
    ...replay,
    ...guessing,
    ...backupCodes,
    ...hostileCodes,
    ...forgery,
    ...pages,
    ...sessions,
    ...changes,
    ...stepUp,
    ...trust,
    ...api,
    ...required,
  ];
  // Stories first: where they fail, the rest says little.
  return [
    ...checks.filter(({ kind }) => kind === 'story'),
    ...checks.filter(({ kind }) => kind === 'attack'),
  ];
}
