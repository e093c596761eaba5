import type { TryCount } from '../../signing-secrets/reconcile-state.js';

/** The tries are forgotten after this healthy period. */
const HEALTHY_AFTER_MS = 24 * 3_600_000;

/** Limits of a repair that may not help. The pause before each further try doubles. */
export interface RetryPolicy {
  /** Most tries; Infinity for no limit. */
  readonly max: number;
  /** Half of the first pause. */
  readonly firstMs: number;
  /** Longest pause. */
  readonly capMs: number;
}

/** True if the policy allows a try at `now`, Unix ms. */
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

/**
 * Records that the repair is not needed now.
 *
 * @returns undefined once the healthy period is long enough: the count starts anew.
 */
export function recordHealthy(done: TryCount, now: number): TryCount | undefined {
  const { wellSince = now } = done;
  return now - wellSince > HEALTHY_AFTER_MS ? undefined : { ...done, wellSince };
}
