import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Shorter than the time that a test has (30 s), so that the failure says what was waited for. */
const LIMIT_MS = 25_000;
const POLL_MS = 20;
const EXPIRED = Symbol('expired');

export interface UntilOptions {
  /** Milliseconds after which the wait fails. Give the test itself more. */
  readonly limitMs?: number;
  /** Text for the failure; by default the last value of the condition. */
  readonly state?: () => unknown;
}

type Falsy = undefined | null | false | 0 | '';

/**
 * Polls until the condition returns a truthy value, and returns that value. An error of the condition is passed on.
 *
 * @param what completes "waited for"; it is in the failure.
 * @throws {Error} when the limit is over, with the last state. A condition that does not return counts, too.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { limitMs = LIMIT_MS, state }: UntilOptions = {},
): Promise<Exclude<T, Falsy>> {
  const deadlineMs = performance.now() + limitMs;
  const timer = new AbortController();
  const expired = sleep(limitMs, EXPIRED, { signal: timer.signal }).catch(() => EXPIRED);
  let last: unknown = 'the condition has not returned';
  try {
    while (performance.now() < deadlineMs) {
      const value = await Promise.race([condition(), expired]);
      if (value === EXPIRED) break;
      if (value) return value as Exclude<T, Falsy>;
      last = value;
      await sleep(POLL_MS);
    }
  } finally {
    timer.abort();
  }
  const shown = inspect(state ? state() : last, { depth: 4, maxArrayLength: 20 });
  throw new Error(`waited ${limitMs} ms for ${what}; last state: ${shown}`);
}
