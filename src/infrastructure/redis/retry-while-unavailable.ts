import { setTimeout as delay } from 'node:timers/promises';
import { RedisUnavailableError } from './redis-scripts.js';

const FIRST_WAIT_MS = 100;
/** A store that did not answer is not asked for a second (`RedisScripts`). */
const MAX_WAIT_MS = 1000;

/**
 * Does what can be done twice until the store answers, for so long.
 *
 * @throws {RedisUnavailableError} after that, or whatever else `work` throws at once.
 */
export async function retryWhileUnavailable<T>(
  work: () => Promise<T>,
  forMs: number,
): Promise<T> {
  const deadline = performance.now() + forMs;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      const isLast = performance.now() + waitMs > deadline;
      if (!(error instanceof RedisUnavailableError) || isLast) throw error;
      await delay(waitMs);
    }
  }
}
