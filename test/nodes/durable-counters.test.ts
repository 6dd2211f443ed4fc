import { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { createInstallation, startExample } from '../helpers/example-server.js';
import { Visitor } from '../helpers/visitor.js';

vi.setConfig({ testTimeout: 60_000 });

it('R4 five wrong codes are still counted after Redis was emptied and the process started again', async () => {
  const redis = await startRedisServer();
  const installation = createInstallation(redis.url);
  let server = await startExample(installation.environment);
  try {
    const owner = new Visitor([server.url]);
    await owner.register('ada');
    const factor = await owner.setUp();
    const right = new Set([-2, -1, 0, 1, 2].map((steps) => factor.code(steps)));
    const wrong = ['111111', '222222', '333333', '444444', '555555', '666666'].filter(
      (code) => !right.has(code),
    );
    const thief = new Visitor([server.url]);
    await thief.signIn('ada');
    for (const code of wrong.slice(0, 5)) await thief.answer(code);

    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    await server.stop();
    server = await startExample(installation.environment);

    const again = new Visitor([server.url]);
    expect((await again.signIn('ada')).location).toBe('/two-factor/challenge');
    const refused = await again.answer(factor.code(1));
    expect(refused.status).toBe(429);
    expect(refused.text).toMatch(/Try again in \d+ seconds/);
    expect((await again.answer(factor.backupCodes[0] ?? '')).status, 'the other lane is free').toBe(303);
  } finally {
    await server.stop();
    await redis.stop();
    installation.remove();
  }
});
