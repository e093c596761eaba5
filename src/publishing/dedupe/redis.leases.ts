import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { RedisAccess } from '../../config/config.js';
import {
  RedisScripts,
  RedisUnavailableError,
} from '../../infrastructure/redis/redis-scripts.js';
import { RELEASE, RENEW, renewLeases } from '../../infrastructure/redis/lease-scripts.js';
import { coalesced } from '../../infrastructure/redis/coalesce.js';
import { Leases } from './leases.js';

const PREFIX = 'lease:';
/** Key with the id of the server that has the leases. It never expires: its absence means a loss. */
const SERVER = 'leases:server';
/** Key that exists while leases may be missing. */
const GRACE = 'leases:grace';

/**
 * Starts a grace period when Redis was emptied, restarted or replaced, and so has lost leases
 * that replicas still hold. During the period, which is as long as a lease, Redis gives out no
 * lease; the holders renew theirs. Where the user may not call INFO, only an emptied Redis is
 * noticed.
 */
const CHECK_SERVER = `
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
if redis.call('GET', KEYS[1]) ~= server then
  redis.call('SET', KEYS[1], server)
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
end`;

const SCRIPTS = {
  /**
   * Answers the rest of the grace period in ms, negative for none. Then for each key after the
   * first two: 1 for acquired, 0 for held by another replica.
   */
  bridgeTake: `${CHECK_SERVER}
local grace = redis.call('PTTL', KEYS[2])
local answers = { grace }
for i = 3, #KEYS do
  local holder = redis.call('GET', KEYS[i])
  if grace < 0 and (not holder or holder == ARGV[1]) then
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
    answers[i - 1] = 1
  else answers[i - 1] = 0 end
end
return answers`,

  bridgeGiveBack: RELEASE,
  bridgeRenew: RENEW,
};

/** Leases in Redis, for several replicas. A lease is a key with a time to live of seconds. */
export class RedisLeases extends Leases implements OnApplicationShutdown {
  private readonly redis: RedisScripts<keyof typeof SCRIPTS>;
  private readonly acquireOne: (key: string) => Promise<number>;
  private readonly releaseOne: (key: string) => Promise<unknown>;
  private readonly holder = randomUUID();
  private graceUntil = 0;

  constructor(
    access: RedisAccess,
    override readonly leaseMs: number,
  ) {
    super();
    // At the connection, so that a grace period begins before the first delivery
    this.redis = new RedisScripts(access, SCRIPTS, () => {
      this.acquireAll([]).catch(() => undefined);
    });
    this.acquireOne = coalesced((keys) => this.acquireAll(keys));
    this.releaseOne = coalesced((keys) =>
      this.redis.run('bridgeGiveBack', keys, this.holder),
    );
  }

  override async acquire(key: string): Promise<boolean> {
    return (await this.acquireOne(PREFIX + key)) === 1;
  }

  override async releaseLease(key: string): Promise<void> {
    await this.releaseOne(PREFIX + key);
  }

  /** The lease expires by itself. Until then other replicas may not have read the record. */
  override finish(): void {}

  override renew(keys: readonly string[]): Promise<boolean[]> {
    const names = keys.map((key) => PREFIX + key);
    return renewLeases(this.redis, 'bridgeRenew', names, this.holder, this.leaseMs);
  }

  override get unready(): string | undefined {
    if (performance.now() < this.graceUntil) return 'Redis has lost its leases';
    return this.redis.unready;
  }

  onApplicationShutdown(): void {
    this.redis.close();
  }

  /** @throws {RedisUnavailableError} also during a grace period. */
  private async acquireAll(keys: readonly string[]): Promise<readonly number[]> {
    const { holder, leaseMs } = this;
    const [graceMs = -1, ...answers] = await this.redis.run<number>(
      'bridgeTake',
      [SERVER, GRACE, ...keys],
      holder,
      leaseMs,
    );
    if (graceMs < 0) return answers;
    this.graceUntil = performance.now() + graceMs;
    throw new RedisUnavailableError(
      'Redis has lost its leases; their holders may still renew them',
    );
  }
}
