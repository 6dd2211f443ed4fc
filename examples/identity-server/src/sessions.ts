import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RedisStore } from 'connect-redis';
import type { Store } from 'express-session';
import type { Config } from './config.js';
import { log } from './log.js';
import { createRedisClient, type RedisConnection } from './redis-client.js';
import { findRedisServer, startRedisServer } from './redis-server.js';
import { SetupError } from './setup-error.js';
import { SqliteSessionStore } from './sqlite-session-store.js';

/** Where sessions are kept. */
export interface Sessions {
  store: Store;
  /** What the store uses, where it is Redis. */
  redis?: RedisConnection;
  /** One line for the person who starts the server. */
  description: string;
  close(): Promise<void>;
}

/** Redis where one is named or can be started, else the SQLite file; beside another database one for sessions alone. */
export async function openSessions({ redisUrl, database, dataFolder }: Config): Promise<Sessions> {
  const databaseFile = sessionsFile({ database, dataFolder });
  if (redisUrl !== undefined) return openRedisSessions(redisUrl, 'Redis, at the address in REDIS_URL');
  if (findRedisServer() === undefined)
    return openSqliteSessions(databaseFile, 'REDIS_URL is not set, no redis-server found');
  let server;
  try {
    server = await startRedisServer();
  } catch {
    return openSqliteSessions(databaseFile, 'REDIS_URL is not set, the redis-server found did not start');
  }
  try {
    const sessions = await openRedisSessions(server.url, 'a Redis server started for this process alone');
    return {
      ...sessions,
      close: async () => {
        await sessions.close();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * Where a server that is running keeps its sessions, as far as another process can get at them: not in a Redis that the
 * server has started for itself. Does not wait for a Redis that is away.
 * @public for second-factor.config.js
 */
export async function findSessions({
  redisUrl,
  database,
  dataFolder,
}: Config): Promise<Sessions | undefined> {
  if (redisUrl !== undefined) {
    const client = watchedClient(redisUrl);
    await client.connect().catch(() => undefined);
    return redisSessions(client, 'Redis, at the address in REDIS_URL');
  }
  const file = sessionsFile({ database, dataFolder });
  if (findRedisServer() !== undefined || !existsSync(file)) return undefined;
  return openSqliteSessions(file, 'REDIS_URL is not set, no redis-server found');
}

/** The file of the database, or beside another database one of its own. */
function sessionsFile({ database, dataFolder }: Pick<Config, 'database' | 'dataFolder'>): string {
  return database.kind === 'sqlite' ? database.file : join(dataFolder, 'sessions.db');
}

/** @throws when the store does not answer. Asks for a session that nobody has, as a request would for its own. */
export function checkSessions(store: Store): Promise<void> {
  return new Promise((resolve, reject) => {
    store.get('health-check', (error: unknown) => {
      if (error instanceof Error) reject(error);
      else if (error) reject(new Error('The session store failed.', { cause: error }));
      else resolve();
    });
  });
}

function openSqliteSessions(file: string, reason: string): Sessions {
  const store = new SqliteSessionStore(file);
  return {
    store,
    description: `Sessions: the SQLite file ${file} (${reason}).`,
    close: () => {
      store.close();
      return Promise.resolve();
    },
  };
}

async function openRedisSessions(url: string, place: string): Promise<Sessions> {
  const client = watchedClient(url);
  let fault = '';
  client.on('error', (error: Error) => (fault = error.message));
  try {
    await client.connect();
  } catch (cause) {
    client.disconnect();
    // ioredis rejects with "Connection is closed."; what is wrong stands in the event before.
    const advice = 'Start it, correct REDIS_URL, or leave it out.';
    throw new SetupError(`${place}, cannot be used (${fault}). ${advice}`, { cause });
  }
  return redisSessions(client, place);
}

function redisSessions(client: RedisConnection, place: string): Sessions {
  return {
    store: new RedisStore({ client }),
    redis: client,
    description: `Sessions: ${place}.`,
    close: () => {
      // Not `quit`: it would wait for a server that may be gone.
      client.disconnect();
      return Promise.resolve();
    },
  };
}

/** One line when Redis goes and one when it is back; each attempt between is an `error` event, which must be heard. */
function watchedClient(url: string): RedisConnection {
  const client = createRedisClient(url);
  let isAway = false;
  let wasReady = false;
  client.on('error', (error: Error) => {
    if (wasReady && !isAway) log.warn(`Sessions: Redis is away (${error.message}).`);
    isAway = true;
  });
  client.on('ready', () => {
    if (isAway) log.warn('Sessions: Redis is back.');
    isAway = false;
    wasReady = true;
  });
  return client;
}
