import { Redis } from 'ioredis';
import type { FixtureKey } from './fixture.js';

/** A key that lives no longer than this is a lease, which its holder renews. */
const LONGEST_LEASE_MS = 60_000;
const LEASE_SERVER = ':leases:server';

/** All keys of a Redis, in the order of their names. */
export async function dumpRedis(url: string): Promise<FixtureKey[]> {
  const redis = new Redis(url);
  try {
    const names = await redis.keys('*');
    const keys = await Promise.all(names.toSorted().map((name) => dumpKey(redis, name)));
    return keys.filter((key) => key !== undefined);
  } finally {
    redis.disconnect();
  }
}

/**
 * Writes the keys into a Redis.
 *
 * - A lease is written without its end, as if its holder went on renewing it: `endLeases` ends them.
 * - A longer life begins anew.
 * - The key that names the Redis which has the leases names this one: an upgrade leaves Redis as it is.
 */
export async function loadRedis(
  redis: Redis,
  keys: readonly FixtureKey[],
): Promise<void> {
  for (const key of keys) {
    await write(redis, key);
    if (key.ttlMs !== undefined && !isLease(key)) await redis.pexpire(key.key, key.ttlMs);
    if (key.key.endsWith(LEASE_SERVER)) await redis.set(key.key, await runIdOf(redis));
  }
}

/** Another one after each start of the server. */
async function runIdOf(redis: Redis): Promise<string> {
  const [, runId = ''] = /run_id:(\w+)/.exec(await redis.info('server')) ?? [];
  return runId;
}

/** The holders have died, and the leases have run out. */
export async function endLeases(
  redis: Redis,
  keys: readonly FixtureKey[],
): Promise<void> {
  await redis.del(...keys.filter(isLease).map(({ key }) => key));
}

function isLease({ ttlMs = Infinity }: FixtureKey): boolean {
  return ttlMs <= LONGEST_LEASE_MS;
}

/** Undefined for a key that expired meanwhile. */
async function dumpKey(redis: Redis, key: string): Promise<FixtureKey | undefined> {
  const type = await redis.type(key);
  const ttl = await redis.pttl(key);
  const common = { key, ...(ttl > 0 && { ttlMs: ttl }) };
  switch (type) {
    case 'none':
      return undefined;
    case 'string':
      return { ...common, type, value: (await redis.get(key)) ?? '' };
    case 'hash':
      return { ...common, type, value: await redis.hgetall(key) };
    case 'zset':
      return { ...common, type, value: await scoresOf(redis, key) };
    default:
      throw new Error(`${key} is a ${type}: dump and load of that type are not written`);
  }
}

async function scoresOf(redis: Redis, key: string): Promise<Record<string, number>> {
  const flat = await redis.zrange(key, 0, -1, 'WITHSCORES');
  const scores: Record<string, number> = {};
  for (let i = 0; i < flat.length; i += 2) scores[flat[i] ?? ''] = Number(flat[i + 1]);
  return scores;
}

async function write(redis: Redis, key: FixtureKey): Promise<void> {
  if (key.type === 'string') await redis.set(key.key, key.value);
  else if (key.type === 'hash') await redis.hset(key.key, key.value);
  else {
    const members = Object.entries(key.value).flatMap(([member, score]) => [
      score,
      member,
    ]);
    await redis.zadd(key.key, ...members);
  }
}
