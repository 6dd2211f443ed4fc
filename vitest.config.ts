import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';

type UserProject = Extract<TestProjectConfiguration, { test?: unknown }>;

interface Alias {
  find: RegExp;
  replacement: string;
}

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// In-process tests run the sources; only what tests fork runs dist, as `pretest` built it.
const sources: Alias[] = [
  { find: /^passport-second-factor$/, replacement: source('src/index.ts') },
  { find: /^passport-second-factor\/testing$/, replacement: source('src/testing/index.ts') },
  { find: /^passport-second-factor\/oidc$/, replacement: source('src/oidc/index.ts') },
];

/** The oldest releases that the peer dependencies allow, under the names that the code imports. */
const oldest: Alias[] = [
  { find: /^express$/, replacement: 'express-4' },
  { find: /^express-session$/, replacement: 'express-session-1.18' },
  { find: /^passport$/, replacement: 'passport-0.6' },
];

/** Tests in these folders meet a host's Express and Passport in process. */
const hosts = ['api', 'challenge', 'http', 'login'];

const testsIn = (...folders: string[]): string[] => folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** What needs more than Node and Redis, or takes minutes, has a script of its own in package.json. */
const apart = {
  stories: testsIn('stories'),
  gallery: testsIn('gallery'),
  databases: [...testsIn('databases', 'cluster'), 'test/adoption/express-5-postgres.test.ts'],
  faults: testsIn('faults'),
  soak: testsIn('soak'),
  site: testsIn('site'),
  conformance: ['test/conformance/applications.test.ts'],
};
const tarball = ['test/tooling/packed-tarball.test.ts'];

export default defineConfig({
  test: {
    globalSetup: 'test/helpers/global-setup.ts',
    // Processes, not threads: the SQLite driver is native code. Two at least, because tests mostly wait.
    pool: 'forks',
    // Files share the modules of their process: to load them anew for each takes as long as the tests.
    isolate: false,
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 15_000,
    hookTimeout: 30_000,
    // Tests that wait for a stopped Redis or a browser to go away must not hang the run.
    teardownTimeout: 10_000,
    restoreMocks: true,
    unstubEnvs: true,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      project('newest', {
        include: ['test/**/*.test.ts'],
        exclude: [...Object.values(apart).flat(), ...tarball],
      }),
      project('oldest', { include: testsIn(...hosts) }, oldest),
      // A minute of its own, in `npm run matrix`.
      project('oldest-attacks', { include: testsIn('attacks') }, oldest),
      project('stories', { include: apart.stories }),
      project('gallery', { include: apart.gallery }),
      project('databases', {
        include: apart.databases,
        globalSetup: ['test/helpers/global-setup.ts', 'test/helpers/databases-setup.ts'],
        testTimeout: 30_000,
        hookTimeout: 60_000,
      }),
      project('faults', { include: apart.faults }),
      project('soak', { include: apart.soak }),
      project('site', { include: apart.site, hookTimeout: 120_000 }),
      project('conformance', { include: apart.conformance }),
      project('package', { include: tarball }),
    ],
  },
});

function project(name: string, test: UserProject['test'], aliases: Alias[] = []): TestProjectConfiguration {
  return { extends: true, resolve: { alias: [...sources, ...aliases] }, test: { name, ...test } };
}
