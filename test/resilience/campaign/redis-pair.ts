import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { FaultProxy } from './fault-proxy.js';

const SYNC_LIMIT_MS = 20_000;

/** The Redis of a world behind its proxy, and now and then another that takes over from it. */
export class RedisPair {
  private constructor(
    private primary: RedisServer,
    readonly proxy: FaultProxy,
  ) {}

  static async start(): Promise<RedisPair> {
    const primary = await start();
    return new RedisPair(primary, await FaultProxy.to(new URL(primary.url).host));
  }

  /** As the bridge is told. */
  get url(): string {
    return `redis://${this.proxy.address}`;
  }

  hang(): Promise<void> {
    return this.primary.pause();
  }

  goOn(): Promise<void> {
    return this.primary.resume();
  }

  kill(): Promise<void> {
    return this.primary.kill();
  }

  /** Empty: it keeps nothing on disk. */
  restart(): Promise<void> {
    return this.primary.restart();
  }

  async wipe(): Promise<void> {
    await told(this.primary.url, (redis) => redis.flushall());
  }

  /** A replica takes over, without what was written in the last `lostMs`. */
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
    if (performance.now() > end) throw new Error('the Redis replica did not catch up');
    await delay(50);
  }
}
