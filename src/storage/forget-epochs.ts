import type { EpochCache } from './epoch-cache.js';
import type { Storage } from './storage.js';

/** Whose epoch a verb raises, told by its parameters. */
type Raised = {
  [Verb in keyof Storage]?: (...parameters: Parameters<Storage[Verb]>) => string | undefined;
};

const raised: Raised = {
  raiseEpoch: (userId) => userId,
  accept: ({ userId, effect }) => (effect === 'disable' ? userId : undefined),
  enable: ({ userId }) => userId,
  renewBackupCodes: ({ userId }) => userId,
  addAuthenticator: ({ userId }) => userId,
  removeAuthenticator: ({ userId }) => userId,
  reset: (userId) => userId,
  forget: (userId) => userId,
};

/**
 * The same storage, that has the cache forget an epoch before and after each verb that raises it, whatever comes of the verb: one
 * that was given up may have been committed (R7).
 */
export function forgetEpochs(storage: Storage, epochs: EpochCache | undefined): Storage {
  if (!epochs) return storage;
  return new Proxy(storage, {
    get(target, name: keyof Storage) {
      const verb = target[name] as (...parameters: unknown[]) => Promise<unknown>;
      const whose = raised[name] as ((...parameters: unknown[]) => string | undefined) | undefined;
      if (!whose) return verb;
      return async (...parameters: unknown[]): Promise<unknown> => {
        const userId = whose(...parameters);
        if (userId === undefined) return Reflect.apply(verb, target, parameters);
        await epochs.forget(userId);
        try {
          return await Reflect.apply(verb, target, parameters);
        } finally {
          await epochs.forget(userId);
        }
      };
    },
  });
}
