import { describe, expect, it } from '@jest/globals';
import { RedisUnavailableError } from '../../../../src/infrastructure/redis/redis-scripts.js';
import { retryWhileUnavailable } from '../../../../src/infrastructure/redis/retry-while-unavailable.js';

const silence = new RedisUnavailableError('Redis did not answer');

/** Fails so often, then succeeds. */
function failing(times: number, error: Error = silence) {
  const work = { calls: 0, run: () => Promise.resolve('done') };
  work.run = () => {
    work.calls++;
    return work.calls > times ? Promise.resolve('done') : Promise.reject(error);
  };
  return work;
}

describe('persistently', () => {
  it('does it again until the store answers', async () => {
    const work = failing(2);
    expect(await retryWhileUnavailable(work.run, 10_000)).toBe('done');
    expect(work.calls).toBe(3);
  });

  it('gives up when the time is over', async () => {
    const work = failing(Infinity);
    await expect(retryWhileUnavailable(work.run, 150)).rejects.toBe(silence);
    expect(work.calls).toBe(2);
  });

  it('gives up at once where it is not the store', async () => {
    const bug = new Error('bug');
    const work = failing(1, bug);
    await expect(retryWhileUnavailable(work.run, 10_000)).rejects.toBe(bug);
    expect(work.calls).toBe(1);
  });
});
