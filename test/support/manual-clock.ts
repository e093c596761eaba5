import type { Clock } from '../../src/infrastructure/timing/clock.js';

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A clock that stands still until a test advances it. */
export class ManualClock implements Clock {
  private time = 0;
  private sleepers: Sleeper[] = [];

  now(): number {
    return this.time;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => this.sleepers.push({ until: this.time + ms, wake }));
  }

  /** Advances the time, and ends the sleeps that are over by then, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await turn();
      const [next] = this.sleepers
        .filter(({ until }) => until <= end)
        .toSorted((a, b) => a.until - b.until);
      if (!next) break;
      this.sleepers = this.sleepers.filter((sleeper) => sleeper !== next);
      this.time = Math.max(this.time, next.until);
      next.wake();
    }
    this.time = end;
  }
}

/** A clock whose sleeps end at once and advance its time. */
export class SkippingClock implements Clock {
  private time = 0;

  now(): number {
    return this.time;
  }

  async sleep(ms: number): Promise<void> {
    this.time += ms;
    await turn();
  }
}
