import type { TryCount } from '../../signing-secrets/secrets-document.js';

/** What has been well for so long needs no patience any more. */
const WELL_AFTER_MS = 24 * 3_600_000;

/** How often something is tried that may not help, and how much more rarely each time. */
export interface RetryPolicy {
  readonly max: number;
  readonly firstMs: number;
  readonly capMs: number;
}

export function mayRetry(
  done: TryCount | undefined,
  { max, firstMs, capMs }: RetryPolicy,
  now: number,
): boolean {
  if (!done) return max > 0;
  const waitMs = Math.min(firstMs * 2 ** done.count, capMs);
  return done.count < max && now >= done.at + waitMs;
}

export function recordTry(done: TryCount | undefined, now: number): TryCount {
  return { count: (done?.count ?? 0) + 1, at: now };
}

/** Undefined when it has been well for long enough. */
export function recordHealthy(done: TryCount, now: number): TryCount | undefined {
  const { wellSince = now } = done;
  return now - wellSince > WELL_AFTER_MS ? undefined : { ...done, wellSince };
}
