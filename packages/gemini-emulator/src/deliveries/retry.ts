import type { RetryOptions } from '../options.js';

/**
 * Emulated milliseconds to wait after so many failed attempts in a row (from 1), or undefined when the next attempt
 * would come after the horizon. `elapsedMs`: since the delivery was first sent.
 */
export function retryDelayMs(
  failures: number,
  elapsedMs: number,
  retry: RetryOptions,
): number | undefined {
  const { firstDelaySeconds, factor, maxDelaySeconds, horizonSeconds } = retry;
  const delaySeconds = firstDelaySeconds * factor ** (failures - 1);
  const delayMs = Math.min(delaySeconds, maxDelaySeconds) * 1000;
  return elapsedMs + delayMs > horizonSeconds * 1000 ? undefined : delayMs;
}
