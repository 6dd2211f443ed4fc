import type { Control } from './controls.js';
import type { Manifest } from './manifest.js';
import type { Stage } from './stage.js';

/** One thing that is looked at. Each makes its own users, so none depends on another. */
export interface Check {
  /** Lower-case words with hyphens; never changes, since `--only` and `skip` name it. */
  id: string;
  kind: 'story' | 'attack';
  /** The rule of docs that it holds, R1 to R14. */
  rule: string;
  /** What is true where it passes. */
  title: string;
  /** Parts of the manifest without which it is not applicable. */
  needs?: (
    | keyof Manifest
    | 'api.disable'
    | 'backupCodes.renew'
    | 'limits.delaySeconds'
    | 'required.later'
    | 'trust.ended'
  )[];
  /** What must be seen to work before, or a refusal proves nothing; attacks have the whole login in any case. */
  controls?: Control[];
  /** @returns what happened, in a few words. @throws Verdict otherwise. */
  run(stage: Stage): Promise<string>;
}
