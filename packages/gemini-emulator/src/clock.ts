/** The longest delay that a Node timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Appointment {
  readonly dueMs: number;
  readonly run: () => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Emulated time. It starts at the time of the wall clock, runs `scale` times as fast and can be advanced, so that a day
 * of retries and the 24 h of an old secret pass in seconds. Timestamps in headers, tokens and envelopes come from the wall
 * clock instead, because receivers compare them with their own.
 */
export class Clock {
  private readonly appointments = new Set<Appointment>();
  private closed = false;
  private originMs = Date.now();
  private readonly startMs = performance.now();

  /** @param scale emulated seconds in a real second */
  constructor(private readonly scale = 1) {
    if (!(scale > 0)) throw new RangeError('the time scale must be above 0');
  }

  /** Emulated Unix time in ms. */
  now(): number {
    return this.originMs + (performance.now() - this.startMs) * this.scale;
  }

  /**
   * Runs a function once, after a time.
   *
   * @param delayMs emulated
   * @returns a function that cancels it
   */
  after(delayMs: number, run: () => void): () => void {
    if (this.closed) return () => undefined;
    const appointment: Appointment = {
      dueMs: this.now() + delayMs,
      run,
      timer: undefined,
    };
    this.appointments.add(appointment);
    this.arm(appointment);
    return () => this.cancel(appointment);
  }

  /** Moves the clock ahead. Functions that fall due run in the next turns of the event loop, in the order of their times. */
  advance(ms: number): void {
    this.originMs += ms;
    const inOrder = [...this.appointments].toSorted((a, b) => a.dueMs - b.dueMs);
    for (const appointment of inOrder) this.arm(appointment);
  }

  close(): void {
    this.closed = true;
    for (const appointment of this.appointments) this.cancel(appointment);
  }

  private arm(appointment: Appointment): void {
    clearTimeout(appointment.timer);
    const delayMs = Math.max(0, (appointment.dueMs - this.now()) / this.scale);
    appointment.timer = setTimeout(
      () => this.fire(appointment),
      Math.min(Math.ceil(delayMs), MAX_TIMER_MS),
    );
  }

  private fire(appointment: Appointment): void {
    if (this.now() < appointment.dueMs) {
      this.arm(appointment);
      return;
    }
    this.appointments.delete(appointment);
    appointment.run();
  }

  private cancel(appointment: Appointment): void {
    clearTimeout(appointment.timer);
    this.appointments.delete(appointment);
  }
}
