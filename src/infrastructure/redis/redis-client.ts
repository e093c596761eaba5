import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisAccess } from '../../config/config.js';

/** A single server, one behind Sentinel, or a cluster: all take the same commands. */
export type RedisClient = Redis | Cluster;

const OPTIONS: RedisOptions = {
  // Long: whoever asks does not wait for this
  commandTimeout: 5000,
  connectTimeout: 2000,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  lazyConnect: true, // see `connected`
  retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2000),
};

/**
 * Connects by the form of the URL; reconnects for ever.
 *
 * - `redis://[user:password@]host:6379/0`, `rediss://…` for TLS
 * - `redis+sentinel://[user:password@]host:26379,host:26379/<master name>[/<db>]`
 * - `redis+cluster://[user:password@]host:6379,host:6379`
 *
 * `rediss+sentinel://` and `rediss+cluster://` speak TLS. Password and CA may change: they are
 * asked for again at each connection; of a cluster at each connection to a node that was gone.
 */
export function redisClient(access: RedisAccess): RedisClient {
  const { url } = access;
  const form =
    /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@]*)@)?([^/]+)\/?(.*)$/.exec(url);
  if (!form) throw new Error('not a Redis URL');
  const [, scheme, kind, login = '', hosts = '', path = ''] = form;
  const tls = scheme === 'rediss' ? { tls: tlsOf(access) } : {};
  if (kind === undefined)
    return connected(new Redis(url, { ...OPTIONS, ...tls }), access);
  const nodes = hosts.split(',').map((host) => {
    const at = host.lastIndexOf(':');
    const name = host.slice(0, at).replace(/^\[(.*)\]$/, '$1'); // IPv6
    return { host: name, port: Number(host.slice(at + 1)) };
  });
  const [username, password] = login.split(':').map(decodeURIComponent);
  const credentials = {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...tls,
  };
  if (kind === 'cluster') {
    const redisOptions = withPassword({ ...OPTIONS, ...credentials }, access);
    return new Cluster(nodes, { enableOfflineQueue: false, redisOptions });
  }
  const [name, db = '0'] = path.split('/');
  const master = new Redis({
    ...OPTIONS,
    ...credentials,
    sentinels: nodes,
    name: name || 'mymaster',
    db: Number(db),
    ...(scheme === 'rediss' ? { enableTLSForSentinelMode: true } : {}),
  });
  return connected(master, access);
}

/** ioredis copies what it is given, and looks at its copy at each connection. */
function connected(client: Redis, access: RedisAccess): Redis {
  withPassword(client.options, access);
  client.connect().catch(() => undefined); // it tries again by itself
  return client;
}

function withPassword(options: RedisOptions, access: RedisAccess): RedisOptions {
  if (access.password === undefined) return options;
  return Object.defineProperty(options, 'password', {
    enumerable: true,
    get: () => access.password,
  });
}

function tlsOf(access: RedisAccess): { readonly ca?: string } {
  if (access.ca === undefined) return {};
  return Object.defineProperty({}, 'ca', { enumerable: true, get: () => access.ca });
}
