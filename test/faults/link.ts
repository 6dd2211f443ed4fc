import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** How the line between a node and one of its servers behaves. */
export type Line =
  /** As it should. */
  | 'open'
  /** Connections are refused, those that stood are reset. */
  | 'gone'
  /** Connections stand and are taken, and nothing comes through; those of that time stay so for ever. */
  | 'silent'
  /** All that comes back comes three seconds late. */
  | 'slow';

const DELAY = 3_000;

/** A TCP line to a server, to be put in its place in a URL. */
export interface Link {
  url: string;
  set(line: Line): Promise<void>;
  close(): Promise<void>;
}

export async function createLink(target: string): Promise<Link> {
  const { hostname, port } = new URL(target);
  let line: Line = 'open';
  const sockets = new Set<Socket>();
  /** Of a time when the line was silent: a firewall that has forgotten a connection drops all that comes on it. */
  const dead = new WeakSet<Socket>();

  const carry = (from: Socket, to: Duplex, isAnswer: boolean): void => {
    from.on('data', (bytes: Buffer) => {
      const pass = (): void => {
        if (!to.destroyed && !dead.has(from)) to.write(bytes);
      };
      if (line === 'slow' && isAnswer) setTimeout(pass, DELAY);
      else pass();
    });
    from.on('close', () => to.destroy());
    from.on('error', () => to.destroy());
  };
  const server: Server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      if (line === 'silent') dead.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    carry(near, far, false);
    carry(far, near, true);
  });
  const listen = async (at: number): Promise<void> => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
  };
  const hangUp = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  await listen(0);
  const own = (server.address() as AddressInfo).port;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(own);

  return {
    url: url.href,
    async set(next) {
      const before = line;
      line = next;
      if (next === 'gone') {
        const closed = once(server, 'close');
        server.close();
        hangUp();
        await closed;
      } else if (before === 'gone') await listen(own);
      if (next === 'silent') for (const socket of sockets) dead.add(socket);
    },
    async close() {
      hangUp();
      if (!server.listening) return;
      server.close();
      hangUp();
      await once(server, 'close');
    },
  };
}
