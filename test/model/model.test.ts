import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type Database from 'libsql';
import { afterAll, beforeAll, it } from 'vitest';
import { redisPrefix, redisUrl } from '../helpers/redis.js';
import { openDatabase } from '../storage/sqlite-file.js';
import { CAP } from './account.js';
import { commands, enrol } from './commands.js';
import { Run, type Tally } from './run.js';
import { type Site, startSite } from './site.js';

/** `npm run model` sets these; scripts/model.mjs says what they mean. Without it the sequences are the same each time. */
const sequences = Number(process.env['MODEL_SEQUENCES'] ?? 500);
const seed = Number(process.env['MODEL_SEED'] ?? 1);
const path = process.env['MODEL_PATH'];
const replayPath = process.env['MODEL_REPLAY'];
const report = process.env['MODEL_REPORT'];

/** Sequences that run beside each other; each has a seed of its own. */
const LANES = path === undefined ? 8 : 1;

const folder = mkdtempSync(join(tmpdir(), 'model-'));
const tally: Tally = new Map();
/** Most sequences begin with a second factor. */
const beginning = fc.nat({ max: 4 }).map((n) => n > 0);
let site: Site;
let database: Database.Database;
let users = 0;

beforeAll(async () => {
  const file = join(folder, 'model.db');
  // Before the nodes come: two that change a new file to WAL at once would be in each other's way.
  database = openDatabase(file);
  site = await startSite([redisUrl(), redisPrefix(), file, String(CAP)]);
});

afterAll(async () => {
  database.close();
  await site.stop();
  rmSync(folder, { recursive: true });
});

it(
  'two nodes do with an account, its sessions and its clock what the rules say',
  { timeout: 1_000 * Math.max(300, sequences) },
  async () => {
    let broken = undefined as number | undefined;
    let done = 0;
    const lanes = Array.from({ length: LANES }, (_, lane) => {
      const chosen = fc.commands(commands, {
        maxCommands: 20,
        size: 'max',
        ...(replayPath !== undefined && { replayPath }),
      });
      const property = fc.asyncProperty(chosen, beginning, async (sequence, isEnrolled) => {
        // The lane that has found something shrinks it; the others end.
        if (broken !== undefined && broken !== lane) return;
        users += 1;
        const run = new Run(`user-${String(users)}`, site, database, tally);
        try {
          if (isEnrolled) await enrol(run, { browser: 0, node: 0 });
          await fc.asyncModelRun(() => ({ model: run.account, real: run }), sequence);
          done += 1;
        } catch (error) {
          broken ??= lane;
          throw error;
        }
      });
      const numRuns = Math.ceil(sequences / LANES);
      return fc.check(property, { seed: seed + lane, numRuns, ...(path !== undefined && { path }) });
    });
    const results = await Promise.all(lanes);
    const fault = broken === undefined ? undefined : describe(results[broken]!);
    if (report !== undefined)
      writeReport(report, { sequences: done, seed, violations: fault === undefined ? 0 : 1 });
    if (fault !== undefined) throw fault;
  },
);

function writeReport(file: string, totals: Record<string, number>): void {
  const outcomes = [...tally].map(([name, kinds]) => [name, Object.fromEntries(kinds)] as const);
  const sum = (isCounted: (name: string, kind: string) => boolean): number =>
    outcomes
      .flatMap(([name, kinds]) => Object.entries(kinds).filter(([kind]) => isCounted(name, kind)))
      .reduce((total, [, count]) => total + count, 0);
  const isAnswer = (name: string): boolean => /^(answer|step up|turn off|race)/.test(name);
  const more = {
    commands: sum(() => true),
    'wrong answers looked at': sum(
      (name, kind) => isAnswer(name) && ['code-wrong', 'code-used'].includes(kind),
    ),
    'answers refused unseen': sum((name, kind) => isAnswer(name) && kind.startsWith('attempts-')),
    acceptances: sum((name, kind) => isAnswer(name) && kind === 'ok'),
  };
  writeFileSync(
    file,
    JSON.stringify({ totals: { ...totals, ...more }, outcomes: Object.fromEntries(outcomes) }),
  );
}

interface Found {
  seed: number;
  counterexamplePath: string | null;
  counterexample: [Iterable<object>, boolean] | null;
  errorInstance: unknown;
}

/** What went wrong after which commands, and how to see it again. */
function describe({ seed, counterexamplePath, counterexample, errorInstance }: Found): Error {
  const [commands, isEnrolled] = counterexample ?? [[], false];
  // Only as a text the commands tell their path.
  const [, replay = ''] = /replayPath="([^"]+)"/.exec(fc.stringify(commands)) ?? [];
  const again = `npm run model -- --seed ${String(seed)} --path ${counterexamplePath ?? ''} --replay ${replay}`;
  const { message } = errorInstance as Error;
  return new Error(
    `${message}\nafter\n  ${isEnrolled ? 'enrol\n  ' : ''}${[...commands].map(String).join('\n  ')}\nAgain: ${again}`,
  );
}
