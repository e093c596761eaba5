import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventLoopMonitor } from '../../../../src/receiver/http/event-loop-monitor.js';

let now: number;
let monitor: EventLoopMonitor;

beforeEach(() => {
  jest.useFakeTimers();
  now = 0;
  monitor = new EventLoopMonitor(500, () => now);
});

afterEach(() => {
  monitor.close();
  jest.useRealTimers();
});

/** Moves the monitor's clock, then lets one beat come. */
function pass(ms: number): void {
  now += ms;
  jest.advanceTimersByTime(100);
}

describe('EventLoopMonitor', () => {
  it('is not behind while beats are a little late', () => {
    pass(100);
    pass(500);
    expect(monitor.isBehind(now)).toBe(false);
  });

  it('is behind in the middle of a turn when a beat is overdue', () => {
    expect(monitor.isBehind(600)).toBe(false);
    expect(monitor.isBehind(601)).toBe(true);
  });

  it('is behind from a late beat to the next one in time', () => {
    pass(700);
    expect(monitor.isBehind(now)).toBe(true);
    pass(100);
    expect(monitor.isBehind(now)).toBe(false);
  });
});
