const BEAT_MS = 100;

/**
 * Detects that the event loop is behind: a beat of the timer was late, or is overdue in the middle
 * of a turn. Work that begins then delays the work in flight and is late itself.
 */
export class EventLoopMonitor {
  private dueAt: number;
  private lateMs = 0;
  private readonly timer: NodeJS.Timeout;

  /** @param now ms on a monotonic clock. */
  constructor(
    private readonly maxLateMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.dueAt = now() + BEAT_MS;
    this.timer = setInterval(() => this.beat(), BEAT_MS);
    this.timer.unref();
  }

  /** @param at the current time on the monitor's clock, in ms. */
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
