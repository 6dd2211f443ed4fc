import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findRedisServer, startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { startTopology, type TopologyName } from './redis-topologies.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis of this run, shared by all test files; empty where there is none (see `redisUrl()`). */
    redisUrl: string;
    /** Where the example keeps its sessions in stories, where TEST_REDIS_TOPOLOGY names something; empty else. */
    sessionsUrl: string;
    /** A folder that is gone after this run. */
    folder: string;
  }
}

/**
 * One folder and one Redis for the whole run: TEST_REDIS_URL, else a private one. TEST_REDIS_TOPOLOGY (sentinel or cluster) has the
 * example's stories keep their sessions there.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'second-factor-'));
  project.provide('folder', folder);
  const given = process.env['TEST_REDIS_URL'];
  const server = given === undefined && findRedisServer() ? await startRedisServer() : undefined;
  const url = given ?? server?.url ?? '';
  project.provide('redisUrl', url);
  const name = process.env['TEST_REDIS_TOPOLOGY'];
  const topology = name === undefined ? undefined : await startTopology[name as TopologyName]();
  project.provide('sessionsUrl', topology?.url ?? '');
  return async () => {
    await topology?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true });
  };
}
