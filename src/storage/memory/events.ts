import type { EventCursor, Storage } from '../storage.js';
import { compareBytes, type Tables } from './tables.js';

export function eventVerbs(tables: Tables) {
  return {
    async recordEvents(events) {
      tables.record(events);
    },

    async listEvents(userId, limit, from) {
      return [...tables.events.values()]
        .filter((event) => event.userId === userId && (!from || isOlder(event, from)))
        .sort((a, b) => (isOlder(a, b) ? 1 : -1))
        .slice(0, limit)
        .map((event) => structuredClone(event));
    },

    async purgeEvents(before) {
      const old = [...tables.events.values()].filter(({ at }) => at < before);
      for (const { id } of old) tables.events.delete(id);
      return old.length;
    },
  } satisfies Partial<Storage>;
}

function isOlder(a: EventCursor, b: EventCursor): boolean {
  return a.at < b.at || (a.at === b.at && compareBytes(a.id, b.id) < 0);
}
