import { type Clock, SECOND } from '../clock.js';
import type { ProbedStore, RedisClock } from './context.js';
import type { ClockDifference, Finding, Row } from '../findings.js';

/** A third of a time step: codes are still found in the window, and hardly any clock that is kept is off by that much. */
const tolerance = 10 * SECOND;

/** Milliseconds by which each clock is ahead of this process, `undefined` where there is none to ask. */
export type Clocks = Record<ClockDifference['clock'], number | undefined>;

export function compareClocks(clocks: Clocks): Finding {
  const off: ClockDifference[] = [];
  const rows = Object.entries(clocks).map(([name, ahead]): Row => {
    const clock = name as ClockDifference['clock'];
    if (ahead === undefined)
      return { name: `clock-${clock}`, value: { word: 'not-looked-at' }, state: 'unknown' };
    const isOff = Math.abs(ahead) > tolerance;
    if (isOff) off.push({ clock, ahead: Math.round(ahead / SECOND) });
    return {
      name: `clock-${clock}`,
      value: `${ahead < 0 ? '-' : '+'}${(Math.abs(ahead) / SECOND).toFixed(2)} s`,
      expected: `± ${tolerance / SECOND} s`,
      state: isOff ? 'problem' : 'ok',
    };
  });
  return {
    rows,
    problems: off.length === 0 ? [] : [{ code: 'clock-off', details: { differences: off } }],
  };
}

/** A store that shows its client has one; connect-redis 8 hides it. */
export function findRedis(store: ProbedStore | undefined): RedisClock | undefined {
  const client: unknown = store && Reflect.get(store, 'client');
  return isRedisClock(client) ? client : undefined;
}

function isRedisClock(client: unknown): client is RedisClock {
  return typeof client === 'object' && client !== null && typeof Reflect.get(client, 'time') === 'function';
}

/** @returns milliseconds by which it is ahead, estimated with half of the way there and back. */
export async function askRedis(redis: RedisClock, clock: Clock): Promise<number> {
  const before = clock();
  const answer = await redis.time();
  return Math.round(readTime(answer) - (before + clock()) / 2);
}

/** `ioredis` tells seconds and microseconds as text, `redis` a date or the same two, by its version. */
function readTime(answer: unknown): number {
  if (answer instanceof Date) return answer.getTime();
  const [seconds = NaN, microseconds = NaN] = Array.isArray(answer) ? answer.map(Number) : [];
  const there = seconds * 1_000 + microseconds / 1_000;
  if (Number.isNaN(there)) throw new TypeError('TIME was answered with something that is no time.');
  return there;
}
