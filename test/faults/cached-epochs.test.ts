import { expect, it, onTestFinished } from 'vitest';
import { startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { startNodes, timeUntilRefused } from '../nodes/nodes.js';
import { createLink } from './link.js';

/** R7: an old epoch that a lost delete has left in Redis. */
const BOUND = 30_000;

const [A, B] = [0, 1];

it('R7 a change whose deletes in Redis are lost is seen on the other node within 30 s', async () => {
  const redis = await startRedisServer();
  const link = await createLink(redis.url);
  const nodes = await startNodes(redis.url, [link.url, redis.url]);
  onTestFinished(async () => {
    await nodes.stop();
    await link.close();
    await redis.stop();
  });
  const [owner, thief] = [await nodes.logIn('ada', A), await nodes.logIn('ada', B)];
  await link.set('silent');
  // The worst case: the epoch was cached a moment before the change. A ticket that A could not fill any more ends first, 30 s at most.
  while ((await nodes.cached('ada')).epoch !== '0') await thief.get('/whoami', B);
  await owner.post('/password', {}, A);
  const isLetIn = (await thief.get('/whoami', B)).text === 'ada';
  const time = await timeUntilRefused(thief, B, 20);
  process.stdout.write(`deletes lost: refused after ${(time / 1_000).toFixed(2)} s\n`);
  expect([isLetIn, time < BOUND + 500]).toEqual([true, true]);
  expect((await owner.get('/whoami', B)).text).toBe('ada');
}, 120_000);
