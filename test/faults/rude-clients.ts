import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** What a client does in the middle of a form that it sends. */
export type Rudeness =
  /** Goes away when half of it is sent. */
  | 'half'
  /** Goes away as soon as all of it is sent, without an answer. */
  | 'gone'
  /** Sends a byte at a time. */
  | 'slow';

/** Sends a form to a node in this way, for so many milliseconds at most. */
export async function sendRudely(
  node: string,
  path: string,
  rudeness: Rudeness,
  time: number,
): Promise<void> {
  const { hostname, port, host } = new URL(node);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const body = `code=000000&padding=${'x'.repeat(1_000)}`;
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${String(body.length)}`,
    '',
    '',
  ];
  socket.write(head.join('\r\n'));
  const end = Date.now() + time;
  if (rudeness === 'slow')
    for (const byte of body) {
      if (Date.now() > end || socket.destroyed) break;
      socket.write(byte);
      await wait(100);
    }
  else {
    socket.write(rudeness === 'gone' ? body : body.slice(0, 500));
    await wait(Math.random() * 20);
  }
  socket.destroy();
}
