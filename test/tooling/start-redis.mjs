// Forked by redis-server.test.ts, which kills it.
import { startRedisServer } from '../../examples/identity-server/dist/redis-server.js';

// A listener keeps the channel, and so this process, open: it must not end by itself and take its Redis along.
process.on('message', () => undefined);
process.send((await startRedisServer()).url);
