import { randomUUID } from 'node:crypto';
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DedupeStore, DedupeStoreError, type Claim } from './dedupe-store.js';
import { redisClient, type RedisClient } from './redis-client.js';

const PREFIX = 'gemini-bridge:event:';
const DONE = 'done';

/** 1: ours now. 0: another's. 2: published. */
const CLAIM = `
local holder = redis.call('GET', KEYS[1])
if holder == '${DONE}' then return 2 end
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** Only who holds a claim can give it up. */
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

/** Takes a lease again that ran out meanwhile, unless somebody else has it by now. */
const RENEW = `
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1`;

/** The scripts as ioredis adds them to a client. */
interface Scripts {
  bridgeClaim(key: string, holder: string, leaseMs: number): Promise<number>;
  bridgeRelease(key: string, holder: string): Promise<number>;
  bridgeRenew(key: string, holder: string, leaseMs: number): Promise<number>;
}

/** Remembers for all replicas. Redis's clock ends the leases, so ours do not matter. */
export class RedisDedupeStore extends DedupeStore implements OnApplicationShutdown {
  private readonly logger = new Logger(RedisDedupeStore.name);
  private readonly client: RedisClient & Scripts;
  private readonly holder = randomUUID();

  constructor(
    url: string,
    private readonly ttlMs: number,
    private readonly leaseMs: number,
  ) {
    super();
    const client = redisClient(url);
    client.defineCommand('bridgeClaim', { numberOfKeys: 1, lua: CLAIM });
    client.defineCommand('bridgeRelease', { numberOfKeys: 1, lua: RELEASE });
    client.defineCommand('bridgeRenew', { numberOfKeys: 1, lua: RENEW });
    this.client = client as RedisClient & Scripts;
    client.on('error', (error: Error) => {
      this.logger.debug({ message: 'Redis connection', reason: error.message });
    });
  }

  override async claim(key: string): Promise<Claim> {
    const { holder, leaseMs } = this;
    const answer = await answered(this.client.bridgeClaim(PREFIX + key, holder, leaseMs));
    if (answer === 2) return 'done';
    return answer === 1 ? 'taken' : 'pending';
  }

  override async confirm(key: string): Promise<void> {
    await answered(this.client.set(PREFIX + key, DONE, 'PX', this.ttlMs));
  }

  override async release(key: string): Promise<void> {
    await answered(this.client.bridgeRelease(PREFIX + key, this.holder));
  }

  override async renew(keys: readonly string[]): Promise<void> {
    const { holder, leaseMs } = this;
    await answered(
      Promise.all(
        keys.map((key) => this.client.bridgeRenew(PREFIX + key, holder, leaseMs)),
      ),
    );
  }

  override get unready(): string | undefined {
    return this.client.status === 'ready' ? undefined : `Redis is ${this.client.status}`;
  }

  onApplicationShutdown(): void {
    this.client.disconnect();
  }
}

async function answered<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (cause) {
    throw new DedupeStoreError('Redis did not answer', { cause });
  }
}
