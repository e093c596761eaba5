import type { Job } from './job.js';

const MAX_LOOK_MS = 3_600_000;
const JITTER = 0.2;

/** When to ask about a job again: the older it is, the less its state has changed since. Unix ms. */
export function nextPollAt(
  { createdAt }: Pick<Job, 'createdAt'>,
  lookAfterMs: number,
): number {
  const now = Date.now();
  const waitMs = Math.max(lookAfterMs, (now - Date.parse(createdAt)) / 4);
  const spread = 1 - JITTER / 2 + Math.random() * JITTER;
  return Math.round(now + Math.min(waitMs, Math.max(MAX_LOOK_MS, lookAfterMs)) * spread);
}
