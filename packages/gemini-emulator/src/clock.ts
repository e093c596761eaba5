/** The longest delay that a Node timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Appointment {
  readonly dueMs: number;
  readonly run: () => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Emulated time: it starts with the wall clock, runs `scale` times as fast and can be pushed ahead, so that a day of
 * retries and the 24 h of an old secret pass in seconds. What a receiver compares with its own clock (timestamps in
 * headers, tokens and envelopes) must not come from here.
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

  /** Milliseconds since 1970, emulated. */
  now(): number {
    return this.originMs + (performance.now() - this.startMs) * this.scale;
  }

  /** Runs it once when so much emulated time has passed; the answer cancels it. */
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

  /** Whatever falls due by this runs in the next turns of the event loop, in the order of its time. */
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
