import type { CookieOptions, Store } from 'express-session';

/** What the report cannot know by itself. Each part may be left out: the report then says that it did not look. */
export interface ReportContext {
  /** How the application runs; the library reads no environment. Default `production`, which is the stricter one. */
  mode?: 'production' | 'development';
  /** Where the running application is reached, e.g. `https://id.example`: its endpoints are then really requested. */
  url?: string;
  /** As given to express-session. A session of a minute is written to the store, read and destroyed. */
  session?: { store?: ProbedStore; cookie?: CookieOptions };
  /** The client of the store, `ioredis` or `redis`, asked for its time. Default that of a store that shows its own. */
  redis?: RedisClock;
  /** How many users there are, with and without a second factor. */
  countUsers?(): number | Promise<number>;
  /** The folder from which the host's packages are looked for. Default the working folder. */
  from?: string;
}

/** What is used of a Redis client. */
export interface RedisClock {
  /** Answers `TIME`. */
  time(): Promise<unknown>;
}

/** What is used of a store of express-session. */
export type ProbedStore = Pick<Store, 'get' | 'set' | 'destroy'>;
