const MINUTE_MS = 60_000;

/**
 * Calls a minute, of which at most half can be saved up; none for a while after the other
 * side said that it had enough.
 */
export class CallBudget {
  private left: number;
  private pausedUntil = 0;
  private filledAt: number;

  /** @param now ms on any clock that goes on. */
  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.left = this.most;
    this.filledAt = now();
  }

  /** False when none is left: it has to wait. */
  take(): boolean {
    const now = this.now();
    const earned = ((now - this.filledAt) / MINUTE_MS) * this.perMinute;
    this.left = Math.min(this.most, this.left + earned);
    this.filledAt = now;
    if (now < this.pausedUntil || this.left < 1) return false;
    this.left--;
    return true;
  }

  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.now() + ms);
  }

  private get most(): number {
    return Math.max(1, this.perMinute / 2);
  }
}
