import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RedisServer, startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import {
  createInstallation,
  type ExampleServer,
  type Installation,
  startExample,
} from '../helpers/example-server.js';
import { startOwnTime } from '../helpers/own-time.js';
import { stopWhereItStands } from '../helpers/stopped.js';
import { Visitor } from '../helpers/visitor.js';

/**
 * The session store hangs, as a real one does: connections stay open and nothing answers. Whoever has a session gets a 503
 * within two seconds, pages for strangers come, and afterwards everything goes on by itself.
 */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let redis: RedisServer;
let installation: Installation;
let server: ExampleServer;
let ada: Visitor;

beforeAll(async () => {
  redis = await startRedisServer();
  installation = createInstallation(redis.url);
  server = await startExample(installation.environment);
  ada = new Visitor([server.url]);
  await ada.register('ada');
});
afterAll(async () => {
  process.kill(redis.pid, 'SIGCONT');
  await server.stop();
  await redis.stop();
  installation.remove();
});

async function timed(work: () => Promise<{ status: number; text: string }>) {
  const ownTime = startOwnTime();
  const { status, text } = await work();
  return { status, text, isQuick: ownTime() < 2000 };
}

it('a hanging Redis refuses sessions and nobody else', async () => {
  await stopWhereItStands(redis.pid);
  for (const path of ['/account', '/two-factor', '/login']) {
    const answer = await timed(() => ada.get(path));
    expect(answer, path).toMatchObject({ status: 503, isQuick: true });
    expect(answer.text).toContain('Not available at the moment');
  }
  const stranger = (path: string) => timed(() => new Visitor([server.url]).get(path));
  const login = await stranger('/login');
  expect(login).toMatchObject({ status: 200, isQuick: true });
  expect(login.text).toContain('</html>');
  expect(await stranger('/account')).toMatchObject({ status: 302, isQuick: true });
  expect(await stranger('/site.css')).toMatchObject({ status: 200, isQuick: true });
  expect(await stranger('/readyz')).toMatchObject({ status: 503, isQuick: true });

  process.kill(redis.pid, 'SIGCONT');
  await vi.waitFor(async () => expect(await ada.isSignedIn()).toBe(true), 20_000);
});
