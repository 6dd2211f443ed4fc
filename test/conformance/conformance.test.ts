import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allChecks } from '../../src/conformance/checks/all.js';
import { readManifest } from '../../src/conformance/manifest.js';
import { runChecks } from '../../src/conformance/run.js';
import { createInstallation, startExample } from '../helpers/example-server.js';

interface Outcome {
  code: number | null;
  out: string;
  errors: string;
}

interface Report {
  exitCode: number;
  results: { id: string; status: string; text: string }[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const exampleManifest = join(root, 'examples/identity-server/conformance.json');
const brokenManifest = (name: string): string => join(root, `test/conformance/${name}.json`);
const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
/** A run takes a minute, half of it waiting for a delay to end; more beside other tests. */
const LONG = 400_000;

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the built command line, as people do. */
async function run(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { stdio: 'pipe' });
  let [out, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, errors };
}

async function runJson(...args: string[]): Promise<{ code: number | null; report: Report }> {
  const { code, out } = await run('conformance', ...args, '--json');
  return { code, report: JSON.parse(out) as Report };
}

function idsOf({ results }: Report, status: string): string[] {
  return results.filter((result) => result.status === status).map(({ id }) => id);
}

async function startBroken(name: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [join(root, `test/conformance/${name}.mjs`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) return { url: line.trim(), child };
  throw new Error(`${name} did not start.`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function writeManifest(name: string, change: (manifest: Record<string, unknown>) => unknown): string {
  const file = join(folder, name);
  const manifest = JSON.parse(readFileSync(exampleManifest, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify(change(manifest) ?? manifest));
  return file;
}

// The whole suite against it: `npm run conformance`.
describe('second-factor conformance against the example', () => {
  it('shows a table, and only the checks that were named', { timeout: 60_000 }, async () => {
    const installation = createInstallation('');
    const server = await startExample(installation.environment);
    try {
      const { code, out } = await run(
        'conformance',
        exampleManifest,
        '--url',
        server.url,
        '--only',
        'login-totp,no-store',
      );
      expect(code).toBe(0);
      expect(out).toMatch(/^check +rule +result +what happened$/m);
      expect(out).toMatch(/^login-totp +R1 +passed +signed in$/m);
      expect(out).toMatch(/^2 passed$/m);

      const wrong = writeManifest('wrong-fields.json', (manifest) => {
        manifest['login'] = { fields: { user: '{{username}}', password: '{{password}}' } };
      });
      const misfit = await run('conformance', wrong, '--url', server.url);
      expect(misfit.errors).toMatch(/does not fit the application.*\n.*Correct `login`/);
      expect(misfit.code).toBe(2);
    } finally {
      await server.stop();
      installation.remove();
    }
  });
});

describe('second-factor conformance against an application that is broken on purpose', () => {
  const mustFail = JSON.parse(readFileSync(join(root, 'test/conformance/must-fail.json'), 'utf8')) as Record<
    string,
    string[]
  >;

  it('fails every attack in one of them at least: a check that nobody fails proves little', () => {
    const manifest = readManifest(readFileSync(exampleManifest, 'utf8'), 'conformance.json');
    const attacks = allChecks({ ...manifest, doors: [] }).filter(({ kind }) => kind === 'attack');
    const failed = new Set(Object.values(mustFail).flat());
    expect(attacks.map(({ id }) => id).filter((id) => !failed.has(id))).toEqual([
      'fresh-proof',
      'pending-deadline',
    ]);
  });

  // All of these, by all of them: `npm run conformance`.
  it.each(Object.entries(mustFail))(
    '%s fails what it must fail, and exits with 1',
    async (name, ids) => {
      const { url, child } = await startBroken(name);
      const some = [ids[0] ?? '', ids.at(-1) ?? ''];
      try {
        const { code, report } = await runJson(brokenManifest(name), '--url', url, '--only', some.join(','));
        expect(idsOf(report, 'failed').sort()).toEqual([...new Set(some)].sort());
        expect(code).toBe(1);
      } finally {
        child.kill();
      }
    },
    LONG,
  );

  it('takes users that exist already, and says when there are too few', async () => {
    const { url, child } = await startBroken('broken-flag');
    try {
      const prepared = ['ada', 'bob'].map((username) => ({ username, password: `${username}-password` }));
      for (const user of prepared) {
        await fetch(`${url}/register`, {
          method: 'POST',
          body: new URLSearchParams(user),
          redirect: 'manual',
        });
      }
      const manifest = JSON.parse(readFileSync(brokenManifest('broken-flag'), 'utf8')) as Record<
        string,
        unknown
      >;
      const file = join(folder, 'prepared.json');
      writeFileSync(file, JSON.stringify({ ...manifest, users: { prepared } }));
      const { code, report } = await runJson(
        file,
        '--url',
        url,
        '--only',
        'password-login,login-totp,older-code',
      );
      expect(report.results).toMatchObject([
        { status: 'passed' },
        { status: 'passed' },
        { status: 'not applicable', text: expect.stringContaining('users.prepared') as string },
      ]);
      expect(code).toBe(0);
    } finally {
      child.kill();
    }
  });

  it('says that a door is described wrongly where it lets nobody in', async () => {
    const { url, child } = await startBroken('broken-careful');
    try {
      const manifest = JSON.parse(readFileSync(brokenManifest('broken-careful'), 'utf8')) as Record<
        string,
        unknown
      >;
      manifest['doors'] = [{ name: 'nowhere', steps: [{ path: '/login/nowhere' }] }];
      const file = join(folder, 'door.json');
      writeFileSync(file, JSON.stringify(manifest));
      const { code, report } = await runJson(file, '--url', url, '--only', 'door-nowhere');
      expect(report.results).toMatchObject([
        { status: 'unclear', text: expect.stringContaining('doors.0') as string },
      ]);
      expect(code).toBe(2);
    } finally {
      child.kill();
    }
  });
});

type Change = (manifest: Record<string, Record<string, unknown>>) => unknown;

describe('a manifest with one wrong line', () => {
  const servers = new Map<string, { url: string; child: ChildProcess }>();

  beforeAll(async () => {
    for (const name of ['broken-lax', 'broken-careful', 'broken-flag', 'broken-comfort', 'broken-reminder'])
      servers.set(name, await startBroken(name));
  });

  afterAll(() => {
    for (const { child } of servers.values()) child.kill();
  });

  async function look(name: string, only: string, change: Change) {
    const manifest = JSON.parse(readFileSync(brokenManifest(name), 'utf8')) as Parameters<Change>[0];
    change(manifest);
    const read = readManifest(JSON.stringify(manifest), `${name}.json`, servers.get(name)?.url);
    return runChecks(read, { only: only.split(' ') });
  }

  it.each<[string, string, Change, string, RegExp]>([
    [
      'no such cancel',
      'broken-lax',
      ({ cancel }) => (cancel!['path'] = '/cancle'),
      'cancel cancelled-login',
      /`cancel` \(\/cancle\) was answered with 404/,
    ],
    [
      'a cancel without the page of its token',
      'broken-careful',
      ({ cancel }) => delete cancel!['page'],
      'cancel cancelled-login',
      /`cancel` \(\/cancel\) was answered with 403/,
    ],
    [
      'no such page of cancel',
      'broken-careful',
      ({ cancel }) => (cancel!['page'] = '/chalenge'),
      'cancel cancelled-login',
      /`cancel\.page` \(\/chalenge\) was answered with 404/,
    ],
    [
      'a cancel that only leads back',
      'broken-lax',
      ({ cancel }) => (cancel!['path'] = '/welcome/back'),
      'cancelled-login',
      /`cancel` \(\/welcome\/back\) was answered with 302, back to the challenge/,
    ],
    [
      'no such saving of backup codes',
      'broken-lax',
      ({ backupCodes }) => (backupCodes!['saved'] = { path: '/saved' }),
      'renewed-codes codes-shown-once old-codes-after-renewal',
      /`backupCodes\.saved`.* was answered with 404/,
    ],
    [
      'no such renewal',
      'broken-lax',
      ({ backupCodes }) => (backupCodes!['renew'] = { path: '/renew' }),
      'renewed-codes old-codes-after-renewal',
      /`backupCodes\.renew` \(\/renew\) was answered with 404/,
    ],
    [
      'no such page of backup codes',
      'broken-lax',
      ({ backupCodes }) => (backupCodes!['page'] = '/codes'),
      'codes-shown-once pending-pages',
      /backupCodes\.page`?: \/codes .*404/,
    ],
    [
      'a pattern that finds one backup code',
      'broken-lax',
      ({ backupCodes }) => (backupCodes!['pattern'] = 'class="code">([^<]+)<[^]*'),
      'old-codes-after-renewal',
      /backupCodes\.pattern: 1 codes were found/,
    ],
    [
      'no such form for backup codes',
      'broken-lax',
      ({ challenge }) => (challenge!['backupCode'] = { path: '/backup' }),
      'login-backup-code backup-code-twice foreign-backup-code guesses-backup-codes backup-code-twice-parallel',
      /`challenge\.backupCode` \(\/backup\) was answered with 404/,
    ],
    [
      'no such logout',
      'broken-lax',
      ({ logout }) => (logout!['path'] = '/signout'),
      'logout logout-ends logged-out-login proof-of-another-login',
      /`logout` \(\/signout\) was answered with 404/,
    ],
    [
      'no such disable',
      'broken-lax',
      ({ disable }) => (disable!['path'] = '/off'),
      'disable enrolment-again old-codes-after-disable forged-disable token-disable cross-site-disable ' +
        'disable-without-proof code-elsewhere guesses-at-disable sessions-end-at-disable parked-login-at-disable ' +
        'pending-changes get-changes-nothing',
      /`disable` \(\/off\) was answered with 404/,
    ],
    [
      'no such set-up page',
      'broken-lax',
      ({ setup }) => (setup!['page'] = '/set-up'),
      'forged-setup key-leaves-site no-store framing',
      /setup\.page: \/set-up was answered with 404/,
    ],
    [
      'no such set-up',
      'broken-lax',
      ({ setup }) => (setup!['path'] = '/set-up'),
      'forged-setup token-setup cross-site-setup enrolment-wrong-code secret-from-client',
      /setup: the right code was answered with 404/,
    ],
    [
      'no such change of the password',
      'broken-lax',
      ({ password }) => (password!['path'] = '/passwort'),
      'sessions-end-at-password parked-login-at-password pending-changes',
      /`password` \(\/passwort\) was answered with 404/,
    ],
    [
      'a change of the password that changes nothing',
      'broken-lax',
      ({ password }) => (password!['fields'] = { password: '{{password}}' }),
      'sessions-end-at-password parked-login-at-password',
      /password: the change was answered with 302, and the new password is not taken/,
    ],
    [
      'no such protected page',
      'broken-lax',
      (manifest) => Object.assign(manifest, { protected: ['/acount/nothing'] }),
      'pending-pages secret-shown-once',
      /\/acount\/nothing .*404/,
    ],
    [
      'a protected page that is open to everybody',
      'broken-lax',
      (manifest) => Object.assign(manifest, { protected: ['/register'] }),
      'pending-pages',
      /`protected\.0`: \/register opens for everybody/,
    ],
    [
      'no such page of disable',
      'broken-lax',
      ({ disable }) => (disable!['page'] = '/off'),
      'pending-pages secret-shown-once',
      /\/off .*404/,
    ],
    [
      'no such challenge page',
      'broken-lax',
      ({ challenge }) => (challenge!['page'] = '/chalenge'),
      'no-store framing',
      /challenge\.page: \/chalenge was answered with 404/,
    ],
    [
      'another field of the code',
      'broken-lax',
      ({ challenge }) => (challenge!['field'] = 'otp'),
      'no-password foreign-code older-code hostile-codes forged-challenge',
      /challenge: the right code did not sign in \(`challenge` \(\/challenge\) was answered with 422\)/,
    ],
    [
      'another parameter for the return',
      'broken-flag',
      ({ returnTo }) => (returnTo!['parameter'] = 'nope'),
      'off-site-return',
      /returnTo: no target on this site is followed either/,
    ],
    [
      'another parameter for the return after a fresh proof',
      'broken-comfort',
      ({ returnTo }) => (returnTo!['parameter'] = 'nope'),
      'step-up-code-twice id-at-step-up guesses-at-step-up',
      /returnTo: no target on this site is followed either/,
    ],
    [
      'another box for trusted browsers',
      'broken-comfort',
      ({ trust }) => (trust!['field'] = 'remember'),
      'trust-without-code trust-of-another trust-ends-at-password trust-ends-at-disable trust-ended trust-cookie',
      /trust: with the box ticked, the next login .* asks for a code all the same/,
    ],
    [
      'no such end of trust',
      'broken-comfort',
      ({ trust }) => (trust!['ended'] = { page: '/account', path: '/trust' }),
      'trust-ended',
      /`trust\.ended` \(\/trust\) was answered with 404/,
    ],
    [
      'no such signing out elsewhere',
      'broken-comfort',
      ({ signOutElsewhere }) => (signOutElsewhere!['path'] = '/sign-out'),
      'signed-out-elsewhere',
      /`signOutElsewhere` \(\/sign-out\) was answered with 404/,
    ],
    [
      'no such challenge by JSON',
      'broken-comfort',
      ({ api }) => (api!['challenge'] = { path: '/api/verify' }),
      'api-code-twice api-guesses api-forged api-hostile-codes pending-changes',
      /`api\.challenge` \(\/api\/verify\) was answered with 403/,
    ],
    [
      'no such turning off by JSON',
      'broken-comfort',
      ({ api }) => (api!['disable'] = { path: '/api/off' }),
      'pending-changes',
      /`api\.disable` \(\/api\/off\) was answered with 403/,
    ],
    [
      'a page that is open to everybody, where everybody must have a second factor',
      'broken-reminder',
      (manifest) => Object.assign(manifest, { protected: ['/register'] }),
      'required-pages',
      /\/register was answered with 200 .* and with 200 for a stranger/,
    ],
  ])('accuses nobody and praises nobody: %s', async (_, name, change, only, sentence) => {
    const results = await look(name, only, change);
    expect(results.map(({ id, status }) => `${id}: ${status}`)).toEqual(
      results.map(({ id }) => `${id}: unclear`),
    );
    for (const { text } of results) expect(text).toMatch(sentence);
  });

  it('sends no token in a header where another site sends the form', async () => {
    const results = await look('broken-careful', 'forged-setup token-setup', (manifest) => {
      manifest['csrf'] = { header: 'X-Form-Token', pattern: 'name="token" value="([^"]+)"' };
    });
    expect(results).toMatchObject([{ status: 'passed' }, { status: 'passed' }]);
  });

  it('says that a door is broken, not shut, where a step of it meets an error', async () => {
    const results = await look('broken-careful', 'door-broken', (manifest) => {
      Object.assign(manifest, {
        doors: [{ name: 'broken', steps: [{ path: '/cancel', fields: {} }, { path: '/dev/error' }] }],
      });
    });
    expect(results).toMatchObject([
      { status: 'unclear', text: expect.stringContaining('/dev/error was answered with 500') as string },
    ]);
  });
});

describe('second-factor conformance that cannot look', () => {
  it('says so where nobody answers, and exits with 2', async () => {
    const url = `http://localhost:${await freePort()}`;
    const { code, errors } = await run('conformance', exampleManifest, '--url', url);
    expect(errors).toMatch(/Nobody answers at http:\/\/localhost:\d+: .*ECONNREFUSED.*correct baseUrl/);
    expect(code).toBe(2);
  });

  it.each<[string, (manifest: Record<string, unknown>) => unknown, RegExp]>([
    ['no challenge', (manifest) => delete manifest['challenge'], /^ {2}challenge: is missing: add it$/m],
    [
      'a path without a slash',
      (manifest) => (manifest['cancel'] = { path: 'cancel' }),
      /^ {2}cancel\.path: must be a path/m,
    ],
    [
      'a misspelt field',
      (manifest) => (manifest['logOut'] = {}),
      /does not know "logOut" \(is "logout" meant\?\): correct the name/,
    ],
    [
      'a name that is like no other',
      (manifest) => (manifest['hold'] = {}),
      /does not know "hold": correct the name or take it out/,
    ],
    ['no sign-up', (manifest) => (manifest['users'] = {}), /^ {2}users: must be .*"register".*"prepared"/m],
    [
      'a broken pattern',
      (manifest) => (manifest['backupCodes'] = { pattern: '(' }),
      /backupCodes\.pattern: must be a regular expression/,
    ],
    [
      'a pattern without a group',
      (manifest) => (manifest['backupCodes'] = { pattern: 'x' }),
      /with one group/,
    ],
    [
      'another baseUrl',
      (manifest) => (manifest['baseUrl'] = 'localhost:3000'),
      /baseUrl: must be an address/,
    ],
    [
      'a number of the wrong kind',
      (manifest) => (manifest['limits'] = { perLogin: 'five' }),
      /limits\.perLogin: must be of type number/,
    ],
  ])('names the place in a manifest with %s', async (name, change, sentence) => {
    const file = writeManifest(`${name.replaceAll(' ', '-')}.json`, (manifest) => {
      change(manifest);
    });
    const { code, errors } = await run('conformance', file);
    expect(errors).toMatch(sentence);
    expect(code).toBe(2);
  });

  it.each([
    [['conformance'], /Name one manifest/],
    [['conformance', 'nowhere.json'], /nowhere\.json cannot be read/],
    [['conformance', 'package.json', '--fast'], /'--fast'/],
    [['conformance', exampleManifest, '--concurrency', '0'], /--concurrency must be/],
    [['conformance', exampleManifest, '--only', 'nothing'], /--only names no check: nothing/],
    [['conformence'], /There is no command "conformence"/],
    [[], /second-factor conformance <manifest\.json>/],
  ])('answers %j with what to do', async (args, sentence) => {
    const { code, errors } = await run(...args);
    expect(errors).toMatch(sentence);
    expect(code).toBe(2);
  });
});

describe('docs/conformance.md', () => {
  const page = readFileSync(join(root, 'docs/conformance.md'), 'utf8');

  it('lists every check with its rule and title', () => {
    const manifest = readManifest(readFileSync(exampleManifest, 'utf8'), 'conformance.json');
    const rows = allChecks({ ...manifest, doors: [] }).map(({ id, rule, title }) => [
      `\`${id}\``,
      rule,
      title,
    ]);
    const documented = page
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter(([, id = '', rule = '']) => /^`[a-z-]+`$/.test(id) && /^R\d+$/.test(rule))
      .map((cells) => cells.slice(1, 4));
    expect(documented).toEqual(rows);
  });

  it('has parts for applications made with this package that are those of the example', () => {
    const [, text = '{}'] = /### For applications made with.*?```json\n(.*?)```/s.exec(page) ?? [];
    const parts = JSON.parse(text) as Record<string, unknown>;
    const example = JSON.parse(readFileSync(exampleManifest, 'utf8')) as Record<string, unknown>;
    expect(Object.keys(parts)).toEqual(expect.arrayContaining(['challenge', 'cancel', 'setup', 'disable']));
    expect(parts).toEqual(Object.fromEntries(Object.keys(parts).map((part) => [part, example[part]])));
  });

  it('lists every route of pages()', () => {
    const rooms = ['challenge/pages', 'challenge/resume-pages', 'enrolment/pages', 'management/pages'];
    const policy = ['enrolment/required-pages'];
    const sources = [
      ...rooms,
      ...policy,
      'management/authenticator-pages',
      'management/browser-pages',
      'faces',
    ];
    const routes = sources.flatMap((name) =>
      [...readFileSync(join(root, `src/${name}.ts`), 'utf8').matchAll(/router\.(get|post)\('([^']+)'/g)].map(
        ([, method = '', path = '']) => `${method.toUpperCase()} ${path}`,
      ),
    );
    const documented = [...page.matchAll(/^\| `((?:GET|POST) [^`]+)`/gm)].map(([, route]) => route);
    expect(documented.sort()).toEqual(routes.sort());
  });

  it('has a manifest as its example that can be read', () => {
    const [, text = ''] = /```json\n(\{\n {2}"name": "My application".*?)```/s.exec(page) ?? [];
    expect(readManifest(text, 'docs/conformance.md').challenge.field).toBe('code');
  });
});

describe('second-factor', () => {
  it('tells its version and its usage', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await run('--version')).toMatchObject({ code: 0, out: `${version}\n` });
    expect((await run('--help')).out).toMatch(/second-factor conformance/);
    expect(await run('conformance', '--help')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/--only/) as string,
    });
  });
});
