import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { RedisAccess } from '../../config/config.js';
import { RedisScripts } from '../../infrastructure/redis/redis-scripts.js';
import { GIVE_BACK, RENEW, renewed } from '../../infrastructure/redis/lease-scripts.js';
import { coalesced } from '../../infrastructure/redis/coalesce.js';
import { DedupeStore, type Claim } from '../dedupe-store.js';
import { MemoryDedupeStore } from './memory.dedupe-store.js';

const PREFIX = 'event:';
const DONE = 'done';
const MAX_UNCONFIRMED = 100_000;

const SCRIPTS = {
  /** For each key 1: ours now. 0: another's. 2: published. */
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

  /** Whoever holds the claim: the event is on Kafka. */
  bridgeConfirm: `
for i, key in ipairs(KEYS) do redis.call('SET', key, '${DONE}', 'PX', ARGV[1]) end
return KEYS`,

  bridgeRelease: GIVE_BACK,
  bridgeRenew: RENEW,
};

/** Remembers for all replicas. Redis's clock ends the leases, so ours do not matter. */
export class RedisDedupeStore extends DedupeStore implements OnApplicationShutdown {
  private readonly redis: RedisScripts<keyof typeof SCRIPTS>;
  private readonly claims: (key: string) => Promise<number>;
  private readonly confirms: (key: string) => Promise<unknown>;
  private readonly releases: (key: string) => Promise<unknown>;
  private readonly holder = randomUUID();
  /** Published here while Redis could not be told: repeats to this replica are caught. */
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
    this.claims = coalesced((keys) =>
      this.redis.run('bridgeClaim', keys, holder, leaseMs),
    );
    this.confirms = coalesced((keys) => this.redis.run('bridgeConfirm', keys, ttlMs));
    this.releases = coalesced((keys) => this.redis.run('bridgeRelease', keys, holder));
  }

  override async claim(key: string): Promise<Claim> {
    if (this.unconfirmed.size > 0 && this.unconfirmed.has(key)) return 'done';
    const answer = await this.claims(PREFIX + key);
    if (answer === 2) return 'done';
    return answer === 1 ? 'taken' : 'pending';
  }

  override async confirm(key: string): Promise<void> {
    try {
      await this.confirms(PREFIX + key);
    } catch (error) {
      this.unconfirmed.confirm(key);
      throw error;
    }
  }

  override async release(key: string): Promise<void> {
    await this.releases(PREFIX + key);
  }

  /** There is nothing to find out with: a repeat may double it. */
  override abandon(key: string): Promise<void> {
    return this.release(key);
  }

  override renew(keys: readonly string[]): Promise<boolean[]> {
    const names = keys.map((key) => PREFIX + key);
    return renewed(this.redis, 'bridgeRenew', names, this.holder, this.leaseMs);
  }

  override get unready(): string | undefined {
    return this.redis.unready;
  }

  onApplicationShutdown(): void {
    this.redis.close();
  }
}
