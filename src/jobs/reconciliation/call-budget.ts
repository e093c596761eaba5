import { TokenBucket } from '../../infrastructure/rate-limit/token-bucket.js';

/** Share of the calls for each purpose. Neither purpose can use up the calls of the other. */
const SHARES = { recover: 0.25, poll: 0.75 } as const;

/** `recover`: pages of lists for `SubmissionRecovery`. `poll`: states of jobs for `StatusPoller`. */
export type Purpose = keyof typeof SHARES;

/**
 * Rate limit of calls to Gemini. Half a minute's calls can be saved up. A purpose is paused when
 * Gemini limits its calls.
 */
export class CallBudget {
  private readonly buckets: Readonly<Record<Purpose, TokenBucket>>;
  private readonly pausedUntil: Record<Purpose, number> = { recover: 0, poll: 0 };

  /** @param now monotonic clock, ms. */
  constructor(
    perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    const bucket = (share: number): TokenBucket =>
      new TokenBucket(perMinute * share, Math.max(1, (perMinute * share) / 2), now);
    this.buckets = { recover: bucket(SHARES.recover), poll: bucket(SHARES.poll) };
  }

  /** Takes one call. @returns false if none is left, or the purpose is paused. */
  tryAcquire(purpose: Purpose): boolean {
    if (this.now() < this.pausedUntil[purpose]) return false;
    return this.buckets[purpose].tryAcquire() === 0;
  }

  pause(purpose: Purpose, ms: number): void {
    this.pausedUntil[purpose] = Math.max(this.pausedUntil[purpose], this.now() + ms);
  }
}
