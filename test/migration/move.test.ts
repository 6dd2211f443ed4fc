import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../helpers/program.js';
import type { Visitor } from '../helpers/visitor.js';
import {
  answer,
  type App,
  Deployment,
  givePassword,
  type OldFactor,
  register,
  setUpBefore,
} from './deployment.js';

// It starts processes, and a machine may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const config = ['--config', 'examples/migration/after/second-factor.config.js'] as const;

describe('the application of the guide, on one database; each step goes on where the one before ended', () => {
  const deployment = new Deployment();
  const nodes: string[] = [];
  let app: App = 'before';
  /** Milliseconds that the clocks are ahead. */
  let ahead = 0;
  /** By name. */
  const factors: Record<string, OldFactor> = {};
  const sessions: Record<string, Visitor> = {};

  beforeEach(() => {
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() + ahead);
  });
  afterAll(() => deployment.remove());

  /** Ten minutes later, so that everybody has codes that were not used. */
  async function switchTo(other: App): Promise<void> {
    await deployment.stop();
    app = other;
    ahead += 600_000;
    nodes[0] = await deployment.start(app, ahead);
  }

  async function importAll(...options: string[]): Promise<{ code: number | null; out: string }> {
    const file = join(deployment.folder, 'users.csv');
    writeFileSync(file, await deployment.run('after/export.js'));
    return runCommand(deployment.environment, 'import', file, '--format', 'csv', ...config, ...options);
  }

  async function isIn(name: string): Promise<boolean> {
    return (await givePassword(nodes, name)).isSignedIn();
  }

  /** @param code asked for when the password is given: no code of before that is taken of a second factor that comes along. */
  async function signIn(name: string, code = factors[name]!.code): Promise<Visitor> {
    const visitor = await givePassword(nodes, name);
    expect(await visitor.isSignedIn()).toBe(false);
    await answer(app, visitor, code());
    expect(await visitor.isSignedIn()).toBe(true);
    return visitor;
  }

  it('1. before: ada, bob and cyd have an authenticator, dan has none', async () => {
    await switchTo('before');
    for (const name of ['ada', 'bob', 'cyd', 'dan']) {
      sessions[name] = await register(nodes, name);
      if (name !== 'dan') factors[name] = await setUpBefore(sessions[name]);
      expect(await sessions[name].isSignedIn()).toBe(true);
    }
    sessions['half-way'] = await givePassword(nodes, 'bob');
    await signIn('bob');
    await signIn('bob', () => factors['bob']!.backupCodes[0]!);
  });

  it('2. after: nobody is signed in any more, and ada’s authenticator comes along at her login', async () => {
    await switchTo('after');
    for (const session of Object.values(sessions)) {
      for (const path of ['/account', '/invoices', '/two-factor'])
        expect((await session.get(path)).location).toMatch(/^\/login/);
    }
    sessions['dan'] = await givePassword(nodes, 'dan');
    expect(await sessions['dan'].isSignedIn()).toBe(true);

    const ada = await givePassword(nodes, 'ada');
    expect(await answer(app, ada, factors['ada']!.backupCodes[0]!)).toContain(
      'Backup codes from before the move no longer work: once you are signed in, get new ones under “Two-step sign-in”.',
    );
    expect(await ada.isSignedIn()).toBe(false);
    const code = factors['ada']!.code();
    await answer(app, ada, code);
    expect((await ada.get('/account')).text).toContain('<a href="/two-factor">Two-step sign-in</a>');
    const overview = (await ada.get('/two-factor')).text;
    expect(overview).toContain('Get new backup codes before you need them.');
    expect(overview).toContain('href="/two-factor/backup-codes"');
    expect(await answer(app, await givePassword(nodes, 'ada'), code)).toContain('was used already');
    sessions['ada'] = await signIn('ada', () => factors['ada']!.code(1));

    await (await register(nodes, 'eve')).setUp();
    expect(await isIn('eve')).toBe(false);
  });

  it('3. import: the others come along by the file, beside the application', async () => {
    expect(await importAll()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^2 were taken over, 0 with backup codes\n1 were there already\n/),
    });
    sessions['bob'] = await signIn('bob');
    sessions['half-way'] = await givePassword(nodes, 'ada');
  });

  it('4. back: everybody of before has the same authenticator; eve, who is new, is asked for none', async () => {
    await switchTo('before');
    const coverage = runCommand(deployment.environment, 'export', 'coverage', ...config);
    for (const name of ['ada', 'bob']) {
      expect(await sessions[name]!.isSignedIn()).toBe(false);
      await signIn(name);
    }
    expect((await sessions['half-way']!.get('/invoices')).location).toBe('/login');
    expect(await sessions['dan']!.isSignedIn()).toBe(true);
    await signIn('ada', () => factors['ada']!.backupCodes[0]!);
    expect(await isIn('eve')).toBe(true);
    expect((await coverage).out).toMatch(/^5,eve,false,on,/m);
    sessions['back'] = await signIn('bob');
    factors['cyd'] = await setUpBefore(await signIn('cyd'));
  });

  it('5. forward again: as it was, and the import finds who has changed theirs meanwhile', async () => {
    await switchTo('after');
    expect(await sessions['back']!.isSignedIn()).toBe(false);
    for (const name of ['ada', 'bob']) await signIn(name);
    expect(await isIn('eve')).toBe(false);
    expect(await importAll('--dry-run')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^line 4: the user has another second factor, which stays\n0 would be/),
    });
    await deployment.run('after/forget.js', '3');
    await signIn('cyd');
  });

  it('6. the old secrets are deleted, and nobody needs them', async () => {
    deployment.execute(`update users set totp_secret = null, totp_enabled = 0, backup_codes = '[]'`);
    for (const name of ['ada', 'bob', 'cyd']) await signIn(name, () => factors[name]!.code(1));
    expect(await isIn('eve')).toBe(false);
    expect(await isIn('dan')).toBe(true);
  });
});
