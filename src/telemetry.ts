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
  const answers = meter.createCounter('second_factor.answers', {
    description: 'Answers to a challenge, by what they led to.',
    unit: '{answer}',
  });
  const held = meter.createCounter('second_factor.logins.held', {
    description: 'Logins that wait for their second step.',
    unit: '{login}',
  });
  const events = meter.createCounter('second_factor.events', {
    description: 'Events that this process has written, by kind.',
    unit: '{event}',
  });
  const lookups = meter.createCounter('second_factor.epoch.lookups', {
    description: 'Epochs that were asked for: in the cache (hit), or there in vain (miss).',
    unit: '{lookup}',
  });
  const durations = meter.createHistogram('second_factor.operation.duration', {
    description: 'How long an answer, a hold and each call of storage took.',
    unit: 's',
    advice: buckets,
  });

  /** Does the work in a span of its own, and measures it. */
  async function measure<T>(operation: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    return tracer.startActiveSpan(`${SCOPE} ${operation}`, { attributes }, async (span) => {
      const start = performance.now();
      let outcome = 'failed';
      try {
        const result = await work();
        outcome = 'done';
        return result;
      } catch (error) {
        span.setStatus({ code: FAILED });
        throw error;
      } finally {
        durations.record((performance.now() - start) / 1_000, { operation, outcome });
        span.end();
      }
    });
  }

  async function answer<T extends { kind: string }>(
    attributes: Attributes,
    work: () => Promise<T>,
  ): Promise<T> {
    const count = (outcome: string): void => answers.add(1, { ...attributes, outcome });
    try {
      const result = await measure('answer', attributes, work);
      count(result.kind);
      return result;
    } catch (error) {
      count('failed');
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
            lookups.add(1, { result });
          }
        },
      },

    journal: (journal) => {
      journal.on('*', ({ kind }) => events.add(1, { kind }));
      return journal;
    },

    loginFlow: (flow) => ({
      ...flow,
      async hold(...parameters) {
        const pending = await measure('hold', {}, () => flow.hold(...parameters));
        held.add(1, { owes: parameters[2] === undefined ? 'answer' : 'enrolment' });
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
