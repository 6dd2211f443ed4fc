import { randomId } from '../crypto/random.js';
import type { EventDetails, EventKind, SecondFactorEvent } from '../events.js';
import type { Source } from '../http/source.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';

/** `*` hears of every kind. */
export type Subscription = EventKind | '*';

/** Hears of an event once it is committed. Nobody waits for it; where it fails, the process is warned. */
export type Listener<S extends Subscription> = (
  event: SecondFactorEvent<S extends EventKind ? S : EventKind>,
) => void | Promise<void>;

/** Where events are made, written and told. */
export interface Journal {
  /** An event of now, for the verb that writes it. */
  draft<Kind extends EventKind>(
    kind: Kind,
    userId: string,
    source: Source,
    details: EventDetails[Kind],
  ): SecondFactorEvent<Kind>;
  /** Tells of events that were written. */
  publish(events: readonly SecondFactorEvent[]): void;
  /** Writes events that belong to no other change, and tells of them. */
  record(events: readonly SecondFactorEvent[]): Promise<void>;
  on<S extends Subscription>(subscription: S, listener: Listener<S>): void;
  off<S extends Subscription>(subscription: S, listener: Listener<S>): void;
  /** Resolves when all listeners have done what they were told of until now. */
  settled(): Promise<void>;
}

export function createJournal({ clock, node }: Settings, storage: Storage): Journal {
  const listeners = new Map<Subscription, Set<Listener<'*'>>>();
  const underWay = new Set<Promise<void>>();

  function publish(events: readonly SecondFactorEvent[]): void {
    for (const event of events) {
      for (const subscription of [event.kind, '*'] as const) {
        for (const listener of listeners.get(subscription) ?? []) {
          const work = tell(listener, event);
          underWay.add(work);
          void work.then(() => underWay.delete(work));
        }
      }
    }
  }

  return {
    draft: (kind, userId, { address, browser }, details) =>
      // The kind and its details come together.
      ({ id: randomId(), userId, kind, at: clock(), address, browser, node, details }),

    publish,

    async record(events) {
      if (events.length === 0) return;
      await storage.recordEvents(events);
      publish(events);
    },

    on(subscription, listener) {
      const set = listeners.get(subscription) ?? new Set();
      // Each set is only told of what its listeners can take.
      listeners.set(subscription, set.add(listener as Listener<'*'>));
    },

    off(subscription, listener) {
      listeners.get(subscription)?.delete(listener as Listener<'*'>);
    },

    async settled() {
      await Promise.all(underWay);
    },
  };
}

async function tell(listener: Listener<'*'>, event: SecondFactorEvent): Promise<void> {
  try {
    await listener(structuredClone(event));
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown reason';
    process.emitWarning(`What listens to "${event.kind}" has failed: ${reason}`, {
      type: 'SecondFactorWarning',
      code: 'SECOND_FACTOR_LISTENER',
    });
  }
}
