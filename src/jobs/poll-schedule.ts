import type { Job } from './job.js';

const MAX_POLL_INTERVAL_MS = 3_600_000;
const JITTER = 0.2;

/**
 * Time of the next poll, Unix ms. The interval is a quarter of the job's age, at least
 * `lookAfterMs` and at most an hour, with 20 % of jitter.
 */
export function nextPollAt(
  { createdAt }: Pick<Job, 'createdAt'>,
  lookAfterMs: number,
): number {
  const now = Date.now();
  const waitMs = Math.max(lookAfterMs, (now - Date.parse(createdAt)) / 4);
  const spread = 1 - JITTER / 2 + Math.random() * JITTER;
  const limitMs = Math.max(MAX_POLL_INTERVAL_MS, lookAfterMs);
  return Math.round(now + Math.min(waitMs, limitMs) * spread);
}
