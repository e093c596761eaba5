import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisAccess } from '../../config/config.js';

/** A single server, one behind Sentinel, or a cluster. All have the same commands. */
export type RedisClient = Redis | Cluster;

const OPTIONS: RedisOptions = {
  // Longer than `RedisScripts` waits for an answer
  commandTimeout: 5000,
  connectTimeout: 2000,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  lazyConnect: true, // see `connected`
  retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 2000),
};

/** The parts of `REDIS_URL`. */
interface RedisUrl {
  readonly isTls: boolean;
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** `user:password`, percent-encoded. */
  readonly login: string;
  /** `host:port`, separated by commas. */
  readonly hosts: string;
  readonly path: string;
}

/**
 * Creates a client by the form of the URL. The client reconnects without end.
 *
 * - `redis://[user:password@]host:6379/0`, `rediss://…` for TLS
 * - `redis+sentinel://[user:password@]host:26379,host:26379/<master name>[/<db>]`
 * - `redis+cluster://[user:password@]host:6379,host:6379`
 *
 * `rediss+sentinel://` and `rediss+cluster://` use TLS. Password and CA may change: the client
 * reads them at each connection, for a cluster at each connection to a node that was gone.
 */
export function redisClient(access: RedisAccess): RedisClient {
  const { isTls, kind, login, hosts, path } = parseUrl(access.url);
  const tls = isTls ? { tls: tlsOf(access) } : {};
  if (kind === 'single') {
    return connected(new Redis(access.url, { ...OPTIONS, ...tls }), access);
  }
  const nodes = hosts.split(',').map(nodeOf);
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
    ...(isTls ? { enableTLSForSentinelMode: true } : {}),
  });
  return connected(master, access);
}

/** The hosts and ports of the URL, for messages: without user and password. */
export function redisAddress(url: string): string {
  return parseUrl(url).hosts.replace(/^.*@/, ''); // a password may hold an @
}

function parseUrl(url: string): RedisUrl {
  const form =
    /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@]*)@)?([^/]+)\/?(.*)$/.exec(url);
  if (!form) throw new Error('not a Redis URL');
  const [, scheme, kind = 'single', login = '', hosts = '', path = ''] = form;
  return {
    isTls: scheme === 'rediss',
    kind: kind as RedisUrl['kind'],
    login,
    hosts,
    path,
  };
}

function nodeOf(host: string): { host: string; port: number } {
  const at = host.lastIndexOf(':');
  const name = host.slice(0, at).replace(/^\[(.*)\]$/, '$1'); // IPv6
  return { host: name, port: Number(host.slice(at + 1)) };
}

/** ioredis copies its options and reads the copy at each connection, so the copy gets the getter. */
function connected(client: Redis, access: RedisAccess): Redis {
  withPassword(client.options, access);
  client.connect().catch(() => undefined); // ioredis retries by itself
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
