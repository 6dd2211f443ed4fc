import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';

/** The Redis of this run. Throws where there is none: a test that needs one must not pass without. */
export function redisUrl(): string {
  const url = inject('redisUrl');
  if (url === '')
    throw new Error('No Redis for this test. `node scripts/fetch-redis.mjs` says how to get one.');
  return url;
}

/** Where the example keeps its sessions in a story. @param otherwise where the run names no topology; empty leaves it to the example. */
export function sessionsUrl(otherwise = redisUrl()): string {
  const given = inject('sessionsUrl');
  return given === '' ? otherwise : given;
}

/** A key prefix of its own for each caller, because all test files share one server. */
export function redisPrefix(): string {
  return `test:${randomUUID()}:`;
}
