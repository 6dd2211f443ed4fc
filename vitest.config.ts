import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // In-process tests run the sources; only what tests fork runs dist, as `pretest` built it.
    alias: [
      { find: /^passport-second-factor$/, replacement: source('src/index.ts') },
      { find: /^passport-second-factor\/testing$/, replacement: source('src/testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
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
  },
});
