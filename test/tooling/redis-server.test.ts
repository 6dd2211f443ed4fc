import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { startRedisServer } from '../../examples/identity-server/src/redis-server.js';
import { firstMessage } from '../helpers/child.js';

async function isListening(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

it('startRedisServer serves whoever has the password, until stop()', async () => {
  const server = await startRedisServer();
  const client = new Redis(server.url);
  expect(await client.set('a', '1')).toBe('OK');
  await client.quit();

  const stranger = new Redis(Number(new URL(server.url).port), '127.0.0.1');
  stranger.on('error', () => undefined);
  await expect(stranger.get('a')).rejects.toThrow('NOAUTH');
  stranger.disconnect();

  await server.stop();
  expect(await isListening(server.url)).toBe(false);
});

it('startRedisServer leaves no server behind when its process is killed', async () => {
  const child = fork(fileURLToPath(new URL('start-redis.mjs', import.meta.url)));
  const url = await firstMessage<string>(child);
  expect(await isListening(url)).toBe(true);
  child.kill('SIGKILL');
  await vi.waitFor(async () => expect(await isListening(url)).toBe(false), { timeout: 5_000 });
});
