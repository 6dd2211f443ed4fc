import type { SessionData } from 'express-session';
import { MINUTE } from '../clock.js';
import { randomToken } from '../crypto/random.js';
import { fromCallback } from '../http/from-callback.js';
import type { ProbedStore } from './context.js';
import type { Look } from './look.js';
import type { Finding, Row } from '../findings.js';

export interface Probe {
  /** Median milliseconds of a `get`. */
  latency: number;
}

const gets = 5;

/** Writes, reads and destroys a session that is nobody's. Rejects where the store does not do what it should. */
export async function probeStore(store: ProbedStore): Promise<Probe> {
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
    return { latency: median };
  } finally {
    await fromCallback((done) => store.destroy(id, done));
  }
}

class ForgetfulStore extends Error {
  override readonly name = 'ForgetfulStore';
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
