import type { Journal } from './audit/journal.js';
import type { ChallengeFlow } from './challenge/flow.js';
import type { LoginFlow } from './login/flow.js';
import type { TelemetryApi } from './options.js';
import type { Epochs } from './storage/epoch-cache.js';
import type { Storage } from './storage/storage.js';

type Attributes = Record<string, string>;

/** The parts of a second step, each as it was, and watched. Nothing is told that says who somebody is. */
export interface Watchers {
  storage(storage: Storage): Storage;
  epochs(epochs: Epochs | undefined): Epochs | undefined;
  journal(journal: Journal): Journal;
  loginFlow(flow: LoginFlow): LoginFlow;
  challengeFlow(flow: ChallengeFlow): ChallengeFlow;
}

const SCOPE = 'passport-second-factor';

/** Seconds; from a cached read to where a request is refused. */
const buckets = { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2] };

/** @param api nothing is watched without one. */
export function createWatchers(api: TelemetryApi | undefined): Watchers {
  return api ? watchersOf(api) : unwatched;
}

const unwatched: Watchers = {
  storage: (storage) => storage,
  epochs: (epochs) => epochs,
  journal: (journal) => journal,
  loginFlow: (flow) => flow,
  challengeFlow: (flow) => flow,
};

function watchersOf({ metrics, trace }: TelemetryApi): Watchers {
  const meter = metrics.getMeter(SCOPE);
  const tracer = trace.getTracer(SCOPE);

  const createCount = (
    name: string,
    description: string,
    unit: string,
  ): ((attributes: Attributes) => void) => {
    const counter = meter.createCounter(name, { description, unit });
    return (attributes) => quietly(() => counter.add(1, attributes));
  };
  const countAnswer = createCount(
    'second_factor.answers',
    'Answers to a challenge, by what they led to.',
    '{answer}',
  );
  const countHeld = createCount(
    'second_factor.logins.held',
    'Logins that wait for their second step.',
    '{login}',
  );
  const countEvent = createCount(
    'second_factor.events',
    'Events that this process has written, by kind.',
    '{event}',
  );
  const countLookup = createCount(
    'second_factor.epoch.lookups',
    'Epochs that were asked for: in the cache (hit), or there in vain (miss).',
    '{lookup}',
  );
  const durations = meter.createHistogram('second_factor.operation.duration', {
    description: 'How long an answer, a hold and each call of storage took.',
    unit: 's',
    advice: buckets,
  });

  /** Does the work in a span of its own, and measures it. It is done once, and its result is its own, whatever becomes of the span. */
  async function measure<T>(operation: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    let result: Promise<T> | undefined;
    const run = (): Promise<T> => (result ??= work());
    quietly(() => {
      tracer.startActiveSpan(`${SCOPE} ${operation}`, { attributes }, (span) => {
        const start = performance.now();
        const end = (outcome: 'done' | 'failed'): void =>
          quietly(() => {
            if (outcome === 'failed') span.setStatus({ code: FAILED });
            durations.record((performance.now() - start) / 1_000, { operation, outcome });
            span.end();
          });
        run().then(
          () => end('done'),
          () => end('failed'),
        );
      });
    });
    return run();
  }

  async function answer<T extends { kind: string }>(
    attributes: Attributes,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      const result = await measure('answer', attributes, work);
      countAnswer({ ...attributes, outcome: result.kind });
      return result;
    } catch (error) {
      countAnswer({ ...attributes, outcome: 'failed' });
      throw error;
    }
  }

  return {
    storage: (storage) =>
      new Proxy(storage, {
        get(target, name) {
          const verb: unknown = Reflect.get(target, name, target);
          if (typeof verb !== 'function') return verb;
          return (...parameters: unknown[]): Promise<unknown> =>
            measure(
              `storage.${String(name)}`,
              {},
              async () => Reflect.apply(verb, target, parameters) as unknown,
            );
        },
      }),

    epochs: (epochs) =>
      epochs && {
        forget: (userId) => epochs.forget(userId),
        async find(userId, read) {
          let result = 'hit';
          try {
            return await epochs.find(userId, () => {
              result = 'miss';
              return read();
            });
          } finally {
            countLookup({ result });
          }
        },
      },

    journal: (journal) => {
      journal.on('*', ({ kind }) => countEvent({ kind }));
      return journal;
    },

    loginFlow: (flow) => ({
      ...flow,
      async hold(...parameters) {
        const pending = await measure('hold', {}, () => flow.hold(...parameters));
        countHeld({ owes: parameters[2] === undefined ? 'answer' : 'enrolment' });
        return pending;
      },
    }),

    challengeFlow: (flow) => ({
      answer: (...parameters) => {
        const [{ purpose }, { lane }] = parameters;
        return answer({ purpose, factor: lane }, () => flow.answer(...parameters));
      },
      answerPassword: (...parameters) =>
        answer({ purpose: parameters[0].purpose, factor: 'pwd' }, () => flow.answerPassword(...parameters)),
    }),
  };
}

/** `SpanStatusCode.ERROR` of OpenTelemetry. */
const FAILED = 2;

/** What is measured does not depend on how. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // A broken telemetry is nobody's login.
  }
}
