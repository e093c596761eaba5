import { Cluster, Redis, type RedisOptions } from 'ioredis';

/** A single server, one behind Sentinel, or a cluster: all take the same commands. */
export type RedisClient = Redis | Cluster;

const OPTIONS: RedisOptions = {
  // Long: whoever asks does not wait for this
  commandTimeout: 5000,
  connectTimeout: 2000,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2000),
};

/**
 * Connects by the form of the URL; reconnects for ever.
 *
 * - `redis://[user:password@]host:6379/0`, `rediss://…` for TLS
 * - `redis+sentinel://[user:password@]host:26379,host:26379/<master name>[/<db>]`
 * - `redis+cluster://[user:password@]host:6379,host:6379`
 *
 * `rediss+sentinel://` and `rediss+cluster://` speak TLS.
 */
export function redisClient(url: string): RedisClient {
  const form =
    /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@]*)@)?([^/]+)\/?(.*)$/.exec(url);
  if (!form) throw new Error('not a Redis URL');
  const [, scheme, kind, login = '', hosts = '', path = ''] = form;
  if (kind === undefined) return new Redis(url, OPTIONS);
  const nodes = hosts.split(',').map((host) => {
    const at = host.lastIndexOf(':');
    return { host: host.slice(0, at), port: Number(host.slice(at + 1)) };
  });
  const [username, password] = login.split(':').map(decodeURIComponent);
  const credentials = {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(scheme === 'rediss' ? { tls: {} } : {}),
  };
  if (kind === 'cluster') {
    return new Cluster(nodes, {
      enableOfflineQueue: false,
      redisOptions: { ...OPTIONS, ...credentials },
    });
  }
  const [name = 'mymaster', db = '0'] = path.split('/');
  return new Redis({
    ...OPTIONS,
    ...credentials,
    sentinels: nodes,
    name,
    db: Number(db),
    ...(scheme === 'rediss' ? { enableTLSForSentinelMode: true } : {}),
  });
}
