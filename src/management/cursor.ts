import type { EventCursor } from '../storage/storage.js';

/** A cursor as an address can hold it. */
export function formatCursor({ at, id }: EventCursor): string {
  return `${String(at)}.${id}`;
}

/** @returns `undefined` where it is none. */
export function parseCursor(text: unknown): EventCursor | undefined {
  const match = typeof text === 'string' ? /^(\d{1,16})\.([\w-]{1,64})$/.exec(text) : null;
  return match ? { at: Number(match[1]), id: match[2] ?? '' } : undefined;
}
