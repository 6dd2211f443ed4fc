// What `second-factor report` looks at: the same options as the server's, and what they cannot tell. Nothing is created
// here but what opening creates (an empty SQLite file, keys for development).
import { readConfig } from './dist/config.js';
import { connectDatabase } from './dist/database/database.js';
import { findKeys } from './dist/keys.js';
import { secondFactorOptions } from './dist/second-factor-options.js';
import { createServices } from './dist/services.js';
import { sessionCookie } from './dist/session-middleware.js';
import { findSessions } from './dist/sessions.js';

const config = readConfig();
const keys = findKeys(config);
const origin = config.baseUrl ?? `http://localhost:${config.port}`;
const database = await connectDatabase(config.database);
const services = await createServices(config, database, origin);
const sessions = await findSessions(config);

export default secondFactorOptions(config, { database, keys, origin, redis: sessions?.redis }, services);

/** With PORT=0 only the server knows where it listens: name it with --url. */
export const url = config.port === 0 && config.baseUrl === undefined ? undefined : origin;

export const session = { store: sessions?.store, cookie: sessionCookie(origin.startsWith('https:')) };

/** connect-redis does not show the client that it was given. */
export const redis = sessions?.redis;

export const countUsers = () => services.users.count();

/** For `second-factor export coverage`. */
export const users = () => services.users.list();

export async function close() {
  await sessions?.close();
  await database.close();
}
