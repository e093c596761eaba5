import { randomUUID } from 'node:crypto';
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DedupeStore, DedupeStoreError, type Claim } from './dedupe-store.js';
import { MemoryDedupeStore } from './memory.dedupe-store.js';
import { redisClient, type RedisClient } from './redis-client.js';

const PREFIX = 'gemini-bridge:event:';
const DONE = 'done';
const MAX_UNCONFIRMED = 100_000;
/** A delivery must not spend its ack budget on a store that hangs, in ms. */
const SILENCE_MS = 1000;

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
  /** Published here while Redis could not be told: repeats to this replica are caught. */
  private readonly unconfirmed: MemoryDedupeStore;
  private silentUntil = 0;

  constructor(
    url: string,
    private readonly ttlMs: number,
    private readonly leaseMs: number,
  ) {
    super();
    this.unconfirmed = new MemoryDedupeStore(ttlMs, MAX_UNCONFIRMED);
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
    if (this.unconfirmed.has(key)) return 'done';
    const { holder, leaseMs } = this;
    const answer = await this.ask(() =>
      this.client.bridgeClaim(PREFIX + key, holder, leaseMs),
    );
    if (answer === 2) return 'done';
    return answer === 1 ? 'taken' : 'pending';
  }

  override async confirm(key: string): Promise<void> {
    try {
      await this.ask(() => this.client.set(PREFIX + key, DONE, 'PX', this.ttlMs));
    } catch (error) {
      this.unconfirmed.confirm(key);
      throw error;
    }
  }

  override async release(key: string): Promise<void> {
    await this.ask(() => this.client.bridgeRelease(PREFIX + key, this.holder));
  }

  override async renew(keys: readonly string[]): Promise<void> {
    const { holder, leaseMs } = this;
    await this.ask(() =>
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

  /** After one call without an answer the next fail at once, for a moment. */
  private async ask<T>(command: () => Promise<T>): Promise<T> {
    if (performance.now() < this.silentUntil)
      throw new DedupeStoreError('Redis is silent');
    try {
      return await command();
    } catch (cause) {
      this.silentUntil = performance.now() + SILENCE_MS;
      throw new DedupeStoreError('Redis did not answer', { cause });
    }
  }
}
