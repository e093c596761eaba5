import { CallBucket } from '../rate/call-bucket.js';

/**
 * Calls a minute, of which at most half can be saved up; none for a while after the other
 * side said that it had enough.
 */
export class CallBudget {
  private readonly bucket: CallBucket;
  private pausedUntil = 0;

  /** @param now ms on any clock that goes on. */
  constructor(
    perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.bucket = new CallBucket(perMinute, Math.max(1, perMinute / 2), now);
  }

  /** False when none is left: it has to wait. */
  take(): boolean {
    return this.now() >= this.pausedUntil && this.bucket.take() === 0;
  }

  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.now() + ms);
  }
}
