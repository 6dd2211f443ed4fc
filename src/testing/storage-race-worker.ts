import { countWinners, storageRaces } from './storage-races.js';
import type { RaceOrder, RaceReply } from './storage-race-processes.js';
import type { Storage } from '../storage/storage.js';

/** The forked side of `raceAcrossProcesses`: opens the storage, then races when told to. */
const storage = openStorage();

process.on('message', (order: RaceOrder) => void replyWith(() => obey(order)));
process.once('disconnect', () => process.exit());
await replyWith(async () => (await storage, 0));

async function openStorage(): Promise<Storage> {
  const module = (await import(process.argv[2] ?? '')) as { open(): Promise<Storage> };
  return module.open();
}

async function obey({ title, key, callers }: RaceOrder): Promise<number> {
  const race = storageRaces.find((candidate) => candidate.title === title);
  if (!race) throw new Error(`There is no race "${title}".`);
  if (callers.length === 0) await race.prepare(await storage, key);
  return countWinners(race, await storage, key, callers);
}

async function replyWith(work: () => Promise<number>): Promise<void> {
  reply(await work().then((winners) => ({ winners }), describeFailure));
}

function describeFailure(error: unknown): RaceReply {
  return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

function reply(message: RaceReply): void {
  process.send?.(message);
}
