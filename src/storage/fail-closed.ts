import { withPatience } from '../clock.js';
import { SecondFactorError } from '../errors.js';
import type { Storage } from './storage.js';

/** Nobody waits for these, and they may take long. */
const patient: ReadonlySet<string | symbol> = new Set<keyof Storage>([
  'migrate',
  'purgePending',
  'purgeTrustedBrowsers',
  'purgeEvents',
  'inspect',
]);

/** The same storage, whose failures and silences say "unavailable, refuse" (R1) and nothing of what is in it. */
export function failClosed(storage: Storage): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name, target);
      if (typeof verb !== 'function') return verb;
      return async (...parameters: unknown[]): Promise<unknown> => {
        try {
          const work = Reflect.apply(verb, target, parameters) as Promise<unknown>;
          return await (patient.has(name) ? work : withPatience(work));
        } catch (cause) {
          const message = 'The second factor cannot be checked right now.';
          throw new SecondFactorError('storage-unavailable', message, { cause });
        }
      };
    },
  });
}
