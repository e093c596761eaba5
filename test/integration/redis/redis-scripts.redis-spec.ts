import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import {
  RedisScripts,
  RedisUnavailableError,
} from '../../../src/infrastructure/redis/redis-scripts.js';

let server: RedisServer;
let redis: RedisScripts<'answer'>;

beforeAll(async () => {
  server = await startRedis({ own: true });
  redis = new RedisScripts(server, { answer: 'return { 1 }' });
});

afterAll(async () => {
  redis.close();
  await server.stop();
});

it('reports that a connected Redis does not answer while it hangs', async () => {
  while (redis.unready !== undefined) await new Promise(setImmediate);
  expect(await redis.run('answer', [])).toEqual([1]);
  await server.pause();
  await expect(redis.run('answer', [])).rejects.toThrow(RedisUnavailableError);
  expect(redis.unready).toBe('Redis is silent');
  await server.resume();
  while (redis.unready !== undefined) await new Promise(setImmediate);
  expect(await redis.run('answer', [])).toEqual([1]);
});

it('notices without a call that Redis hangs, and that it answers again', async () => {
  while (redis.unready !== undefined) await delay(20);
  await server.pause();
  while (redis.unready !== 'Redis is silent') await delay(20);
  await delay(2500); // longer than the time after which Redis counts as silent
  expect(redis.unready).toBe('Redis is silent');
  await server.resume();
  while (redis.unready !== undefined) await delay(20);
}, 20_000);
