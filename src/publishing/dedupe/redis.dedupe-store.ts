import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { RedisAccess } from '../../config/config.js';
import { RedisScripts } from '../../infrastructure/redis/redis-scripts.js';
import { RELEASE, RENEW, renewLeases } from '../../infrastructure/redis/lease-scripts.js';
import { coalesced } from '../../infrastructure/redis/coalesce.js';
import { DedupeStore, type Claim } from '../dedupe-store.js';
import { MemoryDedupeStore } from './memory.dedupe-store.js';

const PREFIX = 'event:';
const DONE = 'done';
const MAX_UNCONFIRMED = 100_000;

const SCRIPTS = {
  /** Answers for each key 1: claimed. 0: claimed by another replica. 2: published. */
  bridgeClaim: `
local answers = {}
for i, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if holder == '${DONE}' then answers[i] = 2
  elseif holder and holder ~= ARGV[1] then answers[i] = 0
  else
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    answers[i] = 1
  end
end
return answers`,

  /** Marks keys as published, whichever replica holds the claim. */
  bridgeConfirm: `
for i, key in ipairs(KEYS) do redis.call('SET', key, '${DONE}', 'PX', ARGV[1]) end
return KEYS`,

  bridgeRelease: RELEASE,
  bridgeRenew: RENEW,
};

/**
 * Keeps claims and published ids in Redis, for all replicas. Leases expire by Redis's clock, so
 * the clocks of the replicas do not matter.
 */
export class RedisDedupeStore extends DedupeStore implements OnApplicationShutdown {
  private readonly redis: RedisScripts<keyof typeof SCRIPTS>;
  private readonly claimOne: (key: string) => Promise<number>;
  private readonly confirmOne: (key: string) => Promise<unknown>;
  private readonly releaseOne: (key: string) => Promise<unknown>;
  private readonly holder = randomUUID();
  /** Keys that this replica published while Redis did not answer: their repeats are found here. */
  private readonly unconfirmed: MemoryDedupeStore;

  constructor(
    access: RedisAccess,
    ttlMs: number,
    override readonly leaseMs: number,
  ) {
    super();
    const { holder } = this;
    this.unconfirmed = new MemoryDedupeStore(ttlMs, MAX_UNCONFIRMED);
    this.redis = new RedisScripts(access, SCRIPTS);
    this.claimOne = coalesced((keys) =>
      this.redis.run('bridgeClaim', keys, holder, leaseMs),
    );
    this.confirmOne = coalesced((keys) => this.redis.run('bridgeConfirm', keys, ttlMs));
    this.releaseOne = coalesced((keys) => this.redis.run('bridgeRelease', keys, holder));
  }

  override async claim(key: string): Promise<Claim> {
    if (this.unconfirmed.size > 0 && this.unconfirmed.has(key)) return 'done';
    const answer = await this.claimOne(PREFIX + key);
    if (answer === 2) return 'done';
    return answer === 1 ? 'taken' : 'pending';
  }

  override async confirm(key: string): Promise<void> {
    try {
      await this.confirmOne(PREFIX + key);
    } catch (error) {
      this.unconfirmed.confirm(key);
      throw error;
    }
  }

  override async release(key: string): Promise<void> {
    await this.releaseOne(PREFIX + key);
  }

  /** Without a topic history the outcome stays unknown, so a repeat may publish the event twice. */
  override abandon(key: string): Promise<void> {
    return this.release(key);
  }

  override renew(keys: readonly string[]): Promise<boolean[]> {
    const names = keys.map((key) => PREFIX + key);
    return renewLeases(this.redis, 'bridgeRenew', names, this.holder, this.leaseMs);
  }

  override get unready(): string | undefined {
    return this.redis.unready;
  }

  onApplicationShutdown(): void {
    this.redis.close();
  }
}
