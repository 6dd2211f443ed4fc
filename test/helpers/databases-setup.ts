import type { TestProject } from 'vitest/node';
import { startMariadb, startPostgres } from './databases.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The servers of this run, shared by all test files of test/databases. */
    databaseUrls: { postgres: string; mysql: string };
  }
}

/** One PostgreSQL and one MariaDB for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled([startPostgres(), startMariadb()]);
  const servers = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  for (const each of started) {
    if (each.status === 'fulfilled') continue;
    await stop();
    throw each.reason;
  }
  const [postgres = '', mysql = ''] = servers.map((server) => server.url);
  project.provide('databaseUrls', { postgres, mysql });
  return stop;
}
