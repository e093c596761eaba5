import type { RetryOptions } from '../options.js';

/**
 * The delay before the next attempt, in emulated ms; undefined if that attempt would come after the horizon.
 *
 * @param failures failed attempts in a row, from 1
 * @param elapsedMs emulated ms since the delivery was first sent
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
