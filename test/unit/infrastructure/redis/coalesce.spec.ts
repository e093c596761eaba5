import { describe, expect, it } from '@jest/globals';
import { coalesced } from '../../../../src/infrastructure/redis/coalesce.js';

describe('coalesced', () => {
  it('makes one call for all keys of a turn, and gives each key its answer', async () => {
    const calls: string[][] = [];
    const lengthOf = coalesced((keys) => {
      calls.push(keys);
      return Promise.resolve(keys.map((key) => key.length));
    });
    expect(await Promise.all([lengthOf('a'), lengthOf('bb'), lengthOf('a')])).toEqual([
      1, 2, 1,
    ]);
    expect(await lengthOf('ccc')).toBe(3);
    expect(calls).toEqual([['a', 'bb', 'a'], ['ccc']]);
  });

  it('makes calls of at most 256 keys', async () => {
    const sizes: number[] = [];
    const ask = coalesced((keys) => {
      sizes.push(keys.length);
      return Promise.resolve(keys);
    });
    const keys = Array.from({ length: 600 }, (_, i) => `k${i}`);
    expect(await Promise.all(keys.map(ask))).toEqual(keys);
    expect(sizes).toEqual([256, 256, 88]);
  });

  it('rejects all keys of a turn when the call fails, and none of the next turn', async () => {
    let fails = true;
    const ask = coalesced((keys) =>
      fails ? Promise.reject(new Error('down')) : Promise.resolve(keys),
    );
    const answers = await Promise.allSettled([ask('a'), ask('b')]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    expect(await ask('c')).toBe('c');
  });
});
