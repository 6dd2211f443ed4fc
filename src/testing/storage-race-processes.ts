import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { StorageRace } from './storage-race.js';
import { newRaceKey, storageRaces } from './storage-races.js';

/** Of `raceAcrossProcesses`. */
export interface ProcessRaceOptions {
  /** A module that exports `open(): Promise<Storage>`; each process imports it and calls `open` once. */
  module: URL;
  /** Default 2. */
  processes?: number;
  /** Parallel callers in each process. Default 16. */
  callers?: number;
  /** How often each race is run. Default 10. */
  rounds?: number;
  /** Milliseconds after which the whole run is given up. Default 120,000. */
  timeout?: number;
}

/** Which race to run; without callers, to prepare. */
export interface RaceOrder {
  title: string;
  key: string;
  callers: readonly number[];
}

export type RaceReply = { winners: number } | { failure: string };

/**
 * Runs every race over several processes, which start together in each round. For storage that processes share.
 * @returns how often each race had exactly the winners it must have, by title: always `rounds`.
 * @throws when a round had more or fewer, with a line for each such race; when a process fails; after `timeout`.
 */
export async function raceAcrossProcesses(options: ProcessRaceOptions): Promise<Map<string, number>> {
  const { module, processes = 2, callers = 16, rounds = 10, timeout = 120_000 } = options;
  const signal = AbortSignal.timeout(timeout);
  const workers = Array.from({ length: processes }, () => fork(workerPath, [module.href]));
  try {
    await Promise.all(workers.map((worker) => receive(worker, 'opening the storage', signal)));
    const passed = new Map<string, number>();
    const violations: string[] = [];
    for (const race of storageRaces) {
      const winners: number[] = [];
      for (let round = 0; round < rounds; round += 1)
        winners.push(await runRound(race, workers, callers, signal));
      const right = winners.filter((count) => count === race.winners).length;
      passed.set(race.title, right);
      if (right < rounds) violations.push(describeViolation(race, winners));
    }
    if (violations.length > 0)
      throw new Error(`Races went wrong (do the processes share one database?):\n${violations.join('\n')}`);
    return passed;
  } finally {
    for (const worker of workers) worker.kill();
  }
}

const workerPath = fileURLToPath(new URL('./storage-race-worker.js', import.meta.url));

async function runRound(
  race: StorageRace,
  workers: readonly ChildProcess[],
  callers: number,
  signal: AbortSignal,
): Promise<number> {
  const [title, key] = [race.title, newRaceKey()];
  await Promise.all(workers.slice(0, 1).map((worker) => order(worker, { title, key, callers: [] }, signal)));
  // All are idle and have answered, so they start as soon as these messages, sent in one go, arrive.
  const counts = await Promise.all(
    workers.map((worker, index) =>
      order(
        worker,
        { title, key, callers: Array.from({ length: callers }, (_, n) => index * callers + n) },
        signal,
      ),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function order(worker: ChildProcess, message: RaceOrder, signal: AbortSignal): Promise<number> {
  const reply = receive(worker, `running "${message.title}"`, signal);
  worker.send(message);
  return reply;
}

async function receive(worker: ChildProcess, work: string, signal: AbortSignal): Promise<number> {
  const settled = new AbortController();
  const until = { signal: AbortSignal.any([signal, settled.signal]) };
  try {
    const [reply] = (await Promise.race([
      once(worker, 'message', until),
      once(worker, 'exit', until).then(() => [{ failure: 'The process ended by itself; see its output.' }]),
    ])) as [RaceReply];
    if ('failure' in reply) throw new Error(reply.failure);
    return reply.winners;
  } catch (cause) {
    throw new Error(`A process failed while ${work}.`, { cause });
  } finally {
    settled.abort();
  }
}

function describeViolation(race: StorageRace, winners: readonly number[]): string {
  const others = [...new Set(winners)].filter((count) => count !== race.winners).sort((a, b) => a - b);
  const seen = others.map((count) => {
    const rounds = winners.filter((each) => each === count).length;
    return `${count} in ${rounds} of ${winners.length} rounds`;
  });
  return `- ${race.title}: expected ${race.winners} winners in every round, got ${seen.join(', ')}`;
}
