import type { KeyRing } from '../crypto/key-ring.js';
import { randomId } from '../crypto/random.js';
import { makePending, type Owner, pendingKey } from '../login/pending.js';
import type { Settings } from '../settings.js';
import type { Storage } from '../storage/storage.js';

/** A form that was sent while a proof was missing, to be offered again. */
export interface ParkedRequest {
  /** Path and query that it was sent to. */
  path: string;
  /** Names and values, in their order. */
  fields: [name: string, value: string][];
}

/** More would be no form that a person has filled in. */
const MOST_BYTES = 16_384;

/** Keeps forms for the session that sent them, sealed, for as long as a pending login lives. */
export interface ParkedRequests {
  /** @returns a name for `find`, or `undefined` where it is too large. */
  park(owner: Owner, parked: ParkedRequest): Promise<string | undefined>;
  find(owner: Owner, id: string): Promise<ParkedRequest | undefined>;
}

export function createParkedRequests({ clock }: Settings, storage: Storage, ring: KeyRing): ParkedRequests {
  const keyOf = (owner: Owner, id: string) =>
    pendingKey('resume', { ...owner, handle: `${owner.handle}:${id}` });

  return {
    async park(owner, parked) {
      const plain = Buffer.from(JSON.stringify(parked));
      if (plain.length > MOST_BYTES) return undefined;
      const id = randomId();
      const key = keyOf(owner, id);
      await storage.createPending(makePending(key, ring.seal(plain, contextOf(key)), clock()));
      return id;
    },

    async find(owner, id) {
      const key = keyOf(owner, id);
      const row = await storage.findPending(key.handleHash);
      const isLive = row?.userId === owner.userId && row.epoch === owner.epoch && row.expiresAt > clock();
      if (!isLive || row.payload === null) return undefined;
      return JSON.parse(ring.open(row.payload, contextOf(key)).toString()) as ParkedRequest;
    },
  };
}

function contextOf(key: { userId: string; handleHash: string }): string[] {
  return ['parked-request', key.userId, key.handleHash];
}

/**
 * The fields of a body that the host's parser has read, as a form would send them again: lists as repeated names, objects as
 * `name[key]`. @returns `undefined` where no form can have sent this.
 */
export function listFields(body: unknown): ParkedRequest['fields'] | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const fields = Object.entries(body).map(([name, value]) => flatten(name, value, 0));
  return fields.includes(undefined) ? undefined : fields.flatMap((field) => field ?? []);
}

/** Deeper than any form that a person fills in. */
const MOST_LEVELS = 5;

function flatten(name: string, value: unknown, depth: number): ParkedRequest['fields'] | undefined {
  if (typeof value === 'string') return [[name, value]];
  if (typeof value !== 'object' || value === null || depth > MOST_LEVELS) return undefined;
  const nameOf = (key: string): string =>
    Array.isArray(value) && typeof value[Number(key)] === 'string' ? name : `${name}[${key}]`;
  const parts = Object.entries(value).map(([key, item]) => flatten(nameOf(key), item, depth + 1));
  return parts.includes(undefined) ? undefined : parts.flatMap((part) => part ?? []);
}
