import { z } from 'zod';
import { SECOND, withPatience } from '../clock.js';
import type { RingKey } from '../crypto/key-ring.js';
import { describeFaults, SecondFactorError } from '../errors.js';
import { isKeyId } from './sealed.js';

/** What the host gives for a key: with its secret, or known to be lost. */
export type KeyOption = { id: string; secret: string | Uint8Array } | { id: string; lost: true };

/** Asked in `ready()`. */
export type KeySource = () => Promise<readonly RingKey[]>;

/** Milliseconds that a function of the host has to fetch the keys. */
export const KEYS_PATIENCE = 10 * SECOND;

const KEY_BYTES = 32;

const ADVICE = 'make one with "openssl rand -base64 32"';

const secret = z
  .union([z.string(), z.instanceof(Uint8Array)])
  .refine((given) => given.length > 0, {
    error: `is empty: is the environment variable set that it comes from? Where there is no key yet, ${ADVICE}`,
  })
  .transform((given) => (typeof given === 'string' ? Buffer.from(given, 'base64') : given))
  .refine((bytes) => bytes.length >= KEY_BYTES, {
    error: `must be at least ${String(KEY_BYTES)} bytes (base64 where it is text): ${ADVICE}`,
    abort: true,
  })
  .refine((bytes) => new Set(bytes).size > 8, {
    error: `is not random: ${ADVICE}`,
  });

const key = z
  .strictObject({
    id: z.string().refine(isKeyId, { error: 'must have 1 to 32 letters, digits, "-" or "_"' }),
    secret: secret.optional(),
    lost: z.literal(true, { error: 'must be true, or not there' }).optional(),
  })
  .refine((given) => given.secret !== undefined || given.lost === true, {
    path: ['secret'],
    error: 'is missing; of a key that is lost say so: { id, lost: true }',
  })
  .refine((given) => given.secret === undefined || given.lost === undefined, {
    path: ['lost'],
    error: 'must not stand beside a secret',
  })
  .transform((given): RingKey =>
    given.secret === undefined ? { id: given.id, lost: true } : { id: given.id, secret: given.secret },
  );

const keyList = z
  .array(key)
  .min(1, { error: 'needs at least one key' })
  .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length, {
    error: 'must have different ids',
  })
  .refine((keys) => keys[0] === undefined || 'secret' in keys[0], {
    path: [0],
    error: 'must not be lost: the first key seals',
  });

/** A list, checked at once, or a function that fetches one, checked when it does. */
export const keySource = z.unknown().transform((given, context): KeySource => {
  if (typeof given === 'function') return () => fetchKeys(given as () => unknown);
  const parsed = keyList.safeParse(given);
  if (parsed.success) return () => Promise.resolve(parsed.data);
  for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: undefined });
  return z.NEVER;
});

/** @throws SecondFactorError `keys-unavailable`, `configuration-invalid`. */
async function fetchKeys(ask: () => unknown): Promise<readonly RingKey[]> {
  const given = await withPatience(
    new Promise((resolve) => {
      resolve(ask());
    }),
    KEYS_PATIENCE,
  ).catch((cause: unknown) => {
    // The reason stays in `cause`: it is the host's, and may quote an address with a token.
    const message =
      'The function of "keys" has failed or was silent for 10 s: is the key service up? Then call secondFactor.ready() again.';
    throw new SecondFactorError('keys-unavailable', message, { cause });
  });
  const parsed = keyList.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new SecondFactorError(
    'configuration-invalid',
    `The function of "keys" gave what cannot be used:\n${describeFaults(parsed.error.issues, ['keys'])}`,
  );
}
