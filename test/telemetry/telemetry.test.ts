import { context } from '@opentelemetry/api';
import * as telemetry from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Redis } from 'ioredis';
import { createSecondFactor, type TelemetryApi } from 'passport-second-factor';
import { expect, it, onTestFinished } from 'vitest';
import {
  answer,
  createHost,
  type Host,
  type HostParts,
  signInWhole,
  whoIs,
  wrongCodes,
} from '../helpers/host.js';
import { redisPrefix, redisUrl } from '../helpers/redis.js';

/** OpenTelemetry, that keeps what it is told. */
function createMemory() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
  const spans = new InMemorySpanExporter();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  onTestFinished(() => {
    context.disable();
    return reader.shutdown();
  });
  const api: TelemetryApi = {
    metrics: new MeterProvider({ readers: [reader] }),
    trace: new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  };
  async function read(name: string): Promise<DataPoint<unknown>[]> {
    exporter.reset();
    await reader.forceFlush();
    const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    return scopes.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) =>
        descriptor.name === name ? (dataPoints as DataPoint<unknown>[]) : [],
      ),
    );
  }
  return {
    api,
    spans,
    read,
    /** The points of a counter, as its attributes in one line and its count. */
    async count(name: string): Promise<Record<string, unknown>> {
      const points = await read(name);
      return Object.fromEntries(
        points.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]),
      );
    },
  };
}

async function createWatchedHost(parts: HostParts = {}) {
  const memory = createMemory();
  const host = await createHost({ ...parts, options: { ...parts.options, telemetry: memory.api } });
  return { host, memory };
}

async function failTimes(host: Host, codes: readonly string[]): Promise<void> {
  const agent = await host.signIn('ada');
  for (const code of codes) await answer(agent, code);
}

it('answers are counted by what they led to, with delays and suspensions', async () => {
  const { host, memory } = await createWatchedHost({ options: { attempts: { cap: 5 } } });
  const factor = await host.enrol('ada');
  host.clock.advance(60_000);
  const code = factor.code();
  await signInWhole(host, 'ada', code);
  await answer(await host.signIn('ada'), code);
  await failTimes(host, wrongCodes(factor, 4));
  host.clock.advance(3_600_000);
  await answer(await host.signIn('ada'), factor.code());
  await signInWhole(host, 'ada', factor.backupCodes[0] ?? '');

  expect(await memory.count('second_factor.answers')).toEqual({
    'login totp accepted': 1,
    'login totp used': 1,
    'login totp wrong': 4,
    'login totp suspended': 1,
    'login backup-code accepted': 1,
  });
  expect(await memory.count('second_factor.logins.held')).toEqual({ answer: 5 });
  expect(await memory.count('second_factor.events')).toMatchObject({
    'login.completed': 2,
    'answer.rejected': 5,
    'factor.suspended': 1,
    'backup-code.used': 1,
  });
});

it('an answer that a delay refuses is counted as delayed', async () => {
  const { host, memory } = await createWatchedHost();
  const factor = await host.enrol('ada');
  await failTimes(host, wrongCodes(factor, 5));
  await answer(await host.signIn('ada'), factor.code(1));
  expect(await memory.count('second_factor.answers')).toMatchObject({ 'login totp delayed': 1 });
});

it('epochs are counted as found in the cache or not', async () => {
  const redis = new Redis(redisUrl());
  onTestFinished(() => redis.disconnect());
  const { host, memory } = await createWatchedHost({ options: { epochs: { redis, prefix: redisPrefix() } } });
  const agent = await host.signIn('bob');
  await whoIs(agent);
  await expect
    .poll(
      async () => {
        await whoIs(agent);
        return (await memory.count('second_factor.epoch.lookups'))['hit'];
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0);
  expect((await memory.count('second_factor.epoch.lookups'))['miss']).toBeGreaterThan(0);
});

it('spans show each answer with the calls of storage in it, and what has failed', async () => {
  let isAway = false as boolean;
  const { host, memory } = await createWatchedHost({
    wrapStorage: (storage) => ({
      ...storage,
      accept: (...parameters) => (isAway ? Promise.reject(new Error('away')) : storage.accept(...parameters)),
    }),
  });
  const factor = await host.enrol('ada');
  const agent = await host.signIn('ada');
  isAway = true;
  await answer(agent, factor.backupCodes[0] ?? '');
  const finished = memory.spans.getFinishedSpans();
  const span = (name: string) => finished.find((each) => each.name === `passport-second-factor ${name}`);
  const [outer, inner, spend] = [span('answer'), span('storage.accept'), span('storage.spendAttempt')];
  expect([outer, inner, spend].map((each) => each?.status.code)).toEqual([2, 2, 0]);
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  expect(span('hold')).toBeDefined();
  expect(await memory.count('second_factor.answers')).toEqual({ 'login backup-code failed': 1 });
  const durations = await memory.read('second_factor.operation.duration');
  expect(durations.map(({ attributes }) => attributes)).toContainEqual({
    operation: 'storage.accept',
    outcome: 'failed',
  });
});

it('R8 nothing that is measured says who somebody is, or holds a code', async () => {
  const { host, memory } = await createWatchedHost();
  const factor = await host.enrol('ada');
  await signInWhole(host, 'ada', factor.backupCodes[0] ?? '');
  const told = JSON.stringify([
    memory.spans
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
    await Promise.all(
      ['answers', 'logins.held', 'events', 'epoch.lookups', 'operation.duration'].map((name) =>
        memory.read(`second_factor.${name}`),
      ),
    ),
  ]);
  expect(told).toContain('login.completed');
  for (const secret of ['ada', factor.backupCodes[0] ?? '', Buffer.from(factor.secret).toString('base64')])
    expect(told).not.toContain(secret);
});

it('R1 telemetry that does nothing, or fails, lets nobody in and costs nobody an answer', async () => {
  const fail = (): never => {
    throw new Error('The exporter is away.');
  };
  const broken: TelemetryApi[] = [
    // As a mock of everything is.
    {
      metrics: {
        getMeter: () => ({
          createCounter: () => ({ add: () => undefined }),
          createHistogram: () => ({ record: () => undefined }),
        }),
      },
      trace: { getTracer: () => ({ startActiveSpan: () => undefined as never }) },
    },
    {
      metrics: {
        getMeter: () => ({ createCounter: () => ({ add: fail }), createHistogram: () => ({ record: fail }) }),
      },
      trace: {
        getTracer: () => ({ startActiveSpan: (_name, _about, work) => work({ setStatus: fail, end: fail }) }),
      },
    },
    {
      metrics: {
        getMeter: () => ({ createCounter: () => ({ add: fail }), createHistogram: () => ({ record: fail }) }),
      },
      trace: { getTracer: () => ({ startActiveSpan: fail }) },
    },
  ];
  for (const api of broken) {
    const host = await createHost({ options: { telemetry: api } });
    const factor = await host.enrol('ada');
    const agent = await host.signIn('ada');
    expect(await whoIs(agent)).toBe('nobody');
    await answer(agent, factor.backupCodes[0] ?? '');
    expect(await whoIs(agent)).toBe('ada');
  }
});

it('takes the module as it is, and nothing else', async () => {
  const { options } = await createHost({ options: { telemetry } });
  expect(() => createSecondFactor({ ...options, telemetry: {} as TelemetryApi })).toThrow(
    /@opentelemetry\/api/,
  );
});
