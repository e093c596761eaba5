import { expect, it } from '@jest/globals';
import { redisAddress } from '../../../../src/infrastructure/redis/redis-client.js';

it.each([
  ['redis://cache:6379', 'cache:6379'],
  ['redis://cache', 'cache'],
  ['rediss://user:s3cret@cache:6380/2', 'cache:6380'],
  ['redis://:p%40ss@[::1]:6379/0', '[::1]:6379'],
  ['redis://user:s3c@ret@cache:6379', 'cache:6379'],
  ['redis://user:s3c/ret@cache:6379/0', 'cache:6379'],
  ['redis+sentinel://user:s3cret@a:26379,b:26379/mymaster/1', 'a:26379,b:26379'],
  ['rediss+cluster://user:s3cret@a:6379,b:6379', 'a:6379,b:6379'],
])('the address of %s is %s, without user and password', (url, address) => {
  expect(redisAddress(url)).toBe(address);
});
