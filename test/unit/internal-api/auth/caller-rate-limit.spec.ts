import { beforeEach, describe, expect, it } from '@jest/globals';
import { CallerRateLimit } from '../../../../src/internal-api/auth/caller-rate-limit.js';

const MAX_CALLERS = 10_000;

let nowMs: number;

beforeEach(() => {
  nowMs = 1_000_000;
});

const rateOf = (perMinute: number) => new CallerRateLimit(perMinute, () => nowMs);

const times = (n: number, call: () => number) => Array.from({ length: n }, call);

describe('CallRate', () => {
  it('has a minute’s calls for a start, then as many as time brings', () => {
    const rate = rateOf(60);
    expect(times(60, () => rate.acquire('a'))).toEqual(times(60, () => 0));
    expect(rate.acquire('a')).toBe(1);
    nowMs += 999;
    expect(rate.acquire('a')).toBe(1);
    nowMs += 1;
    expect(rate.acquire('a')).toBe(0);
    expect(rate.acquire('a')).toBe(1);
  });

  it('saves no more than a minute’s calls', () => {
    const rate = rateOf(2);
    times(2, () => rate.acquire('a'));
    nowMs += 3_600_000;
    expect(times(3, () => rate.acquire('a'))).toEqual([0, 0, 30]);
  });

  it('says when the next call may be made, and then it may', () => {
    const rate = rateOf(7);
    times(7, () => rate.acquire('a'));
    const wait = rate.acquire('a');
    expect(wait).toBe(9); // 60/7 s
    nowMs += wait * 1000;
    expect(rate.acquire('a')).toBe(0);
  });

  it('does not limit other callers', () => {
    const rate = rateOf(1);
    expect(['a', 'b', 'a', 'b'].map((name) => rate.acquire(name))).toEqual([
      0, 0, 60, 60,
    ]);
  });

  it('is no limit at 0', () => {
    const rate = rateOf(0);
    expect(times(10_000, () => rate.acquire('a'))).not.toContain(1);
  });

  it('forgets who was quiet the longest, when there are many', () => {
    const rate = rateOf(1);
    for (const name of ['a', 'b', 'a']) rate.acquire(name);
    for (let i = 0; i < MAX_CALLERS - 1; i++) rate.acquire(`caller-${i}`);
    expect(rate.acquire('a')).toBe(60);
    expect(rate.acquire('b')).toBe(0);
  });
});
