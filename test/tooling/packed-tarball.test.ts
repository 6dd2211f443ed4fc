import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Behind `npm run test:package`, because it asks the npm registry for what is not in npm's cache.

const root = fileURLToPath(new URL('../..', import.meta.url));
const host = mkdtempSync(join(tmpdir(), 'second-factor-package-'));
let packed: string[];

interface Manifest {
  version: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

interface Lock {
  packages: Record<string, { hasInstallScript?: true }>;
}

interface BillOfMaterials {
  metadata: { component: { name: string; version: string } };
  components: { name: string }[];
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function run(folder: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: folder, encoding: 'utf8' });
}

/** Our own version of a package: npm has it in its cache. */
function pin(name: string): string {
  return `${name}@${readManifest(join(root, 'node_modules', name)).version}`;
}

beforeAll(() => {
  const output = run(root, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', host);
  // A list up to npm 11, an object by name from npm 12 on.
  const tarballs = JSON.parse(output) as Record<string, { filename: string; files: { path: string }[] }>;
  const tarball = Object.values(tarballs)[0]!;
  packed = tarball.files.map((file) => file.path);
  writeFileSync(join(host, 'package.json'), '{ "private": true, "type": "module" }');
  const others = [
    ...Object.keys(readManifest(root).peerDependencies),
    // The driver is the host's choice.
    'libsql',
    'typescript',
    '@types/node',
    '@types/express',
  ];
  const wanted = [...others, '@types/express-session', '@types/passport'].map(pin);
  // Without install scripts, as npm 12 does it: nothing may depend on them.
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  run(host, 'npm', 'install', ...options, join(host, tarball.filename), ...wanted);
}, 300_000);

afterAll(() => rmSync(host, { recursive: true, force: true }));

describe('the packed tarball, installed in a fresh folder', { timeout: 120_000 }, () => {
  it('holds the built package, the views and the papers, and nothing else', () => {
    const isMeant =
      /^(dist\/.+\.(js|js\.map|d\.ts)|views\/.+\.(ejs|css|js)|docs\/.+\.(md|json)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    expect(packed.filter((path) => !isMeant.test(path))).toEqual([]);
    expect(packed).toEqual(
      expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'views/style.css', 'LICENSE']),
    );
  });

  it('brings no install script', () => {
    const lock = JSON.parse(readFileSync(join(host, 'package-lock.json'), 'utf8')) as Lock;
    expect(Object.keys(lock.packages)).toContain('node_modules/passport-second-factor');
    const scripted = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    expect(scripted).toEqual([]);
  });

  const names = 'second-factor: function, totp: function, testing: function, oidc: function';
  const print =
    'console.log(`second-factor: ${typeof main.createSecondFactor}, totp: ${typeof main.TotpStrategy}, ' +
    'testing: ${typeof testing.createTestClock}, oidc: ${typeof oidc.createOidcAdapter}`);';

  it('can be imported', () => {
    const source =
      "import * as main from 'passport-second-factor'; import * as testing from 'passport-second-factor/testing';" +
      "import * as oidc from 'passport-second-factor/oidc';";
    expect(run(host, process.execPath, '--input-type=module', '--eval', source + print).trim()).toBe(names);
  });

  it('can be required', () => {
    const source =
      "const main = require('passport-second-factor'); const testing = require('passport-second-factor/testing');" +
      "const oidc = require('passport-second-factor/oidc');";
    expect(run(host, process.execPath, '--input-type=commonjs', '--eval', source + print).trim()).toBe(names);
  });

  it('keeps SQLite files, finds its pages and describes its API', () => {
    writeFileSync(join(host, 'server.js'), server);
    expect(run(host, process.execPath, 'server.js').trim().split('\n')).toEqual([
      'stylesheet 200 text/css; charset=utf-8',
      'description 200 application/json; charset=utf-8',
      'service false',
    ]);
  });

  it('compiles in a strict TypeScript project, its declarations and those they name included', () => {
    writeFileSync(join(host, 'host.ts'), server);
    writeFileSync(join(host, 'client.ts'), client);
    const options = [
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--skipLibCheck',
      'false',
    ];
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--noEmit'];
    run(host, 'node_modules/.bin/tsc', ...options, ...strict, 'host.ts', 'client.ts');
  });
});

it('the bill of materials names the package and what it depends on, and nothing for development', () => {
  const bill = JSON.parse(run(root, process.execPath, 'scripts/sbom.mjs')) as BillOfMaterials;
  const { name, version } = bill.metadata.component;
  expect([name, version]).toEqual(['passport-second-factor', readManifest(root).version]);
  const listed = bill.components.map((component) => component.name);
  expect(listed).toEqual(expect.arrayContaining(Object.keys(readManifest(root).dependencies)));
  expect(listed.filter((each) => each === 'vitest' || each === 'express')).toEqual([]);
});

/** A whole host, as JavaScript and TypeScript alike. */
const server = `
import { randomBytes } from 'node:crypto';
import express from 'express';
import session from 'express-session';
import Database from 'libsql';
import passport from 'passport';
import { createSecondFactor, sqlStorage } from 'passport-second-factor';

const secondFactor = createSecondFactor({
  issuer: 'Packed',
  origin: 'http://localhost:3000',
  storage: sqlStorage.sqlite(new Database('records.db')),
  keys: [{ id: 'one', secret: randomBytes(32) }],
  user: { id: () => 'ada', label: () => 'ada@example.org' },
});
await secondFactor.ready();
const app = express();
app.use(session({ secret: 'not a secret', resave: false, saveUninitialized: false }));
secondFactor.protect(passport);
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());
app.use('/api/v1/two-factor', secondFactor.api());
const listener = app.listen(0, async () => {
  const address = listener.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const addresses = { stylesheet: 'two-factor/style.css', description: 'api/v1/two-factor/openapi.json' };
  for (const [name, path] of Object.entries(addresses)) {
    const response = await fetch(\`http://127.0.0.1:\${port}/\${path}\`);
    console.log(name, response.status, response.headers.get('content-type'));
  }
  console.log('service', (await secondFactor.service.status('ada')).enabledAt !== null);
  process.exit();
});
`;

/** A typed client of the JSON API and the service. */
const client = `
import type { Api, SecondFactor } from 'passport-second-factor';
import { createOidcAdapter, type OidcAdapter } from 'passport-second-factor/oidc';

export function verify(send: (body: Api['verify']['body']) => Promise<Api['verify']['answer']>): Promise<string | null> {
  return send({ code: '123456' }).then((answer) => answer.return_to);
}
// @ts-expect-error There is no body to a GET.
export const nothing: Api['getStatus']['body'] = {};
// @ts-expect-error The field has another name.
export const wrong: Api['verify']['body'] = { token: '123456' };

export function connect(secondFactor: SecondFactor): OidcAdapter {
  return createOidcAdapter(secondFactor);
}

export async function turnOff({ service }: SecondFactor, code: string): Promise<boolean> {
  const outcome = await service.disable('ada', code);
  return outcome.kind === 'accepted' && outcome.lane === 'totp';
}
`;
