import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type * as RaceProcesses from '../../src/testing/storage-race-processes.js';
import { storageRaces } from '../../src/testing/storage-races.js';
import { firstMessage } from '../helpers/child.js';
import { newDatabaseFile, openDatabase } from './sqlite-file.js';
import { released } from '../../src/storage/sql/migrations.js';

/** `RACE_ROUNDS=500 npx vitest run test/storage/processes.test.ts` looks for what is rare. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5);
const timeout = 30_000 + rounds * 5_000;

// The built code, because the forked processes run without vitest's compiler.
const built = new URL('../../dist/testing/storage-race-processes.js', import.meta.url);
const { raceAcrossProcesses } = (await import(built.href)) as typeof RaceProcesses;

function sqliteModule(): URL {
  const file = newDatabaseFile();
  openDatabase(file);
  return moduleAt('open-sqlite.mjs', file);
}

function moduleAt(name: string, file: string): URL {
  const module = new URL(name, import.meta.url);
  module.searchParams.set('file', file);
  return module;
}

it('raceAcrossProcesses finds exactly the winners of every race over SQLite', { timeout }, async () => {
  const passed = await raceAcrossProcesses({ module: sqliteModule(), callers: 16, rounds, timeout });
  expect(passed).toEqual(new Map(storageRaces.map(({ title }) => [title, rounds])));
});

it('raceAcrossProcesses names the races that a storage of one process only gets wrong', async () => {
  const module = new URL('open-unshared.mjs', import.meta.url);
  await expect(raceAcrossProcesses({ module, rounds: 2 })).rejects.toThrow(
    /- race: raiseEpoch .*: expected 1 winners in every round, got 2 in 2 of 2 rounds/,
  );
});

it('raceAcrossProcesses rejects where a process cannot open its storage', async () => {
  const module = moduleAt('open-sqlite.mjs', '/nowhere/at/all.db');
  await expect(raceAcrossProcesses({ module, processes: 1 })).rejects.toMatchObject({
    message: 'A process failed while opening the storage.',
    cause: { message: expect.stringContaining('/nowhere/at/all.db') as string },
  });
});

it('migrate makes the tables once when four processes start on a new file', async () => {
  const file = newDatabaseFile();
  const db = openDatabase(file);
  const worker = fileURLToPath(new URL('migrating-process.mjs', import.meta.url));
  const processes = Array.from({ length: 4 }, () => fork(worker, [moduleAt('open-sqlite.mjs', file).href]));
  await Promise.all(processes.map((each) => firstMessage(each)));
  const exits = processes.map((each) => once(each, 'exit'));
  for (const each of processes) each.send('migrate');
  expect((await Promise.all(exits)).map(([code]: unknown[]) => code)).toEqual([0, 0, 0, 0]);
  expect(db.prepare('select version from two_factor_migrations').all()).toEqual(
    released.map((_, index) => ({ version: index + 1 })),
  );
});
