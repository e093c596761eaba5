import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { FaultProxy } from './fault-proxy.js';

const SYNC_LIMIT_MS = 20_000;

/** A Redis behind a proxy, and a fault that replaces it by a replica. */
export class RedisPair {
  private constructor(
    private primary: RedisServer,
    readonly proxy: FaultProxy,
  ) {}

  static async start(): Promise<RedisPair> {
    const primary = await start();
    return new RedisPair(primary, await FaultProxy.to(new URL(primary.url).host));
  }

  /** `REDIS_URL` of the bridge. */
  get url(): string {
    return `redis://${this.proxy.address}`;
  }

  pause(): Promise<void> {
    return this.primary.pause();
  }

  resume(): Promise<void> {
    return this.primary.resume();
  }

  kill(): Promise<void> {
    return this.primary.kill();
  }

  /** Restarts Redis, which is then empty, because it keeps nothing on disk. */
  restart(): Promise<void> {
    return this.primary.restart();
  }

  async wipe(): Promise<void> {
    await told(this.primary.url, (redis) => redis.flushall());
  }

  /** Replaces Redis by a replica that lacks the writes of the last `lostMs`. */
  async failOver(lostMs: number): Promise<void> {
    const replica = await start();
    const { hostname, port } = new URL(this.primary.url);
    await told(replica.url, async (redis) => {
      await redis.replicaof(hostname, port);
      await inSync(redis);
      await redis.replicaof('NO', 'ONE');
    });
    await delay(lostMs);
    const old = this.primary;
    this.primary = replica;
    this.proxy.retarget(new URL(replica.url).host);
    await old.stop();
  }

  async stop(): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.primary.stop();
  }
}

function start(): Promise<RedisServer> {
  return startRedis({ own: true, log: () => undefined });
}

async function told(url: string, what: (redis: Redis) => Promise<unknown>) {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  try {
    await what(redis);
  } finally {
    redis.disconnect();
  }
}

async function inSync(redis: Redis): Promise<void> {
  const end = performance.now() + SYNC_LIMIT_MS;
  while (!(await redis.info('replication')).includes('master_link_status:up')) {
    if (performance.now() > end) {
      throw new Error(`the Redis replica was not in sync within ${SYNC_LIMIT_MS} ms`);
    }
    await delay(50);
  }
}
