import { TokenBucket } from '../../infrastructure/rate-limit/token-bucket.js';

/** What a question is for, and which part of the calls is kept for that: neither starves the other. */
const SHARES = { find: 0.25, look: 0.75 } as const;

export type Purpose = keyof typeof SHARES;

/**
 * Calls a minute, of which at most half can be saved up; none of one purpose for a while after
 * the other side said that it had enough of them.
 */
export class CallBudget {
  private readonly buckets: Readonly<Record<Purpose, TokenBucket>>;
  private readonly pausedUntil: Record<Purpose, number> = { find: 0, look: 0 };

  /** @param now ms on any clock that goes on. */
  constructor(
    perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    const bucket = (share: number): TokenBucket =>
      new TokenBucket(perMinute * share, Math.max(1, (perMinute * share) / 2), now);
    this.buckets = { find: bucket(SHARES.find), look: bucket(SHARES.look) };
  }

  /** False when none is left: it has to wait. */
  tryAcquire(purpose: Purpose): boolean {
    if (this.now() < this.pausedUntil[purpose]) return false;
    return this.buckets[purpose].tryAcquire() === 0;
  }

  pause(purpose: Purpose, ms: number): void {
    this.pausedUntil[purpose] = Math.max(this.pausedUntil[purpose], this.now() + ms);
  }
}
