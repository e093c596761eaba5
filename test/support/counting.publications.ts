import { Publications, type Outcome } from '../../src/publishing/publications.js';

/** Publications that tell a test when deliveries have asked for an attempt in flight. */
export class CountingPublications extends Publications {
  private readonly waiters: { left: number; resolve: () => void }[] = [];

  /** Resolves at that many further calls of `inFlight`. */
  asked(times: number): Promise<void> {
    return new Promise((resolve) => this.waiters.push({ left: times, resolve }));
  }

  override inFlight(key: string): Promise<Outcome> | undefined {
    for (const waiter of this.waiters) if (--waiter.left === 0) waiter.resolve();
    return super.inFlight(key);
  }
}
