// A client and a session store by each of the two libraries, for one Redis, for what Sentinels name and for a Cluster.
import { RedisStore as StoreOfIoredis } from 'connect-redis';
import { RedisStore as StoreOfNodeRedis } from 'connect-redis-9';
import { createClient, createCluster, createSentinel } from 'redis';
import { createRedisClient } from '../../examples/identity-server/dist/redis-client.js';

export async function connectRedis(url, library) {
  const client = library === 'redis' ? createNodeRedis(url) : createRedisClient(url);
  client.on('error', () => undefined);
  await client.connect();
  const Store = library === 'redis' ? StoreOfNodeRedis : StoreOfIoredis;
  return { client, createStore: (prefix) => new Store({ client, prefix }) };
}

function createNodeRedis(url) {
  const [, kind, hosts, name] = /^redis-(sentinel|cluster):\/\/([^/]+)(?:\/(.+))?$/.exec(url) ?? [];
  // As examples/identity-server/src/redis-client.ts says it to ioredis.
  const limits = {
    disableOfflineQueue: true,
    commandOptions: { timeout: 1000 },
    socket: {
      connectTimeout: 1000,
      socketTimeout: 1000,
      reconnectStrategy: (times) => Math.min(times * 100, 1000),
    },
    pingInterval: 500,
  };
  if (kind === undefined) return createClient({ url, ...limits });
  const nodes = hosts.split(',').map((each) => {
    const [host, port] = each.split(':');
    return { host, port: Number(port) };
  });
  if (kind === 'sentinel')
    return createSentinel({
      name,
      sentinelRootNodes: nodes,
      nodeClientOptions: limits,
      maxCommandRediscovers: 3,
    });
  const rootNodes = nodes.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
  return createCluster({ rootNodes, defaults: limits, maxCommandRedirections: 3 });
}
