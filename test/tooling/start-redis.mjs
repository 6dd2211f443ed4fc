// Forked by redis-server.test.ts, which kills it.
import { startRedisServer } from '../../examples/identity-server/dist/redis-server.js';

process.send((await startRedisServer()).url);
