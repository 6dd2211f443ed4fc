import type { Redis } from 'ioredis';
import type { Interval } from './rounds.js';

/** Commands since the server began, by the server itself; the question is one of them, and is not counted. */
export async function countCommands(redis: Redis): Promise<number> {
  const calls = [...(await redis.info('commandstats')).matchAll(/^cmdstat_(?!info)[^:]+:calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}

export function draw({ median, low, high }: Interval): string {
  return `${median.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}
