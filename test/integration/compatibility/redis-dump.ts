import { Redis } from 'ioredis';
import type { FixtureKey } from './fixture.js';

/** Longest remaining life of a lease. Every key with at most this life is a lease. */
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
 * - Leases are written without an expiry, as if their holders renewed them, until `endLeases` deletes them.
 * - Other keys expire after their remaining life, counted from now.
 * - The key with the Redis server's run id gets the id of this server, because an upgrade does not restart Redis.
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

/** Id of this start of the Redis server. */
async function runIdOf(redis: Redis): Promise<string> {
  const [, runId = ''] = /run_id:(\w+)/.exec(await redis.info('server')) ?? [];
  return runId;
}

/** Deletes the leases, as if their holders had ended and they had expired. */
export async function endLeases(
  redis: Redis,
  keys: readonly FixtureKey[],
): Promise<void> {
  await redis.del(...keys.filter(isLease).map(({ key }) => key));
}

function isLease({ ttlMs = Infinity }: FixtureKey): boolean {
  return ttlMs <= LONGEST_LEASE_MS;
}

/** A key with its value; undefined if it has expired meanwhile. */
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
      throw new Error(`${key} is a ${type}, which cannot be dumped and loaded yet`);
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
