import { SECOND, withPatience } from '../clock.js';
import { randomId } from '../crypto/random.js';

/** What is used of a client of `ioredis` or of `redis` (node-redis), single or of a cluster. */
export interface RedisClient {
  /** Text, or `null` where the key is not there. */
  get(key: string): Promise<unknown>;
  /** Deletes the key, if it is there. */
  del(key: string): Promise<unknown>;
  /** Each of the two takes its parameters in its own way. */
  eval(...parameters: never[]): Promise<unknown>;
}

/** Milliseconds for which a cached epoch may be older than SQL, where a write to Redis was lost (R7). */
export const EPOCH_LIFETIME = 30 * SECOND;

/** Milliseconds that Redis has to answer; then SQL is asked, or the change goes on. */
export const REDIS_PATIENCE = 100;

/**
 * Takes a ticket, if there is neither an epoch nor a ticket. The lifetime begins here, before SQL is read: whatever is filled
 * in later ends 30 s after a moment at which it was true.
 */
const TAKE_TICKET = "return redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])";

/** Puts an epoch in the place of its ticket. A change has deleted the ticket, and nothing is filled in then. */
const FILL = `if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2], 'KEEPTTL') end`;

export type Epochs = Pick<EpochCache, 'find' | 'forget'>;

/** Users' epochs in Redis. It is asked at every request of somebody logged in; what it does not know, SQL says. */
export class EpochCache {
  readonly #client: RedisClient;
  readonly #prefix: string;

  constructor(client: RedisClient, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** @param read SQL's answer. It is filled in, where no change came between. */
  async find(userId: string, read: () => Promise<number>): Promise<number> {
    const key = this.#prefix + userId;
    const found = await orNothing(() => this.#look(key));
    if (typeof found === 'number') return found;
    const epoch = await read();
    // Nobody waits for it.
    if (found !== undefined) this.#run(FILL, key, found, String(epoch)).catch(() => undefined);
    return epoch;
  }

  /** Before and after a change. Where Redis does not do it, the epoch is forgotten within 30 s. */
  async forget(userId: string): Promise<void> {
    await orNothing(() => this.#client.del(this.#prefix + userId));
  }

  /** @returns the epoch, or a ticket with which to fill it in; `undefined` where another request has that. */
  async #look(key: string): Promise<number | string | undefined> {
    const value = await this.#client.get(key);
    if (typeof value === 'string' && /^\d+$/.test(value)) return Number(value);
    if (value !== null) return undefined;
    const ticket = `reading:${randomId()}`;
    const answer = await this.#run(TAKE_TICKET, key, ticket, String(EPOCH_LIFETIME));
    return answer === null ? undefined : ticket;
  }

  async #run(script: string, key: string, ...values: string[]): Promise<unknown> {
    const client = this.#client as { eval(...parameters: unknown[]): Promise<unknown> };
    // node-redis has each command in capitals as well.
    return 'EVAL' in client
      ? client.eval(script, { keys: [key], arguments: values })
      : client.eval(script, 1, key, ...values);
  }
}

/** A cache that fails or is slow has nothing to say. */
async function orNothing<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await withPatience(ask(), REDIS_PATIENCE);
  } catch {
    return undefined;
  }
}
