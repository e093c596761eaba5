/** More callers than this: the one who was quiet the longest is forgotten. */
const MAX_CALLERS = 10_000;
const MINUTE_MS = 60_000;

interface Bucket {
  calls: number;
  filledAt: number;
}

/**
 * How often each caller may call: a bucket of a minute's calls, which fills as time passes.
 * Of this process only; bounded, because a bucket that is forgotten counts as full.
 */
export class CallRate {
  /** In the order of the last calls, the oldest first. */
  private readonly buckets = new Map<string, Bucket>();

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
    const bucket = this.filled(caller);
    this.buckets.delete(caller);
    this.buckets.set(caller, bucket);
    if (this.buckets.size > MAX_CALLERS) this.forgetOldest();
    if (bucket.calls < 1) {
      return Math.ceil(((1 - bucket.calls) * MINUTE_MS) / this.perMinute / 1000);
    }
    bucket.calls--;
    return 0;
  }

  private filled(caller: string): Bucket {
    const filledAt = this.now();
    const last = this.buckets.get(caller);
    if (!last) return { calls: this.perMinute, filledAt };
    const more = ((filledAt - last.filledAt) * this.perMinute) / MINUTE_MS;
    return { calls: Math.min(this.perMinute, last.calls + more), filledAt };
  }

  private forgetOldest(): void {
    const [oldest] = this.buckets.keys();
    if (oldest !== undefined) this.buckets.delete(oldest);
  }
}
