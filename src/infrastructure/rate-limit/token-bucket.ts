const MINUTE_MS = 60_000;

/** So many calls a minute; what is not called is saved up. Full at the start. */
export class TokenBucket {
  private calls: number;
  private filledAt: number;

  /**
   * @param most calls that can be saved up.
   * @param now ms on a clock that does not go back.
   */
  constructor(
    private readonly perMinute: number,
    private readonly most: number,
    private readonly now: () => number,
  ) {
    this.calls = most;
    this.filledAt = now();
  }

  /** Takes a call. Returns the seconds to wait when there is none; 0: it may be made. */
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
