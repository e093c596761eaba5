const BEAT_MS = 100;

/**
 * Notices that the event loop has more to do than it gets done: a beat comes late, or is
 * overdue in the middle of a turn. What is begun then is not done in time either, and takes
 * its time from what was begun before; so it is better refused while that still costs little.
 */
export class EventLoopMonitor {
  private dueAt: number;
  private lateMs = 0;
  private readonly timer: NodeJS.Timeout;

  /** @param now ms on a clock that goes on. */
  constructor(
    private readonly maxLateMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.dueAt = now() + BEAT_MS;
    this.timer = setInterval(() => this.beat(), BEAT_MS);
    this.timer.unref();
  }

  /** @param at the time now. */
  isBehind(at: number): boolean {
    return this.lateMs > this.maxLateMs || at - this.dueAt > this.maxLateMs;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private beat(): void {
    const now = this.now();
    this.lateMs = now - this.dueAt;
    this.dueAt = now + BEAT_MS;
  }
}
