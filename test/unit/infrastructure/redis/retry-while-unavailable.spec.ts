import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RedisUnavailableError } from '../../../../src/infrastructure/redis/redis-scripts.js';
import { retryWhileUnavailable } from '../../../../src/infrastructure/redis/retry-while-unavailable.js';
import { FAKED_CLOCK } from '../../../support/clock.js';

const unavailable = new RedisUnavailableError('Redis did not answer');

beforeEach(() => void jest.useFakeTimers(FAKED_CLOCK));
afterEach(() => void jest.useRealTimers());

/** Work that fails a number of times, then succeeds. Notes the times of its calls. */
function failing(times: number, error: Error = unavailable) {
  const start = performance.now();
  const calls: number[] = [];
  const work = () => {
    calls.push(performance.now() - start);
    return calls.length > times ? Promise.resolve('done') : Promise.reject(error);
  };
  return { work, calls };
}

describe('retryWhileUnavailable', () => {
  it('repeats work after 100 ms, 200 ms and so on, up to 1 s', async () => {
    const { work, calls } = failing(6);
    const result = retryWhileUnavailable(work, 10_000);
    await jest.advanceTimersByTimeAsync(4000);
    expect(await result).toBe('done');
    expect(calls).toEqual([0, 100, 300, 700, 1500, 2500, 3500]);
  });

  it('throws the error when the time is over', async () => {
    const { work, calls } = failing(Infinity);
    const outcome = expect(retryWhileUnavailable(work, 150)).rejects.toBe(unavailable);
    await jest.advanceTimersByTimeAsync(1000);
    await outcome;
    expect(calls).toEqual([0, 100]);
  });

  it('throws another error at once', async () => {
    const bug = new Error('bug');
    const { work, calls } = failing(1, bug);
    await expect(retryWhileUnavailable(work, 10_000)).rejects.toBe(bug);
    expect(calls).toEqual([0]);
  });
});
