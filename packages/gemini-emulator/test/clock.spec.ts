import { describe, expect, it } from '@jest/globals';
import { Clock } from '../src/clock.js';
import { retryDelayMs } from '../src/deliveries/retry.js';

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

describe('the emulated clock', () => {
  it('starts at the time of the wall clock and runs at its own speed', async () => {
    const before = Date.now();
    const clock = new Clock(1000);
    expect(clock.now()).toBeGreaterThanOrEqual(before);
    await turn();
    expect(clock.now()).toBeGreaterThan(Date.now() + 1000);
  });

  it('runs functions that fall due, in their order, when it is advanced', async () => {
    const clock = new Clock();
    const ran: string[] = [];
    clock.after(7200_000, () => ran.push('later'));
    clock.after(3600_000, () => ran.push('sooner'));
    clock.after(9 * 3600_000, () => ran.push('never'));
    const cancel = clock.after(1000, () => ran.push('cancelled'));
    cancel();
    clock.advance(8 * 3600_000);
    await turn();
    expect(ran).toEqual(['sooner', 'later']);
    clock.close();
    clock.advance(8 * 3600_000);
    await turn();
    expect(ran).toHaveLength(2);
  });

  it('refuses a scale of 0', () => {
    expect(() => new Clock(0)).toThrow(RangeError);
  });
});

describe('the schedule of retries', () => {
  it('has delays that grow up to a limit, and ends', () => {
    const retry = {
      firstDelaySeconds: 5,
      factor: 2,
      maxDelaySeconds: 3600,
      horizonSeconds: 86_400,
    };
    const delays = [1, 2, 3, 11, 12].map((failures) => retryDelayMs(failures, 0, retry));
    expect(delays).toEqual([5000, 10_000, 20_000, 3600_000, 3600_000]);
    expect(retryDelayMs(1, 86_395_000, retry)).toBe(5000);
    expect(retryDelayMs(1, 86_395_001, retry)).toBeUndefined();
  });
});
