import { sleep } from '../timing/sleep.js';
import { RedisUnavailableError } from './redis-scripts.js';

const FIRST_WAIT_MS = 100;
/** Not shorter than the time for which `RedisScripts` refuses calls after a silence. */
const MAX_WAIT_MS = 1000;

/**
 * Repeats idempotent work while Redis does not answer, for `forMs` at most.
 *
 * @throws {RedisUnavailableError} after that time. Another error of `work` is thrown at once.
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
      await sleep(waitMs);
    }
  }
}
