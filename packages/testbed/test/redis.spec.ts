import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis } from '../src/redis.js';
import { askProcessId } from '../src/redis/ping.js';
import { isAlive } from '../src/process/processes.js';

const silent = () => undefined;

async function command<T>(url: string, run: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await run(redis);
  } finally {
    redis.disconnect();
  }
}

describe('startRedis', () => {
  it('starts a Redis that can be paused, killed and restarted', async () => {
    await using server = await startRedis({ own: true, log: silent });
    const port = Number(new URL(server.url).port);
    await command(server.url, (redis) => redis.set('key', 'value'));

    await server.pause();
    expect(await askProcessId(port)).toBeUndefined();
    await server.resume();
    expect(await askProcessId(port)).toBe(server.pid);

    const before = server.pid;
    await server.kill();
    expect(isAlive(before)).toBe(false);
    await server.restart();
    expect(await command(server.url, (redis) => redis.get('key'))).toBeNull();
  }, 60_000);

  it('keeps the data over a crash with keepsData', async () => {
    await using server = await startRedis({ own: true, keepsData: true, log: silent });
    await command(server.url, (redis) => redis.set('key', 'value'));
    await server.kill();
    await server.restart();
    expect(await command(server.url, (redis) => redis.get('key'))).toBe('value');
  }, 60_000);

  it('uses the Redis that REDIS_URL names, and refuses to break it', async () => {
    process.env['REDIS_URL'] = 'redis://elsewhere:6379';
    try {
      await using server = await startRedis({ log: silent });
      expect(server.url).toBe('redis://elsewhere:6379');
      await expect(server.kill()).rejects.toThrow(/own: true/);
    } finally {
      delete process.env['REDIS_URL'];
    }
  });
});
