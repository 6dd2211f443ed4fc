import type { Epochs } from './epoch-cache.js';
import type { Storage } from './storage.js';

/** Whose epoch a verb raises, told by its parameters. */
type Raised = {
  [Verb in keyof Storage]?: (
    ...parameters: Parameters<Storage[Verb]>
  ) => string | readonly string[] | undefined;
};

const raised: Raised = {
  raiseEpoch: ({ userId }) => userId,
  accept: ({ userId, effect }) => (effect === 'disable' ? userId : undefined),
  enable: ({ userId }) => userId,
  importFactors: (imports) => imports.map(({ userId }) => userId),
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
export function forgetEpochs(storage: Storage, epochs: Epochs | undefined): Storage {
  if (!epochs) return storage;
  return new Proxy(storage, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name, target);
      const whose = raised[name as keyof Storage] as
        ((...parameters: unknown[]) => string | readonly string[] | undefined) | undefined;
      if (typeof verb !== 'function' || !whose) return verb;
      return async (...parameters: unknown[]): Promise<unknown> => {
        const run = (): unknown => Reflect.apply(verb, target, parameters);
        const userIds = [whose(...parameters) ?? []].flat();
        const forget = (): Promise<unknown> => Promise.all(userIds.map((userId) => epochs.forget(userId)));
        await forget();
        try {
          return await run();
        } finally {
          await forget();
        }
      };
    },
  });
}
