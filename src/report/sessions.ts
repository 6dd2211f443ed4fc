import type { SessionData } from 'express-session';
import { type Clock, MINUTE } from '../clock.js';
import { randomToken } from '../crypto/random.js';
import { fromCallback } from '../http/from-callback.js';
import type { ProbedStore } from './context.js';
import type { Look } from './look.js';
import type { Finding, Row } from './report.js';

export interface Probe {
  /** Median milliseconds of a `get`. */
  latency: number;
  /** Milliseconds by which the clock of the store's Redis is ahead; `undefined` where it has none that we can ask. */
  clockAhead: number | undefined;
}

const gets = 5;

/** Writes, reads and destroys a session that is nobody's. Rejects where the store does not do what it should. */
export async function probeStore(store: ProbedStore, clock: Clock): Promise<Probe> {
  const id = `second-factor-report-${randomToken()}`;
  const empty = { cookie: { originalMaxAge: MINUTE, maxAge: MINUTE } } as unknown as SessionData;
  await fromCallback((done) => store.set(id, empty, done));
  try {
    const times: number[] = [];
    for (let time = 0; time < gets; time += 1) {
      const start = performance.now();
      const found = await fromCallback<unknown>((done) => store.get(id, done));
      times.push(performance.now() - start);
      if (!found) throw new ForgetfulStore();
    }
    const median = times.sort((a, b) => a - b)[Math.floor(gets / 2)] ?? 0;
    return { latency: median, clockAhead: await compareRedisClock(store, clock) };
  } finally {
    await fromCallback((done) => store.destroy(id, done));
  }
}

class ForgetfulStore extends Error {
  override readonly name = 'ForgetfulStore';
}

/** `TIME` of connect-redis's client: `ioredis` tells seconds and microseconds, `redis` a date in some versions. */
async function compareRedisClock(store: ProbedStore, clock: Clock): Promise<number | undefined> {
  const client = Reflect.get(store, 'client') as { time?: () => Promise<unknown> } | undefined;
  if (typeof client?.time !== 'function') return undefined;
  const before = clock();
  const answer = await client.time();
  const there = answer instanceof Date ? answer.getTime() : readTime(answer);
  return there === undefined ? undefined : Math.round(there - (before + clock()) / 2);
}

function readTime(answer: unknown): number | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [seconds, microseconds] = answer.map(Number);
  const there = (seconds ?? NaN) * 1_000 + (microseconds ?? NaN) / 1_000;
  return Number.isFinite(there) ? there : undefined;
}

export function describeSessions(
  store: ProbedStore | undefined,
  probe: Look<Probe> | undefined,
  mode: 'production' | 'development',
): Finding {
  if (!store || !probe)
    return {
      rows: [{ name: 'store', value: { word: 'not-looked-at' }, state: 'unknown' }],
      problems: [],
    };
  const name = store.constructor.name;
  const isForgotten = name === 'MemoryStore';
  const isMemory = isForgotten && mode === 'production';
  const rows: Row[] = [
    { name: 'store', value: name, state: isMemory ? 'problem' : isForgotten ? 'notice' : 'ok' },
    probe.seen
      ? { name: 'probe', value: { word: 'works' }, state: 'ok' }
      : { name: 'probe', value: { word: 'fails' }, state: 'problem' },
  ];
  if (probe.seen) rows.push({ name: 'latency', value: `${probe.seen.latency.toFixed(1)} ms`, state: 'ok' });
  return {
    rows,
    problems: [
      ...(isMemory ? [{ code: 'session-store-memory', details: {} } as const] : []),
      ...(probe.seen
        ? []
        : [{ code: 'session-store-unreachable', details: { store: name, reason: probe.fault } } as const]),
    ],
  };
}
