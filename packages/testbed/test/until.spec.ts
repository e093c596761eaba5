import { describe, expect, it } from '@jest/globals';
import { until } from '../src/until.js';

describe('until', () => {
  it('returns the first truthy value', async () => {
    const values = [undefined, 0, '', 'ready'];
    expect(await until('a word', () => values.shift())).toBe('ready');
    expect(values).toEqual([]);
  });

  it('fails with what it waited for and the last value', async () => {
    let count = 0;
    const wait = until('the end', () => (count++ < 2 ? undefined : null), {
      limitMs: 100,
    });
    await expect(wait).rejects.toThrow(/^waited 100 ms for the end; last state: null$/);
  });

  it('shows the state that it is given', async () => {
    const lines = ['one', 'two'];
    const wait = until('a third line', () => lines.length > 2, {
      limitMs: 50,
      state: () => lines,
    });
    await expect(wait).rejects.toThrow("last state: [ 'one', 'two' ]");
  });

  it('does not wait for a condition that hangs', async () => {
    const wait = until('an answer', () => new Promise(() => undefined), { limitMs: 50 });
    await expect(wait).rejects.toThrow("last state: 'the condition has not returned'");
  });

  it('passes on an error of the condition', async () => {
    const wait = until('nothing', () => {
      throw new Error('of the condition');
    });
    await expect(wait).rejects.toThrow(/^of the condition$/);
  });
});
