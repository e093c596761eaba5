const MINUTE_MS = 60_000;

/** Allows a number of calls a minute and saves unused calls up to a bound. It starts full. */
export class TokenBucket {
  private calls: number;
  private filledAt: number;

  /**
   * @param most bound of the saved calls.
   * @param now milliseconds on a monotonic clock.
   */
  constructor(
    private readonly perMinute: number,
    private readonly most: number,
    private readonly now: () => number,
  ) {
    this.calls = most;
    this.filledAt = now();
  }

  /** Uses up one call. @returns 0 when it may be made, else the seconds to wait for one. */
  tryAcquire(): number {
    const now = this.now();
    const more = ((now - this.filledAt) * this.perMinute) / MINUTE_MS;
    this.calls = Math.min(this.most, this.calls + more);
    this.filledAt = now;
    if (this.calls < 1) {
      return Math.ceil(((1 - this.calls) * MINUTE_MS) / this.perMinute / 1000);
    }
    this.calls--;
    return 0;
  }
}
