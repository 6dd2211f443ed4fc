import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type * as RaceProcesses from '../../src/testing/storage-race-processes.js';
import { storageRaces } from '../../src/testing/storage-races.js';
import { firstMessage } from '../helpers/child.js';
import { type Kind, kinds, newDatabase, runSql } from './databases.js';
import { released } from '../../src/storage/sql/migrations.js';

/** `RACE_ROUNDS=50 npm run test:databases -- processes` looks for what is rare. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5);
const timeout = 60_000 + rounds * 10_000;

// The built code, because the forked processes run without vitest's compiler.
const built = new URL('../../dist/testing/storage-race-processes.js', import.meta.url);
const { raceAcrossProcesses } = (await import(built.href)) as typeof RaceProcesses;

function moduleFor(kind: Kind, url: string): URL {
  const module = new URL('open-database.mjs', import.meta.url);
  module.search = new URLSearchParams({ kind, url }).toString();
  return module;
}

describe.each(kinds)('over %s', (_, kind) => {
  it('raceAcrossProcesses finds exactly the winners of every race', { timeout }, async () => {
    const module = moduleFor(kind, await newDatabase(kind));
    const passed = await raceAcrossProcesses({ module, callers: 16, rounds, timeout });
    expect(passed).toEqual(new Map(storageRaces.map(({ title }) => [title, rounds])));
  });

  it('migrate makes the tables once when four processes start on an empty database', async () => {
    const url = await newDatabase(kind);
    const worker = fileURLToPath(new URL('../storage/migrating-process.mjs', import.meta.url));
    const processes = Array.from({ length: 4 }, () => fork(worker, [moduleFor(kind, url).href]));
    await Promise.all(processes.map((each) => firstMessage(each)));
    const exits = processes.map((each) => once(each, 'exit'));
    for (const each of processes) each.send('migrate');
    expect((await Promise.all(exits)).map(([code]: unknown[]) => code)).toEqual([0, 0, 0, 0]);
    expect(await runSql(kind, url, 'select version from two_factor_migrations')).toEqual(
      released.map((_, index) => ({ version: index + 1 })),
    );
  });
});
