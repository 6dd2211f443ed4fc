import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

interface Alias {
  find: RegExp;
  replacement: string;
}

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// In-process tests run the sources; only what tests fork runs dist, as `pretest` built it.
const sources: Alias[] = [
  { find: /^passport-second-factor$/, replacement: source('src/index.ts') },
  { find: /^passport-second-factor\/testing$/, replacement: source('src/testing/index.ts') },
];

/** The oldest releases that the peer dependencies allow, under the names that the code imports. */
const oldest: Alias[] = [
  { find: /^express$/, replacement: 'express-4' },
  { find: /^express-session$/, replacement: 'express-session-1.18' },
  { find: /^passport$/, replacement: 'passport-0.6' },
];

/** Everything that meets a host's Express and Passport in process. */
const hosts = ['attacks', 'challenge', 'http', 'login'].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    globalSetup: 'test/helpers/global-setup.ts',
    // Processes, not threads: the SQLite driver is native code. Two at least, because tests mostly wait.
    pool: 'forks',
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 15_000,
    hookTimeout: 30_000,
    // Tests that wait for a stopped Redis or a browser to go away must not hang the run.
    teardownTimeout: 10_000,
    restoreMocks: true,
    unstubEnvs: true,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        extends: true,
        resolve: { alias: sources },
        test: { name: 'newest', include: ['test/**/*.test.ts'] },
      },
      {
        extends: true,
        resolve: { alias: [...sources, ...oldest] },
        test: { name: 'oldest', include: hosts },
      },
    ],
  },
});
