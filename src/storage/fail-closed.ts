import { SecondFactorError } from '../errors.js';
import type { Storage } from './storage.js';

/** The same storage, whose failures say "unavailable, refuse" (R1) and nothing of what is in it. */
export function failClosed(storage: Storage): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name, target);
      if (typeof verb !== 'function') return verb;
      return async (...parameters: unknown[]): Promise<unknown> => {
        try {
          return (await Reflect.apply(verb, target, parameters)) as unknown;
        } catch (cause) {
          throw new SecondFactorError(
            'storage-unavailable',
            'The second factor cannot be checked right now.',
            {
              cause,
            },
          );
        }
      };
    },
  });
}
