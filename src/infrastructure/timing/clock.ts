import { sleep } from './sleep.js';

/** A monotonic clock and pauses on it. Unit tests give a clock of their own. */
export interface Clock {
  /** Milliseconds since any fixed point. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const MONOTONIC_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms) => sleep(ms),
};
