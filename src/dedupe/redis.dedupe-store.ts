import { randomUUID } from 'node:crypto';
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { coalesced } from './coalesce.js';
import { DedupeStore, DedupeStoreError, type Claim } from './dedupe-store.js';
import { MemoryDedupeStore } from './memory.dedupe-store.js';
import { redisClient, type RedisClient } from './redis-client.js';

/** In braces: what keeps all keys in one slot of a cluster, as a command with many needs it. */
const PREFIX = '{gemini-bridge}:event:';
const DONE = 'done';
const MAX_UNCONFIRMED = 100_000;
/** A delivery must not spend its ack budget on a store that hangs, in ms. */
const SILENCE_MS = 1000;

/** For each key 1: ours now. 0: another's. 2: published. */
const CLAIM = `
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
return answers`;

/** Whoever holds the claim: the event is on Kafka. */
const CONFIRM = `
for i, key in ipairs(KEYS) do redis.call('SET', key, '${DONE}', 'PX', ARGV[1]) end
return KEYS`;

/** Only who holds a claim can give it up. */
const RELEASE = `
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return KEYS`;

/** Takes a lease again that ran out meanwhile, unless somebody else has it by now. */
const RENEW = `
for i, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if not holder or holder == ARGV[1] then redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
end
return KEYS`;

/** The scripts as ioredis adds them to a client: the number of keys, the keys, the rest. */
type Script<Answer> = (...parameters: (string | number)[]) => Promise<Answer[]>;

interface Scripts {
  readonly bridgeClaim: Script<number>;
  readonly bridgeConfirm: Script<string>;
  readonly bridgeRelease: Script<string>;
  readonly bridgeRenew: Script<string>;
}

/** Remembers for all replicas. Redis's clock ends the leases, so ours do not matter. */
export class RedisDedupeStore extends DedupeStore implements OnApplicationShutdown {
  private readonly logger = new Logger(RedisDedupeStore.name);
  private readonly client: RedisClient & Scripts;
  private readonly claims: (key: string) => Promise<number>;
  private readonly confirms: (key: string) => Promise<unknown>;
  private readonly releases: (key: string) => Promise<unknown>;
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
    client.defineCommand('bridgeClaim', { lua: CLAIM });
    client.defineCommand('bridgeConfirm', { lua: CONFIRM });
    client.defineCommand('bridgeRelease', { lua: RELEASE });
    client.defineCommand('bridgeRenew', { lua: RENEW });
    this.client = client as RedisClient & Scripts;
    this.claims = coalesced((keys) =>
      this.run('bridgeClaim', keys, this.holder, leaseMs),
    );
    this.confirms = coalesced((keys) => this.run('bridgeConfirm', keys, ttlMs));
    this.releases = coalesced((keys) => this.run('bridgeRelease', keys, this.holder));
    client.on('error', (error: Error) => {
      this.logger.debug({ message: 'Redis connection', reason: error.message });
    });
  }

  override async claim(key: string): Promise<Claim> {
    if (this.unconfirmed.size > 0 && this.unconfirmed.has(key)) return 'done';
    const answer = await this.claims(key);
    if (answer === 2) return 'done';
    return answer === 1 ? 'taken' : 'pending';
  }

  override async confirm(key: string): Promise<void> {
    try {
      await this.confirms(key);
    } catch (error) {
      this.unconfirmed.confirm(key);
      throw error;
    }
  }

  override async release(key: string): Promise<void> {
    await this.releases(key);
  }

  override async renew(keys: readonly string[]): Promise<void> {
    await this.run('bridgeRenew', keys, this.holder, this.leaseMs);
  }

  override get unready(): string | undefined {
    return this.client.status === 'ready' ? undefined : `Redis is ${this.client.status}`;
  }

  onApplicationShutdown(): void {
    this.client.disconnect();
  }

  /** After one call without an answer the next fail at once, for a moment. */
  private async run<Name extends keyof Scripts>(
    name: Name,
    keys: readonly string[],
    ...rest: (string | number)[]
  ): Promise<Awaited<ReturnType<Scripts[Name]>>> {
    if (performance.now() < this.silentUntil)
      throw new DedupeStoreError('Redis is silent');
    try {
      const names = keys.map((key) => PREFIX + key);
      const answers = await this.client[name](keys.length, ...names, ...rest);
      return answers as Awaited<ReturnType<Scripts[Name]>>;
    } catch (cause) {
      this.silentUntil = performance.now() + SILENCE_MS;
      throw new DedupeStoreError('Redis did not answer', { cause });
    }
  }
}
