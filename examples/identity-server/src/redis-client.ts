import { Cluster, Redis, type RedisOptions } from 'ioredis';

/** One Redis, or the one that its Sentinels name; or a Cluster. */
export type RedisConnection = Redis | Cluster;

interface Endpoint {
  host: string;
  port: number;
}

/** Several addresses in one: what `new URL` has no way to read. */
const several =
  /^redis-(?<kind>sentinel|cluster):\/\/(?:(?<username>[^:@/]*):(?<password>[^@/]*)@)?(?<hosts>[^@/]+)(?:\/(?<name>[\w.-]+))?$/;

/** Whether it is an address that `connectRedis` can be given. */
export function isRedisAddress(text: string): boolean {
  if (!text.startsWith('redis-')) return /^(rediss?|unix):\/\/./.test(text);
  const { kind, username, password, hosts, name } = several.exec(text)?.groups ?? {};
  return (
    hosts !== undefined &&
    [username, password].every((part = '') => /^(?:[^%]|%[0-9a-f]{2})*$/i.test(part)) &&
    /^[^:,]+:\d{1,5}(,[^:,]+:\d{1,5})*$/.test(hosts) &&
    (name !== undefined) === (kind === 'sentinel')
  );
}

/**
 * A client that is not connected yet: `connect()`.
 *
 * With the defaults of ioredis a request hangs for 10 to 25 seconds while Redis is away; here it fails within a second or two, and the
 * connection comes back by itself.
 *
 * @param address `redis://…`, `rediss://…` or `unix://…`; `redis-sentinel://[user:password@]host:port,host:port/name-of-master`;
 *   `redis-cluster://[user:password@]host:port,host:port`. User and password are those of the servers that hold data. Without TLS: for a network of your own.
 */
export function createRedisClient(address: string): RedisConnection {
  const { kind, username, password, hosts = '', name } = several.exec(address)?.groups ?? {};
  const options: RedisOptions = {
    ...limits,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
  if (kind === 'sentinel')
    return new Redis({
      ...options,
      lazyConnect: true,
      sentinels: endpointsIn(hosts),
      name: name ?? '',
      sentinelRetryStrategy: waitBeforeRetry,
      // A master that was replaced while it was cut off, and does not know it: the Sentinels say so.
      failoverDetector: true,
    });
  if (kind === 'cluster')
    return new Cluster(endpointsIn(hosts), {
      redisOptions: options,
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: waitBeforeRetry,
      slotsRefreshTimeout: limits.commandTimeout,
      // A slot without a master fails as a Redis that is away does.
      maxRedirections: 3,
    });
  return new Redis(address, { ...limits, lazyConnect: true });
}

const waitBeforeRetry = (times: number): number => Math.min(times * 100, 1000);

const limits = {
  connectTimeout: 1000,
  commandTimeout: 1000,
  // A connection that a firewall has forgotten stays silent for ever: the next command opens another.
  socketTimeout: 1000,
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
  retryStrategy: waitBeforeRetry,
  // A master that has become a replica takes no writes any more: look for the new one.
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
} satisfies RedisOptions;

function endpointsIn(hosts: string): Endpoint[] {
  return hosts.split(',').map((each) => {
    const [host = '', port = ''] = each.split(':');
    return { host, port: Number(port) };
  });
}
