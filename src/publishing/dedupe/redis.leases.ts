import { randomUUID } from 'node:crypto';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { RedisAccess } from '../../config/config.js';
import {
  RedisScripts,
  RedisUnavailableError,
} from '../../infrastructure/redis/redis-scripts.js';
import { GIVE_BACK, RENEW, renewed } from '../../infrastructure/redis/lease-scripts.js';
import { coalesced } from '../../infrastructure/redis/coalesce.js';
import { Leases } from './leases.js';

const PREFIX = 'lease:';
/** Which server the leases were written to; kept for ever, so that its absence means something. */
const SERVER = 'leases:server';
/** There while leases may be missing. */
const GRACE = 'leases:grace';

/**
 * A Redis that was emptied, restarted or replaced has forgotten leases whose holders do not
 * know it yet. So for as long as a lease lasts it gives out none: whoever holds one renews it
 * within that time. (Where INFO is not allowed, only an emptied Redis is noticed.)
 */
const CHECK_SERVER = `
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
if redis.call('GET', KEYS[1]) ~= server then
  redis.call('SET', KEYS[1], server)
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
end`;

const SCRIPTS = {
  /** First how long nothing is given out, in ms; then for each key after the first two 1: ours now. 0: another's. */
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

  bridgeGiveBack: GIVE_BACK,
  bridgeRenew: RENEW,
};

/** For several replicas: a key of seconds for each delivery, and one round trip to take it. */
export class RedisLeases extends Leases implements OnApplicationShutdown {
  private readonly redis: RedisScripts<keyof typeof SCRIPTS>;
  private readonly takes: (key: string) => Promise<number>;
  private readonly givesBack: (key: string) => Promise<unknown>;
  private readonly holder = randomUUID();
  private graceUntil = 0;

  constructor(
    access: RedisAccess,
    override readonly leaseMs: number,
  ) {
    super();
    // At the connection already, so that a time of grace is over when deliveries come
    this.redis = new RedisScripts(access, SCRIPTS, () => {
      this.takeAll([]).catch(() => undefined);
    });
    this.takes = coalesced((keys) => this.takeAll(keys));
    this.givesBack = coalesced((keys) =>
      this.redis.run('bridgeGiveBack', keys, this.holder),
    );
  }

  override async acquire(key: string): Promise<boolean> {
    return (await this.takes(PREFIX + key)) === 1;
  }

  override async releaseLease(key: string): Promise<void> {
    await this.givesBack(PREFIX + key);
  }

  /** It runs out by itself: until then other replicas may not have read the log so far. */
  override finish(): void {}

  override renew(keys: readonly string[]): Promise<boolean[]> {
    const names = keys.map((key) => PREFIX + key);
    return renewed(this.redis, 'bridgeRenew', names, this.holder, this.leaseMs);
  }

  override get unready(): string | undefined {
    if (performance.now() < this.graceUntil) return 'Redis has lost its leases';
    return this.redis.unready;
  }

  onApplicationShutdown(): void {
    this.redis.close();
  }

  /** @throws {RedisUnavailableError} also in a time of grace. */
  private async takeAll(keys: readonly string[]): Promise<readonly number[]> {
    const { holder, leaseMs } = this;
    const [graceMs = -1, ...answers] = await this.redis.run<number>(
      'bridgeTake',
      [SERVER, GRACE, ...keys],
      holder,
      leaseMs,
    );
    if (graceMs < 0) return answers;
    this.graceUntil = performance.now() + graceMs;
    throw new RedisUnavailableError('Redis has lost its leases: they may be renewed yet');
  }
}
