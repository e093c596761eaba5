import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { RedisSecretsStore } from '../../../src/signing-secrets/stores/redis.secrets-store.js';
import {
  redisClient,
  type RedisClient,
} from '../../../src/infrastructure/redis/redis-client.js';

let redis: RedisServer;
/** Connection that authenticates before the passwords change. Redis does not authenticate it again. */
let admin: Redis;

beforeAll(async () => {
  redis = await startRedis({ own: true });
  admin = new Redis(redis.url);
  await admin.ping();
}, 60_000);

afterAll(async () => {
  admin?.disconnect();
  await redis?.stop();
});

async function untilReady(client: RedisClient): Promise<void> {
  while (client.status !== 'ready') await delay(20);
}

async function endOtherConnections(): Promise<void> {
  await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
}

const USERS: [string, (password: string) => Promise<unknown>, string][] = [
  [
    'the default user',
    (password) => admin.config('SET', 'requirepass', password),
    'redis://',
  ],
  [
    'another user',
    (password) =>
      admin.acl('SETUSER', 'bridge', 'on', 'resetpass', `>${password}`, '~*', '+@all'),
    'redis://bridge@',
  ],
];

describe('bridges that share a Redis', () => {
  it('do not see each other with different key prefixes', async () => {
    const stores = ['ours', 'theirs'].map(
      (keyPrefix) => new RedisSecretsStore({ url: redis.url, keyPrefix }),
    );
    try {
      for (const store of stores)
        while (!(await store.readDocument().catch(() => undefined))) await delay(20);
      const [ours, theirs] = stores;
      const empty = await ours?.readDocument();
      await ours?.writeDocument('sealed by us', empty?.version ?? '');
      expect((await ours?.readDocument())?.text).toBe('sealed by us');
      expect((await theirs?.readDocument())?.text).toBe(empty?.text);
      expect(await admin.keys('*')).toEqual(['{ours}:vault']);
    } finally {
      for (const store of stores) store.close();
    }
  });
});

describe.each(USERS)('the password of %s', (_who, change, scheme) => {
  it('may change while the bridge runs, in Redis first or in the file first', async () => {
    const access = { url: redis.url.replace('redis://', scheme), password: 'one' };
    await change('one');
    const client = redisClient(access);
    client.on('error', () => undefined);
    try {
      await untilReady(client);

      await change('two');
      await endOtherConnections();
      await new Promise((resolve) => client.once('error', resolve)); // the old password is refused
      access.password = 'two';
      await untilReady(client);
      expect(await client.ping()).toBe('PONG');

      access.password = 'three';
      await change('three');
      await endOtherConnections();
      await new Promise((resolve) => client.once('close', resolve));
      await untilReady(client);
      expect(await client.ping()).toBe('PONG');
    } finally {
      client.disconnect();
    }
  }, 30_000);
});
