import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../packages/testbed/src/redis.js';
import { RedisUnavailableError } from '../../src/infrastructure/redis/redis-scripts.js';
import { RedisLeases } from '../../src/publishing/dedupe/redis.leases.js';

const LEASE_MS = 1000;

let redis: RedisServer;
let operator: Redis;
let ours: RedisLeases;
let theirs: RedisLeases;

beforeAll(async () => {
  redis = await startRedis({ own: true });
  operator = new Redis(redis.url);
  operator.on('error', () => undefined);
}, 60_000);

afterAll(async () => {
  ours?.onApplicationShutdown();
  theirs?.onApplicationShutdown();
  operator?.disconnect();
  await redis?.stop();
}, 30_000);

/** Starts two replicas and waits for the end of their grace period. */
beforeEach(async () => {
  ours?.onApplicationShutdown();
  theirs?.onApplicationShutdown();
  ours = new RedisLeases(redis, LEASE_MS);
  theirs = new RedisLeases(redis, LEASE_MS);
  await takenBy(ours, `warm-${Math.random()}`);
  await takenBy(theirs, `warm-${Math.random()}`);
}, 30_000);

/** Asks for a lease until it is granted. */
async function takenBy(leases: RedisLeases, key: string): Promise<void> {
  for (;;) {
    const taken = await leases.acquire(key).catch((error: unknown) => {
      if (error instanceof RedisUnavailableError) return false;
      throw error;
    });
    if (taken) return;
    await delay(50);
  }
}

/** Waits until the leases notice that Redis has lost its keys. */
async function untilGrace(leases: RedisLeases): Promise<void> {
  for (;;) {
    try {
      await leases.acquire(`grace-${Math.random()}`);
      await delay(10);
    } catch (error) {
      expect(error).toBeInstanceOf(RedisUnavailableError);
      return expect(leases.unready).toBe('Redis has lost its leases');
    }
  }
}

describe('leases in Redis', () => {
  it('belong to one replica until it releases them', async () => {
    expect(await ours.acquire('a')).toBe(true);
    expect(await ours.acquire('a')).toBe(true);
    expect(await theirs.acquire('a')).toBe(false);
    await theirs.releaseLease('a');
    expect(await theirs.acquire('a')).toBe(false);
    await ours.releaseLease('a');
    expect(await theirs.acquire('a')).toBe(true);
  });

  it('expire by themselves, also after the record was published', async () => {
    await ours.acquire('b');
    ours.finish();
    expect(await theirs.acquire('b')).toBe(false);
    await takenBy(theirs, 'b');
  });

  it('last while they are renewed, and cannot be renewed by another replica', async () => {
    await ours.acquire('c');
    for (let i = 0; i < 6; i++) {
      await delay(LEASE_MS / 3);
      expect(await ours.renew(['c'])).toEqual([true]);
      expect(await theirs.renew(['c'])).toEqual([false]);
      expect(await theirs.acquire('c')).toBe(false);
    }
  });

  it('are acquired by one command if several are asked for at the same moment', async () => {
    await operator.config('RESETSTAT');
    const keys = Array.from({ length: 100 }, (_, i) => `many-${i}`);
    expect(new Set(await Promise.all(keys.map((key) => ours.acquire(key))))).toEqual(
      new Set([true]),
    );
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await operator.info('commandstats'));
    expect(Number(calls?.[1])).toBeLessThan(3);
  });

  it.each<[string, () => Promise<void>]>([
    ['was emptied', async () => void (await operator.flushall())],
    ['was restarted without its data', () => redis.restart()],
  ])(
    'are not granted after Redis %s, until their holders could renew them',
    async (how, happens) => {
      const ourKey = `d-${how}`;
      expect(await ours.acquire(ourKey)).toBe(true);
      await happens();
      await theirs.acquire('x').catch(() => false);
      const since = performance.now();
      await takenBy(theirs, 'other');
      expect(performance.now() - since).toBeGreaterThan(LEASE_MS / 2);
      // The grace period is long enough for each holder to renew its lease
      await operator.flushall();
      await untilGrace(theirs);
      expect(await ours.renew([ourKey])).toEqual([true]);
      await delay(LEASE_MS / 2);
      expect(await ours.renew([ourKey])).toEqual([true]);
      await delay(LEASE_MS / 2);
      expect(theirs.unready).toBeUndefined();
      expect(await theirs.acquire(ourKey)).toBe(false);
      expect(await theirs.acquire(`free-${Math.random()}`)).toBe(true);
    },
    30_000,
  );

  it('are renewed in chunks if there are many', async () => {
    const keys = Array.from({ length: 600 }, (_, i) => `piece-${i}`);
    await Promise.all(keys.map((key) => ours.acquire(key)));
    await theirs.acquire('theirs');
    const held = await ours.renew([...keys, 'theirs']);
    expect(held).toEqual([...keys.map(() => true), false]);
  });

  it('fail fast while Redis is silent', async () => {
    await redis.pause();
    await expect(ours.acquire('e')).rejects.toBeInstanceOf(RedisUnavailableError);
    const since = performance.now();
    await expect(ours.acquire('e')).rejects.toBeInstanceOf(RedisUnavailableError);
    expect(performance.now() - since).toBeLessThan(400);
    await redis.resume();
    await takenBy(ours, 'e');
  }, 30_000);
});
