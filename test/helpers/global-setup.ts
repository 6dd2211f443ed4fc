import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findRedisServer, startRedisServer } from '../../examples/identity-server/src/redis-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis of this run, shared by all test files; empty where there is none (see `redisUrl()`). */
    redisUrl: string;
    /** A folder that is gone after this run. */
    folder: string;
  }
}

/** One folder and one Redis for the whole run: TEST_REDIS_URL, else a private one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'second-factor-'));
  project.provide('folder', folder);
  const given = process.env['TEST_REDIS_URL'];
  const server = given === undefined && findRedisServer() ? await startRedisServer() : undefined;
  project.provide('redisUrl', given ?? server?.url ?? '');
  return async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  };
}
