import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventLoopMonitor } from '../../../../src/receiver/http/event-loop-monitor.js';

let now: number;
let watch: EventLoopMonitor;

beforeEach(() => {
  jest.useFakeTimers();
  now = 0;
  watch = new EventLoopMonitor(500, () => now);
});

afterEach(() => {
  watch.close();
  jest.useRealTimers();
});

/** The timers' clock and the watch's: a beat that is late comes at the end of the time. */
function pass(ms: number): void {
  now += ms;
  jest.advanceTimersByTime(100);
}

describe('LoopWatch', () => {
  it('is content with beats that are a little late', () => {
    pass(100);
    pass(500);
    expect(watch.isBehind(now)).toBe(false);
  });

  it('notices in the middle of a turn that a beat is overdue', () => {
    expect(watch.isBehind(600)).toBe(false);
    expect(watch.isBehind(601)).toBe(true);
  });

  it('stays behind after a late beat until one comes in time', () => {
    pass(700);
    expect(watch.isBehind(now)).toBe(true);
    pass(100);
    expect(watch.isBehind(now)).toBe(false);
  });
});
