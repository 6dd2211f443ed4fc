import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findFreePort } from './databases-programs.js';
import { createRedisProcess, type RedisProcess } from './redis-processes.js';

/** Redis servers that keep sessions together. */
export interface Topology {
  /** As in REDIS_URL of the example. */
  url: string;
  /** What keeps data, the first master first. */
  servers: RedisProcess[];
  /** Resolves when every write until now has reached a replica; at once where there is none. */
  replicated(): Promise<void>;
  stop(): Promise<void>;
}

export type TopologyName = 'single' | 'sentinel' | 'cluster';

/** How long a server may be silent before the others take it for gone, in milliseconds. Redis's own defaults are 15 s and 30 s. */
const SILENCE = 1_000;

/** @param silence more than `SILENCE` where none is to go: on a busy machine one that is well may be silent for as long. */
export const startTopology: Record<TopologyName, (silence?: number) => Promise<Topology>> = {
  single: startSingle,
  sentinel: startSentinel,
  cluster: startCluster,
};

async function startSingle(): Promise<Topology> {
  const server = await createRedisProcess();
  return {
    url: server.url,
    servers: [server],
    replicated: () => Promise.resolve(),
    stop: () => server.remove(),
  };
}

const MASTER = 'sessions';

/** One master, one replica, three Sentinels. */
async function startSentinel(silence = SILENCE): Promise<Topology> {
  const master = await createRedisProcess();
  const replica = await createRedisProcess([
    `replicaof 127.0.0.1 ${String(master.port)}`,
    'repl-diskless-sync-delay 0',
  ]);
  const watch = [
    `sentinel monitor ${MASTER} 127.0.0.1 ${String(master.port)} 2`,
    `sentinel down-after-milliseconds ${MASTER} ${String(silence)}`,
    `sentinel failover-timeout ${MASTER} 5000`,
  ];
  const sentinels = await Promise.all([0, 1, 2].map(() => createRedisProcess(watch, 'sentinel')));
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${String(port)}`).join(',');
  const first = new Redis(master.port);
  const watcher = new Redis(sentinels[0]?.port ?? 0);
  // Sentinels find the replica, and each other, by what the master says of them.
  await until(async () => {
    const [known] = (await watcher.call('sentinel', 'masters')) as string[][];
    const fact = (name: string): string => known?.[known.indexOf(name) + 1] ?? '';
    return fact('num-slaves') === '1' && fact('num-other-sentinels') === '2';
  });
  await until(async () => (await first.info('replication')).includes('state=online'));
  watcher.disconnect();
  return {
    url: `redis-sentinel://${hosts}/${MASTER}`,
    servers: [master, replica],
    async replicated() {
      if ((await first.wait(1, 5_000)) !== 1) throw new Error('The replica is behind.');
    },
    async stop() {
      first.disconnect();
      await Promise.all([...sentinels, master, replica].map((each) => each.remove()));
    },
  };
}

const SLOTS = 16_384;

/** Three masters, each with a third of the keys, which it keeps on disk. */
async function startCluster(silence = SILENCE): Promise<Topology> {
  const settings = [
    'cluster-enabled yes',
    `cluster-node-timeout ${String(silence)}`,
    // While one is away, the other two go on with their keys.
    'cluster-require-full-coverage no',
    'appendonly yes',
    'appendfsync always',
  ];
  // Redis's own choice, ten thousand above, may be no port.
  const buses = await Promise.all([0, 1, 2].map(() => findFreePort()));
  const masters = await Promise.all(
    buses.map((bus) => createRedisProcess([...settings, `cluster-port ${String(bus)}`])),
  );
  const clients = masters.map(({ port }) => new Redis(port));
  for (const [number, client] of clients.entries()) {
    const [first, next] = [number, number + 1].map((part) => Math.floor((SLOTS * part) / masters.length)) as [
      number,
      number,
    ];
    await client.cluster('ADDSLOTSRANGE', first, next - 1);
  }
  const isWhole = async (client: Redis): Promise<boolean> => {
    const info = await client.cluster('INFO');
    // An introduction is forgotten where the other one does not answer in time.
    if (!info.includes('cluster_known_nodes:3'))
      await client.call('cluster', 'meet', '127.0.0.1', String(masters[0]?.port), String(buses[0]));
    return (
      info.includes('cluster_state:ok') &&
      info.includes('cluster_known_nodes:3') &&
      info.includes('cluster_slots_ok:16384')
    );
  };
  await until(async () => (await Promise.all(clients.map(isWhole))).every(Boolean));
  for (const client of clients) client.disconnect();
  return {
    url: `redis-cluster://${masters.map(({ port }) => `127.0.0.1:${String(port)}`).join(',')}`,
    servers: masters,
    replicated: () => Promise.resolve(),
    async stop() {
      await Promise.all(masters.map((each) => each.remove()));
    },
  };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let time = 0; !(await isSo()); time += 50) {
    if (time > 20_000) throw new Error('The Redis servers did not come together.');
    await wait(50);
  }
}
