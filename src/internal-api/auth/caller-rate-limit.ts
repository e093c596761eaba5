import { TokenBucket } from '../../infrastructure/rate-limit/token-bucket.js';

/** More callers than this: the one who was quiet the longest is forgotten. */
const MAX_CALLERS = 10_000;

/**
 * How often each caller may call: a bucket of a minute's calls, which fills as time passes.
 * Of this process only; bounded, because a bucket that is forgotten counts as full.
 */
export class CallerRateLimit {
  /** In the order of the last calls, the oldest first. */
  private readonly buckets = new Map<string, TokenBucket>();

  /**
   * @param perMinute 0 for no limit.
   * @param now milliseconds on a clock that does not go back.
   */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes a call. Returns the seconds to wait when there is none; 0: it may pass. */
  take(caller: string): number {
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
