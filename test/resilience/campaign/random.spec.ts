import { describe, expect, it } from '@jest/globals';
import { Random } from './random.js';

const throws = (random: Random, count = 1000): number[] =>
  Array.from({ length: count }, () => random.next());

describe("the campaign's random numbers", () => {
  it('are the same for the same seed, and different for another', () => {
    expect(throws(new Random(7))).toEqual(throws(new Random(7)));
    expect(throws(new Random(8))).not.toEqual(throws(new Random(7)));
  });

  it('are spread over the whole range', () => {
    const thrown = throws(new Random(1), 10_000);
    const mean = thrown.reduce((sum, value) => sum + value, 0) / thrown.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(Math.min(...thrown)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...thrown)).toBeLessThan(1);
    expect(new Set(thrown).size).toBeGreaterThan(9990);
  });

  it('give whole numbers with both ends included', () => {
    const random = new Random(3);
    const thrown = Array.from({ length: 200 }, () => random.int(2, 4));
    expect(new Set(thrown)).toEqual(new Set([2, 3, 4]));
  });

  it('pick every entry of a list, and refuse an empty list', () => {
    const random = new Random(3);
    const picked = Array.from({ length: 100 }, () => random.pick(['a', 'b']));
    expect(new Set(picked)).toEqual(new Set(['a', 'b']));
    expect(() => random.pick([])).toThrow(RangeError);
  });

  it('never hit a chance of 0 and always a chance of 1', () => {
    const random = new Random(5);
    const chances = Array.from({ length: 1000 }, () => random.chance(0.1));
    const hits = chances.filter(Boolean).length;
    expect(hits).toBeGreaterThan(60);
    expect(hits).toBeLessThan(140);
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
  });

  it('are forked by name, independently of earlier numbers', () => {
    const used = new Random(9);
    throws(used);
    expect(throws(used.fork('a'))).toEqual(throws(new Random(9).fork('a')));
    expect(throws(used.fork('a'))).not.toEqual(throws(used.fork('b')));
    expect(throws(used.fork('a'))).not.toEqual(throws(new Random(10).fork('a')));
  });
});
