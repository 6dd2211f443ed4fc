import { SECOND, withPatience } from '../clock.js';

/** What was seen, or why nothing could be seen. */
export type Look<T> = { seen: T; fault?: undefined } | { seen?: undefined; fault: string };

/**
 * Looks at something that may fail or stay silent, and survives both.
 * @param patience milliseconds.
 */
export async function look<T>(work: () => T | Promise<T>, patience = 3 * SECOND): Promise<Look<T>> {
  const run = async (): Promise<T> => work();
  try {
    return { seen: await withPatience(run(), patience) };
  } catch (error) {
    return { fault: reasonOf(error) };
  }
}

/**
 * The code of the innermost cause, such as `ECONNREFUSED`, else the name of its class. Never its message, in which a driver
 * or the host may have put an address with a password.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  if (error.cause instanceof Error) return reasonOf(error.cause);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^[A-Z0-9_]{2,40}$/.test(code) ? code : error.name;
}
