import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import bcrypt from 'bcryptjs';
import { describe, expect, it, type TestContext, vi } from 'vitest';
import { type Manifest, readManifest } from '../../src/conformance/manifest.js';
import { type Result, runChecks } from '../../src/conformance/run.js';
import { Application, root } from '../adoption/application.js';
import { createDatabase, startPostgres } from '../helpers/databases.js';
import { createInstallation, startExample } from '../helpers/example-server.js';
import { startIdentityProvider } from '../helpers/identity-provider.js';

/** `npm run conformance`: every check, against every application that there is. Most of a run is waiting for codes and delays. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 60_000 });

type Json = Record<string, unknown>;
/** Of the test itself: several run at a time. */
type Finish = TestContext['onTestFinished'];

/** For applications that hash passwords with scrypt. */
const cheapPasswords = { NODE_OPTIONS: `--import ${new URL('cheap-passwords.mjs', import.meta.url).href}` };

const readJson = (path: string): Json => JSON.parse(readFileSync(join(root, path), 'utf8')) as Json;

/** Runs the suite, and writes what came of it down for the table of `npm run conformance`. */
async function look(column: string, manifest: Json, url: string, only: string[] = []): Promise<Result[]> {
  const read: Manifest = readManifest(JSON.stringify(manifest), column, url);
  const begin = Date.now();
  const results = await runChecks(read, { only });
  const report = process.env['CONFORMANCE_REPORT'];
  const seconds = Math.round((Date.now() - begin) / 1000);
  if (report !== undefined) appendFileSync(report, `${JSON.stringify({ column, seconds, results })}\n`);
  return results;
}

const idsOf = (results: readonly Result[], status: Result['status']): string[] =>
  results.filter((result) => result.status === status).map(({ id }) => id);

/** Nothing failed, and nothing could not be looked at. */
function expectAllPassed(results: readonly Result[]): void {
  const rest = results.filter(({ status }) => status === 'failed' || status === 'unclear');
  expect(rest.map(({ id, status, text }) => `${id} ${status}: ${text}`)).toEqual([]);
  expect(idsOf(results, 'passed').length).toBeGreaterThan(3);
}

describe.concurrent('the example passes', () => {
  const manifest = readJson('examples/identity-server/conformance.json');

  async function start(finish: Finish, more: Record<string, string> = {}): Promise<string> {
    const installation = createInstallation('', { ...cheapPasswords, ...more });
    const server = await startExample(installation.environment);
    finish(async () => {
      await server.stop();
      installation.remove();
    });
    return server.url;
  }

  it('as it is', async ({ onTestFinished }) => {
    expectAllPassed(await look('example', manifest, await start(onTestFinished)));
  });

  it('where everybody must have a second factor, and has some days for it', async ({ onTestFinished }) => {
    const later = { page: '/two-factor/required', path: '/two-factor/later' };
    const more = { TWO_FACTOR_REQUIRED: 'all', TWO_FACTOR_GRACE_DAYS: '14' };
    const url = await start(onTestFinished, more);
    const only = [
      'required-setup',
      'required-later',
      'required-pages',
      'required-parked-login',
      'pending-pages',
    ];
    expectAllPassed(await look('required', { ...manifest, required: { later } }, url, only));
  });
});

describe.concurrent('an ordinary application that has taken the second step on passes', () => {
  async function start(finish: Finish, application: Application, main: string): Promise<string> {
    finish(() => application.remove());
    await application.start(`after/${main}`);
    return application.url;
  }

  /** In the copy that is started. */
  function change(application: Application, name: string, edit: (text: string) => string): void {
    const file = join(application.folder, 'after', name);
    const text = readFileSync(file, 'utf8');
    expect(edit(text)).not.toBe(text);
    writeFileSync(file, edit(text));
  }

  const manifestOf = (folder: string): Json => readJson(`examples/adoption/${folder}/conformance.json`);

  it('express-4-ejs', async ({ onTestFinished }) => {
    const packages = {
      express: 'express-4',
      passport: 'passport-0.6',
      'express-session': 'express-session-1.18',
    };
    const application = new Application('adoption/express-4-ejs', packages);
    change(application, 'routes/users.js', (text) =>
      text.replace('req.body.password, 10', 'req.body.password, 4'),
    );
    const url = await start(onTestFinished, application, 'app.js');
    expectAllPassed(await look('express-4', manifestOf('express-4-ejs'), url));
  });

  it('express-5-postgres', async ({ onTestFinished }) => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const environment = { ...cheapPasswords, DATABASE_URL: await createDatabase(server) };
    const url = await start(
      onTestFinished,
      new Application('adoption/express-5-postgres', {}, environment),
      'server.js',
    );
    expectAllPassed(await look('postgres', manifestOf('express-5-postgres'), url));
  });

  it('password-and-oauth2', async ({ onTestFinished }) => {
    const provider = await startIdentityProvider();
    onTestFinished(() => provider.close());
    const application = new Application('adoption/password-and-oauth2', {}, provider.environment);
    // Its users are a list in its code: two are too few.
    const password = 'has a long password';
    const names = Array.from({ length: 400 }, (_, index) => `user${index}`);
    const hash = bcrypt.hashSync(password, 4);
    const more = `;users.push(...${JSON.stringify(names)}.map((username, index) => ({ id: index + 3, username, passwordHash: '${hash}' })));`;
    change(application, 'users.js', (text) => text + more);
    const prepared = names.map((username) => ({ username, password }));
    const manifest = { ...manifestOf('password-and-oauth2'), users: { prepared } };
    expectAllPassed(await look('oauth2', manifest, await start(onTestFinished, application, 'server.js')));
  });
});

describe.concurrent('an application that is broken on purpose fails what it must', () => {
  const mustFail = readJson('test/conformance/must-fail.json') as Record<string, string[]>;

  async function start(finish: Finish, name: string): Promise<string> {
    const child: ChildProcess = spawn(process.execPath, [join(root, `test/conformance/${name}.mjs`)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    finish(() => void child.kill());
    for await (const line of createInterface({ input: child.stdout! })) return line.trim();
    throw new Error(`${name} did not start.`);
  }

  it.for(Object.entries(mustFail))('%s', async ([name, ids], { onTestFinished }) => {
    const manifest = readJson(`test/conformance/${name}.json`);
    const results = await look(name.replace('broken-', ''), manifest, await start(onTestFinished, name));
    expect(idsOf(results, 'failed')).toEqual(expect.arrayContaining(ids));
    expect(idsOf(results, 'unclear')).toEqual([]);
    expect(results.filter(({ text }) => /got no answer/.test(text))).toEqual([]);
    // What it does right it passes: the suite does not refuse everything.
    expect(idsOf(results, 'passed').length).toBeGreaterThan(10);
  });
});
