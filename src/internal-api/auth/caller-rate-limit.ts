import { TokenBucket } from '../../infrastructure/rate-limit/token-bucket.js';

/** With more callers the one with the oldest last call is forgotten. */
const MAX_CALLERS = 10_000;

/**
 * Rate limit of each caller: a token bucket that holds the calls of one minute. It counts the
 * calls of this process only. Forgetting a caller is safe, because a new bucket is full.
 */
export class CallerRateLimit {
  /** Ordered by last call, the oldest first. */
  private readonly buckets = new Map<string, TokenBucket>();

  /**
   * @param perMinute calls of a caller; 0 for no limit.
   * @param now monotonic clock, ms.
   */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes one call of the caller. @returns 0, or the seconds until a call is left. */
  acquire(caller: string): number {
    if (this.perMinute === 0) return 0;
    const bucket =
      this.buckets.get(caller) ??
      new TokenBucket(this.perMinute, this.perMinute, this.now);
    this.buckets.delete(caller);
    this.buckets.set(caller, bucket);
    if (this.buckets.size > MAX_CALLERS) this.forgetOldest();
    return bucket.tryAcquire();
  }

  private forgetOldest(): void {
    const [oldest] = this.buckets.keys();
    if (oldest !== undefined) this.buckets.delete(oldest);
  }
}
